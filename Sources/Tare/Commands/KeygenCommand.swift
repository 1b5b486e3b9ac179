import ArgumentParser
import Foundation
import Wire

/// `tare keygen`: makes CURVE keys.
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make keys for an encrypted cluster.",
        discussion: """
            With --output a pair of files: NAME.secret, which only its owner may read, and NAME.public; standard output gets \
            the line to add to the coordinator's allow list. With --directory everything to begin with: keys of a \
            coordinator, a worker and a submitter, and the allow list. Files are never overwritten.

            Examples:
              tare keygen --directory keys
              tare coordinator --state-dir state --data-root /data --listen 'tcp://*:7788' --keys keys
              tare worker --coordinator tcp://HOST:7788 --key keys/worker.secret --server-key keys/coordinator.public

              tare keygen --output node-7 >> keys/authorized_keys     # another worker; then: kill -HUP COORDINATOR
            """)

    /// The allow list's name in a folder.
    static let authorizedKeysName = "authorized_keys"

    @Option(help: ArgumentHelp("Make NAME.secret and NAME.public.", valueName: "name"))
    var output: String?

    @Option(help: ArgumentHelp("Make a folder with a starter set.", valueName: "folder"))
    var directory: String?

    @Option(help: "What the key's owner may do, with --output.")
    var role: RoleChoice = .worker

    /// The roles of the allow list.
    enum RoleChoice: String, ExpressibleByArgument, CaseIterable {
        case worker
        case submitter
        case viewer

        /// The same for the allow list.
        var role: PeerRole {
            switch self {
            case .worker: .worker
            case .submitter: .submitter
            case .viewer: .viewer
            }
        }
    }

    func validate() throws {
        guard (output == nil) != (directory == nil) else { throw ValidationError("Give --output or --directory.") }
        if let output, !AuthorizedKeys.isName(URL(filePath: output).lastPathComponent) {
            throw ValidationError("--output ends in a name of letters, digits, '.', '_', '-' and '@', not '\(output)'.")
        }
    }

    func run() throws {
        try FailureReport.exitOnFailure {
            if let output {
                let keys = try KeyPair.generate()
                let paths = try KeyFile.write(keys, name: output)
                StandardStreams.writeError("Made \(paths.secret) (keep it secret) and \(paths.publicKey).")
                let name = URL(filePath: output).lastPathComponent
                StandardStreams.writeOutput("\(AuthorizedKey(key: keys.publicKey, role: role.role, name: name))")
            } else if let directory {
                try Self.makeStarterSet(in: directory)
                StandardStreams.writeError(
                    """
                    Made keys and an allow list in \(directory). Next:
                      tare coordinator --state-dir STATE --data-root DATA --listen 'tcp://*:7788' --keys \(directory)
                      tare worker --coordinator tcp://HOST:7788 --key \(directory)/worker.secret \
                    --server-key \(directory)/coordinator.public
                    Workers need worker.secret and coordinator.public only; keep coordinator.secret where the coordinator runs.
                    """)
            }
        }
    }

    /// Makes all files, or none.
    static func makeStarterSet(in directory: String) throws {
        let existed = FileManager.default.fileExists(atPath: directory)
        if !existed {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw CommandFailure(
                    .inputOutput, "The folder '\(directory)' cannot be made: \(error.localizedDescription)")
            }
        }
        var made: [String] = []
        do {
            var entries: [AuthorizedKey] = []
            for name in ["coordinator", "worker", "submitter"] {
                let keys = try KeyPair.generate()
                let paths = try KeyFile.write(keys, name: "\(directory)/\(name)")
                made += [paths.secret, paths.publicKey]
                if let role = PeerRole(rawValue: name) {
                    entries.append(AuthorizedKey(key: keys.publicKey, role: role, name: name))
                }
            }
            try KeyFile.writeAuthorizedKeys(AuthorizedKeys(entries), to: "\(directory)/\(authorizedKeysName)")
        } catch {
            for path in made { try? FileManager.default.removeItem(atPath: path) }
            if !existed { try? FileManager.default.removeItem(atPath: directory) }
            throw error
        }
    }
}
