import Launch
import Testing

/// Who says what about ranks and the coordinator, for every launcher and for what they contradict.
@Suite struct LaunchEnvironmentTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var variables: [String: String] = [:]
        var flags = LaunchFlags()
        var line: String
        var isOneOfSeveral = false

        var testDescription: String { name }
    }

    private static let torchrun = [
        "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1",
        "MASTER_ADDR": "n0", "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_RUN_ID": "night",
    ]
    private static let slurm = [
        "SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_NODEID": "2", "SLURM_NTASKS": "8",
        "SLURM_STEP_NUM_TASKS": "8",
        "SLURM_STEP_TASKS_PER_NODE": "2(x4)", "SLURM_JOB_ID": "17", "SLURM_STEP_NODELIST": "n[0-3]",
        "SLURM_JOB_NODELIST": "m[0-3]", "SLURMD_NODENAME": "n2", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.99",
    ]
    private static let openMPI = [
        "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "OMPI_COMM_WORLD_NODE_RANK": "7",
    ]

    static let cases = [
        Case(name: "nothing", line: "rank 0 of 1 (default)"),
        Case(
            name: "torchrun", variables: torchrun,
            line:
                "rank 3 of 8, local rank 1 of 2, restart 2, job night (torchrun), coordinator tcp://n0:7788 (MASTER_ADDR)",
            isOneOfSeveral: true),
        Case(
            name: "Slurm", variables: slurm,
            line: "rank 5 of 8, local rank 1 of 2, job 17 (Slurm), "
                + "coordinator tcp://n0:7788 (first node of SLURM_STEP_NODELIST)", isOneOfSeveral: true),
        Case(
            name: "Slurm after a requeue", variables: slurm.merging(["SLURM_RESTART_COUNT": "1"]) { $1 },
            line: "rank 5 of 8, local rank 1 of 2, restart 1, job 17 (Slurm), "
                + "coordinator tcp://n0:7788 (first node of SLURM_STEP_NODELIST)", isOneOfSeveral: true),
        Case(
            name: "a batch script outside a step",
            variables: [
                "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "8",
                "SLURM_JOB_ID": "17",
                "SLURM_JOB_NODELIST": "m[3,5]",
            ],
            line:
                "rank 0 of 8, local rank 0, job 17 (Slurm), coordinator tcp://m3:7788 (first node of SLURM_JOB_NODELIST)"
        ),
        Case(
            name: "torchrun inside Slurm", variables: slurm.merging(torchrun) { $1 },
            line:
                "rank 3 of 8, local rank 1 of 2, restart 2, job night (torchrun), coordinator tcp://n0:7788 (MASTER_ADDR)",
            isOneOfSeveral: true),
        Case(
            name: "a launcher that tells less is not completed by another",
            variables: ["LOCAL_RANK": "1"].merging(slurm) { $1 },
            line: "rank 0 (default), local rank 1 (torchrun), job 17 (Slurm), "
                + "coordinator tcp://n0:7788 (first node of SLURM_STEP_NODELIST)"),
        Case(
            name: "Open MPI", variables: openMPI, line: "rank 2 of 4, local rank 0 of 2 (Open MPI)",
            isOneOfSeveral: true),
        Case(
            name: "Open MPI inside a Slurm allocation keeps to Slurm's step", variables: openMPI.merging(slurm) { $1 },
            line: "rank 5 of 8, local rank 1 of 2, job 17 (Slurm), "
                + "coordinator tcp://n0:7788 (first node of SLURM_STEP_NODELIST)", isOneOfSeveral: true),
        Case(
            name: "PMI", variables: ["PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1"],
            line: "rank 1 of 2, local rank 0 of 1 (PMI)"),
        Case(
            name: "Kubernetes",
            variables: [
                "JOB_COMPLETION_INDEX": "4", "TARE_COORDINATOR_SERVICE_HOST": "10.96.0.7",
                "TARE_COORDINATOR_SERVICE_PORT": "7799",
            ], line: "rank 4 (Kubernetes), coordinator tcp://10.96.0.7:7799 (TARE_COORDINATOR_SERVICE_HOST)"),
        Case(
            name: "the variables of the example",
            variables: [
                "SLURM_PROCID": "3", "SLURM_NTASKS": "8", "TARE_COORDINATOR": "tcp://n0:7788",
                "SLURM_STEP_NODELIST": "x[0-3]",
            ], line: "rank 3 of 8 (Slurm), coordinator tcp://n0:7788 (TARE_COORDINATOR)"),
        Case(
            name: "own variables before launchers",
            variables: torchrun.merging([
                "TARE_RANK": "7", "TARE_LOCAL_RANK": "0", "TARE_ADDRESS_FILE": "/shared/a.json", "TARE_JOB_ID": "mine",
            ]) { $1 },
            line:
                "rank 7 (TARE_*), world size 8 (torchrun), local rank 0 (TARE_*), restart 2 (torchrun), job mine (TARE_*), "
                + "coordinator named in /shared/a.json (TARE_ADDRESS_FILE)", isOneOfSeveral: true),
        Case(
            name: "flags before everything", variables: torchrun.merging(["TARE_COORDINATOR": "tcp://wrong:1"]) { $1 },
            flags: LaunchFlags(coordinator: "ipc:///tmp/x", localRank: 0),
            line: "rank 3 of 8 (torchrun), local rank 0 (command line), restart 2, job night (torchrun), "
                + "coordinator ipc:///tmp/x (--coordinator)", isOneOfSeveral: true),
        Case(
            name: "an address file by flag", variables: ["TARE_COORDINATOR": "tcp://wrong:1"],
            flags: LaunchFlags(addressFile: "here.json"),
            line: "rank 0 of 1 (default), coordinator named in here.json (--address-file)"),
        Case(
            name: "empty variables are not set", variables: ["RANK": "", "TARE_COORDINATOR": "", "SLURM_PROCID": ""],
            line: "rank 0 of 1 (default)"),
        Case(
            name: "an IPv6 master", variables: ["MASTER_ADDR": "fe80::1"],
            line: "rank 0 of 1 (default), coordinator tcp://[fe80::1]:7788 (MASTER_ADDR)"),
    ]

    @Test(arguments: cases)
    func firstThatSaysSoWins(_ item: Case) throws {
        let environment = try LaunchEnvironment(flags: item.flags, variables: item.variables)
        #expect(environment.description == item.line)
        #expect(environment.isOneOfSeveral == item.isOneOfSeveral)
    }

    @Test func everyFieldNamesItsVariable() throws {
        let environment = try LaunchEnvironment(variables: Self.slurm)
        #expect(environment.rank == Sourced(5, .slurm, "SLURM_PROCID"))
        #expect(environment.worldSize == Sourced(8, .slurm, "SLURM_STEP_NUM_TASKS"))
        #expect(environment.localRank == Sourced(1, .slurm, "SLURM_LOCALID"))
        #expect(environment.localWorldSize == Sourced(2, .slurm, "SLURM_STEP_TASKS_PER_NODE"))
        #expect(environment.nodeRank == Sourced(2, .slurm, "SLURM_NODEID"))
        #expect(environment.nodeName == Sourced("n2", .slurm, "SLURMD_NODENAME"))
        #expect(environment.restartCount == .standard(0))
        #expect(environment.jobID == Sourced("17", .slurm, "SLURM_JOB_ID"))
    }

    @Test(arguments: [
        ("RANK", "three"), ("RANK", "-1"), ("RANK", "+1"), ("RANK", " 1"), ("RANK", "1.0"), ("WORLD_SIZE", "0"),
        ("LOCAL_RANK", "99999999999999999999"), ("TARE_RANK", "2000000"), ("SLURM_PROCID", "0x1"),
        ("TARE_RESTART_COUNT", "often"), ("OMPI_COMM_WORLD_SIZE", "many"), ("JOB_COMPLETION_INDEX", "٣"),
    ])
    func numbersThatAreNone(_ variable: String, _ value: String) {
        #expect {
            try LaunchEnvironment(variables: [variable: value])
        } throws: { error in
            "\(error)".contains("\(variable) is '\(value)'")
        }
    }

    @Test(arguments: [
        (["RANK": "8", "WORLD_SIZE": "8"], "RANK=8 does not fit WORLD_SIZE=8"),
        (["LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "2"], "LOCAL_RANK=2 does not fit LOCAL_WORLD_SIZE=2"),
        (["TARE_LOCAL_RANK": "5", "LOCAL_WORLD_SIZE": "2"], "TARE_LOCAL_RANK=5 does not fit LOCAL_WORLD_SIZE=2"),
        (["LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "2"], "LOCAL_WORLD_SIZE=4 does not fit WORLD_SIZE=2"),
        (["SLURM_PROCID": "0", "SLURM_NODEID": "3", "SLURM_STEP_TASKS_PER_NODE": "2(x3)"], "SLURM_NODEID=3"),
        (
            ["SLURM_PROCID": "0", "SLURM_STEP_TASKS_PER_NODE": "2(y3)"],
            "SLURM_STEP_TASKS_PER_NODE=2(y3) cannot be read"
        ),
        (["SLURM_STEP_NODELIST": "n[3-0]"], "SLURM_STEP_NODELIST=n[3-0] cannot be read"),
        (["TARE_COORDINATOR": "n0:7788"], "TARE_COORDINATOR is 'n0:7788'"),
        (["TARE_COORDINATOR": "tcp://n0:0"], "needs the host and the port"),
        (["TARE_COORDINATOR": "tcp://*:7788"], "needs the host and the port"),
        (["TARE_COORDINATOR": "tcp://a:1", "TARE_ADDRESS_FILE": "f"], "TARE_COORDINATOR and TARE_ADDRESS_FILE"),
        (["TARE_COORDINATOR_SERVICE_HOST": "h", "TARE_COORDINATOR_SERVICE_PORT": "tcp://h:1"], "_SERVICE_PORT is"),
    ])
    func contradictionsNameBothSides(_ variables: [String: String], _ text: String) {
        #expect {
            try LaunchEnvironment(variables: variables)
        } throws: { error in
            "\(error)".contains(text)
        }
    }

    @Test func rankAndWorldFromFlagsAreChecked() {
        #expect(throws: LaunchError.exclusive("--coordinator", "--address-file")) {
            try LaunchEnvironment(flags: LaunchFlags(coordinator: "tcp://a:1", addressFile: "f"), variables: [:])
        }
        #expect(throws: LaunchError.number(variable: "--local-rank", value: "-1", least: 0)) {
            try LaunchEnvironment(flags: LaunchFlags(localRank: -1), variables: [:])
        }
    }

    @Test func withoutAnAddressNothingIsAssumed() async throws {
        let environment = try LaunchEnvironment(variables: ["RANK": "1", "WORLD_SIZE": "2"])
        #expect(environment.coordinator == nil)
        await #expect(throws: LaunchError.noCoordinator) {
            try await environment.findCoordinator(timeout: .zero) { _ in }
        }
    }

    @Test func namesThatDoNotResolveAreErrors() async throws {
        let environment = try LaunchEnvironment(variables: ["SLURM_STEP_NODELIST": "no..such..host[7-9]"])
        await #expect {
            try await environment.findCoordinator(timeout: .zero) { _ in }
        } throws: { error in
            let text = "\(error)"
            return text.contains("'no..such..host7' (from first node of SLURM_STEP_NODELIST)")
                && text.contains("--address-file") && !text.contains("localhost")
        }
    }
}
