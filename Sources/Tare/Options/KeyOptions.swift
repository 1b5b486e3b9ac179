import ArgumentParser
import CoordinatorService
import Foundation
import Launch
import Wire

/// The coordinator's keys and allow list.
struct CoordinatorKeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The coordinator's .secret file, or a folder that 'tare keygen --directory' made.", valueName: "path"))
    var keys: String?

    @Option(
        help: ArgumentHelp(
            "Who may connect; by default 'authorized_keys' in the folder that --keys names.", valueName: "file"))
    var authorizedKeys: String?

    @Flag(help: "Serve this machine without encryption on a loopback address.")
    var insecure = false

    func validate() throws {
        if insecure, keys != nil || authorizedKeys != nil {
            throw ValidationError(
                "--insecure is for coordinators without keys; leave out --keys and --authorized-keys.")
        }
        if authorizedKeys != nil, keys == nil { throw ValidationError("--authorized-keys needs --keys.") }
    }

    /// Refuses keys of a command that listens to nobody.
    func validate(listens: Bool) throws {
        if !listens, keys != nil || insecure {
            throw ValidationError("--keys and --insecure are for workers from elsewhere: give --listen too.")
        }
    }

    /// Reads the keys and the allow list; without keys other machines must not be able to reach the endpoint.
    func access(at endpoint: Endpoint) throws -> ClusterAccess {
        guard let keys else {
            guard endpoint.host == nil || insecure else {
                throw CommandFailure(
                    .usage,
                    "Listening at \(endpoint): tcp is encrypted; give --keys (a folder that 'tare keygen --directory keys' "
                        + "made), or --insecure with a loopback address, which serves this machine only")
            }
            try endpoint.checkBindable()
            return ClusterAccess()
        }
        let location = URL(filePath: keys)
        let isFolder = (try? location.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
        let folder = isFolder ? location : nil
        let pair = try KeyFile.readSecret(folder?.appending(path: "coordinator.secret").path ?? keys)
        guard let list = authorizedKeys ?? folder?.appending(path: KeygenCommand.authorizedKeysName).path else {
            throw CommandFailure(
                .usage, "--keys names a file; say with --authorized-keys who may connect, or name a folder with both")
        }
        return try ClusterAccess(keys: pair, authorizedKeysFile: list)
    }
}

extension CoordinatorKeyOptions {
    /// What workers need to join.
    func workerOptions(_ access: ClusterAccess) -> [String] {
        if let key = access.publicKey { return ["--key FILE.secret", "--server-key '\(key)'"] }
        return insecure ? ["--insecure"] : []
    }
}

/// A worker's keys.
struct WorkerKeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The .secret file of this worker or client.", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "The coordinator's public key, or its .public file; otherwise the key that the address file names.",
            valueName: "file|key"))
    var serverKey: String?

    @Flag(help: "Join a coordinator on this machine without encryption.")
    var insecure = false

    func validate() throws {
        if key == nil, serverKey != nil { throw ValidationError("--server-key needs --key.") }
        if insecure, key != nil { throw ValidationError("--insecure is for workers without keys; leave out --key.") }
    }

    /// Reads the keys; without any the coordinator must be on this machine.
    func security(for coordinator: FoundCoordinator) throws -> SocketSecurity {
        let endpoint = coordinator.endpoint
        guard let key else {
            guard coordinator.serverKey == nil, endpoint.host == nil || insecure else {
                throw CommandFailure(
                    .usage,
                    "Connecting to \(endpoint): tcp is encrypted; give --key and --server-key, or --insecure when the "
                        + "coordinator runs on this machine with --insecure too")
            }
            try endpoint.checkConnectable()
            return .unprotected
        }
        guard let server = serverKey ?? coordinator.serverKey else {
            throw CommandFailure(
                .usage,
                "--key needs --server-key: the coordinator's .public file, or an address file that names its key")
        }
        return .client(
            ClientSecurity(keys: try KeyFile.readSecret(key), serverKey: try KeyFile.publicKey(fileOrKey: server)))
    }
}
