import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import Synchronization
import Testing
import Wire
import WorkerCore
import WorkerService

/// Coordinator and workers with real sockets, in one process.
@Suite(.timeLimit(.minutes(2))) struct ClusterTests {
    /// Runs a job with workers of this process, each with the keys of `security` if there are any; the last may have to
    /// wait until the others have left.
    ///
    /// - Returns: The outcome, or why there is none, and why each worker left.
    static func run(
        _ job: ClusterJob<[UInt8]>, endpoint: String? = nil, workers: [FakeComputers],
        instructionSet: String = "avx512", security: [SocketSecurity]? = nil, delaysLast: Bool = false,
        configure: (inout CoordinatorServiceConfiguration) -> Void = { _ in }
    ) async -> (outcome: Result<CalibrationOutcome<[UInt8]>, any Error>, exits: [Result<WorkerExit, any Error>]) {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "tare-test-\(UInt32.random(in: 0 ... .max))")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = CoordinatorServiceConfiguration(endpoint: endpoint ?? "ipc://\(folder.path)/c")
        configuration.core.heartbeatInterval = .milliseconds(100)
        configuration.core.leaseDuration = .seconds(20)
        configure(&configuration)
        let (listening, announce) = AsyncStream<String>.makeStream()
        let service = CoordinatorService(configuration: configuration)
        async let outcome: Result<CalibrationOutcome<[UInt8]>, any Error> = {
            do {
                return .success(
                    try await service.run(job) { notice in
                        if case .listening(let control, _) = notice { announce.yield(control) }
                    })
            } catch {
                announce.finish()
                return .failure(error)
            }
        }()
        var exits: [Result<WorkerExit, any Error>] = []
        var iterator = listening.makeAsyncIterator()
        if let address = await iterator.next() {
            exits = await withTaskGroup(of: (Int, Result<WorkerExit, any Error>).self) { group in
                var results: [Int: Result<WorkerExit, any Error>] = [:]
                for (rank, computers) in workers.enumerated() {
                    if delaysLast, rank + 1 == workers.count {
                        for await (rank, result) in group { results[rank] = result }
                    }
                    group.addTask {
                        do {
                            var worker = WorkerServiceConfiguration(
                                coordinator: address, instructionSet: instructionSet, build: "test",
                                computers: computers)
                            worker.localRank = rank
                            if let security { worker.security = security[rank] }
                            return (rank, .success(try await WorkerService(configuration: worker).run()))
                        } catch {
                            return (rank, .failure(error))
                        }
                    }
                }
                for await (rank, result) in group { results[rank] = result }
                return results.sorted { $0.key < $1.key }.map(\.value)
            }
        }
        return (await outcome, exits)
    }

    @Test(arguments: [(1, false), (1, true), (3, false), (3, true)])
    func anyNumberOfWorkersGivesTheSameStatistics(workers: Int, streams: Bool) async throws {
        let job = try FakeComputation.job(
            samples: 23, perShard: 2, delivery: streams ? .stream : .shared(paths: ["/nowhere"]), filler: 400_000)
        let (outcome, exits) = await Self.run(job, workers: Array(repeating: FakeComputers(), count: workers))
        let result = try outcome.get()
        #expect(result.statistics == FakeComputation.statistics(0..<23, filler: 0))
        #expect(result.shardDigests.count == 12 && result.conflicts == [])
        for exit in exits { #expect(try exit.get() == .done(.completed, text: "")) }
    }

    @Test func tcpGivesTheSameStatistics() async throws {
        let job = try FakeComputation.job(samples: 9, perShard: 2, delivery: .stream)
        let (outcome, _) = await Self.run(
            job, endpoint: "tcp://127.0.0.1:*", workers: [FakeComputers(), FakeComputers()])
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<9, filler: 0))
    }

    @Test func aLargeModelComesInManyChunks() async throws {
        let model = (0..<5_000_001).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let job = try FakeComputation.job(samples: 4, perShard: 1, delivery: .shared(paths: []), model: model)
        let (outcome, _) = await Self.run(job, workers: [FakeComputers(expectedModel: model)])
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<4, filler: 0))
    }

    @Test func aFailingWorkerIsReplacedByAnother() async throws {
        let job = try FakeComputation.job(samples: 12, perShard: 2, delivery: .shared(paths: []))
        let broken = FakeComputers { _ in throw ShardComputationError(.device, "the device is on fire") }
        let (outcome, _) = await Self.run(job, workers: [broken, FakeComputers()])
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<12, filler: 0))
    }

    @Test func badDataEndsTheJobWithItsName() async throws {
        let job = try FakeComputation.job(samples: 700, perShard: 50, delivery: .stream)
        let (outcome, exits) = await Self.run(job, workers: [FakeComputers(), FakeComputers()])
        #expect(throws: JobFailure.data(text: "sample-666.png is not an image", sample: 666)) { try outcome.get() }
        for exit in exits {
            #expect(try exit.get() == .done(.failed, text: "Sample 666: sample-666.png is not an image"))
        }
    }

    @Test func anUnsuitableWorkerIsToldAndCancellingEndsTheJob() async throws {
        let job = try FakeComputation.job(samples: 4, perShard: 1, delivery: .stream, instructionSet: "avx2")
        let (listening, announce) = AsyncStream<String>.makeStream()
        let service = CoordinatorService(configuration: CoordinatorServiceConfiguration(endpoint: "tcp://127.0.0.1:*"))
        let task = Task {
            try await service.run(job) { notice in
                if case .listening(let control, _) = notice { announce.yield(control) }
            }
        }
        var iterator = listening.makeAsyncIterator()
        let address = try #require(await iterator.next())
        let configuration = WorkerServiceConfiguration(
            coordinator: address, instructionSet: "avx512", build: "test", computers: FakeComputers())
        await #expect(throws: WorkerServiceError.self) { try await WorkerService(configuration: configuration).run() }
        task.cancel()
        await #expect(throws: JobFailure.cancelled(text: "stopped by the user")) { try await task.value }
    }

    @Test func anAddressInUseIsNamed() async throws {
        let job = try FakeComputation.job(samples: 4, perShard: 1, delivery: .stream)
        var configuration = CoordinatorServiceConfiguration(endpoint: "tcp://192.0.2.1:7788")
        await #expect(throws: (any Error).self) { try await CoordinatorService(configuration: configuration).run(job) }
        configuration.endpoint = "ipc:///nonexistent/folder/socket"
        await #expect(throws: CoordinatorServiceError.self) {
            try await CoordinatorService(configuration: configuration).run(job)
        }
    }

    @Test func aWorkerWithoutCoordinatorGivesUp() async throws {
        var configuration = WorkerServiceConfiguration(
            coordinator: "ipc:///tmp/tare-nobody-\(UInt32.random(in: 0 ... .max))", instructionSet: "avx512",
            build: "test",
            computers: FakeComputers())
        configuration.joinTimeout = .milliseconds(50)
        await #expect(
            throws: WorkerServiceError.unreachable(endpoint: configuration.coordinator, wait: .milliseconds(50))
        ) {
            try await WorkerService(configuration: configuration).run()
        }
    }
}
