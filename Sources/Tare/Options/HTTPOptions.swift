import ArgumentParser
import CoordinatorHTTP
import Foundation

/// The coordinator's HTTP server.
struct HTTPOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where health, metrics and the JSON interface are served; none serves no HTTP.", valueName: "address|none"))
    var http: String = HTTPConfiguration.defaultAddress

    @Option(
        help: ArgumentHelp(
            "A file of mode 0600 with the token that changes over HTTP need; without it nothing can be changed.",
            valueName: "file"))
    var httpTokenFile: String?

    @Flag(help: "Listen at an address that other machines can reach; reading then needs the token too.")
    var httpRemote = false

    @Option(
        name: .customLong("http-host"),
        help: ArgumentHelp("A name by which clients may call this server; may be repeated.", valueName: "name"))
    var httpHosts: [String] = []

    /// Checks the options.
    ///
    /// - Returns: `nil` for no HTTP.
    func configuration() throws -> HTTPConfiguration? {
        guard http != "none" else { return nil }
        let token = try httpTokenFile.map { try AccessToken(contentsOf: URL(filePath: $0)) }
        return try HTTPConfiguration(address: http, token: token, allowsRemote: httpRemote, hostNames: httpHosts)
    }
}
