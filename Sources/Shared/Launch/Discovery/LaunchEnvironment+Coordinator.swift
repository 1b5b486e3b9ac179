internal import Wire

extension LaunchEnvironment {
    /// Where the coordinator is, from the first that says so.
    static func coordinator(
        _ flags: LaunchFlags, _ variables: LaunchVariables
    ) throws(LaunchError) -> Sourced<CoordinatorLocation>? {
        switch (flags.coordinator, flags.addressFile) {
        case (.some, .some): throw .exclusive("--coordinator", "--address-file")
        case (let endpoint?, nil): return try located(Sourced(endpoint, .flag, "--coordinator"))
        case (nil, let path?): return Sourced(.addressFile(path: path), .flag, "--address-file")
        case (nil, nil): break
        }
        let endpoint = variables.text("TARE_COORDINATOR", .tare)
        let file = variables.text("TARE_ADDRESS_FILE", .tare)
        if endpoint != nil, file != nil { throw .exclusive("TARE_COORDINATOR", "TARE_ADDRESS_FILE") }
        if let endpoint { return try located(endpoint) }
        if let file { return Sourced(.addressFile(path: file.value), .tare, file.variable) }
        // MASTER_PORT is torchrun's own store.
        if let host = variables.text("MASTER_ADDR", .torchrun) { return try located(host, port: coordinatorPort) }
        // SLURM_LAUNCH_NODE_IPADDR is where srun was called, which may be the login node.
        let nodes =
            variables.text("SLURM_STEP_NODELIST", .slurm) ?? variables.text("SLURM_JOB_NODELIST", .slurm)
        if let nodes { return try firstNode(of: nodes) }
        if let host = variables.text("TARE_COORDINATOR_SERVICE_HOST", .kubernetes) {
            let port = try variables.integer(["TARE_COORDINATOR_SERVICE_PORT"], .kubernetes, least: 1)
            return try located(host, port: port?.value ?? coordinatorPort)
        }
        return nil
    }

    private static func firstNode(of nodes: Sourced<String>) throws(LaunchError) -> Sourced<CoordinatorLocation>? {
        let hosts: [String]
        do {
            hosts = try SlurmLists.hosts(nodes.value)
        } catch {
            throw .slurmList(variable: nodes.variable, value: nodes.value, reason: error.reason)
        }
        guard let first = hosts.first else { return nil }
        return try located(Sourced(first, nodes.source, "first node of \(nodes.variable)"), port: coordinatorPort)
    }

    private static func located(
        _ host: Sourced<String>, port: Int
    ) throws(LaunchError) -> Sourced<CoordinatorLocation> {
        // An IPv6 address needs brackets beside a port.
        let name = host.value.contains(":") && !host.value.hasPrefix("[") ? "[\(host.value)]" : host.value
        return try located(Sourced("tcp://\(name):\(port)", host.source, host.variable))
    }

    private static func located(_ text: Sourced<String>) throws(LaunchError) -> Sourced<CoordinatorLocation> {
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint(text.value)
        } catch {
            throw .endpoint(variable: text.variable, value: text.value, reason: error.reason)
        }
        guard endpoint.port != 0, endpoint.host != "*" else {
            throw .endpoint(
                variable: text.variable, value: text.value, reason: "a worker needs the host and the port")
        }
        return Sourced(.endpoint(endpoint.text), text.source, text.variable)
    }
}
