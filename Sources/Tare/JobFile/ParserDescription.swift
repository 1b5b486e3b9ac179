import ArgumentParser
import Foundation

/// What the argument parser knows about a command's options, so that a job file takes exactly the same ones.
struct ParserDescription {
    /// One option, flag or positional argument.
    struct Argument: Decodable {
        /// What an argument is.
        enum Kind: String, Decodable {
            case positional
            case option
            case flag
        }

        /// A spelling.
        struct Name: Decodable {
            let kind: String
            let name: String
        }

        let kind: Kind
        let shouldDisplay: Bool
        let isRepeating: Bool
        let parsingStrategy: String
        let names: [Name]?
        let valueName: String?

        /// The key in a job file: the long name without dashes, or the name of a positional argument.
        var key: String? {
            kind == .positional ? valueName : names?.first { $0.kind == "long" }?.name
        }

        /// Whether values are taken up to the next option.
        var takesManyValues: Bool { parsingStrategy == "upToNextOption" }
    }

    /// By key.
    let arguments: [String: Argument]

    /// What a job file cannot hold.
    private static let withoutMeaning: Set<String> = ["config", "help", "version"]

    /// Asks the parser.
    init(_ command: any ParsableCommand.Type) throws {
        struct Tool: Decodable {
            struct Command: Decodable {
                let arguments: [Argument]?
            }
            let command: Command
        }
        let tool = try JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8))
        var arguments: [String: Argument] = [:]
        for argument in tool.command.arguments ?? [] {
            if let key = argument.key { arguments[key] = argument }
        }
        self.arguments = arguments
    }

    /// The keys that a job file can have, in alphabetical order.
    var keys: [String] {
        arguments.filter { $0.value.shouldDisplay && !Self.withoutMeaning.contains($0.key) }.keys.sorted()
    }
}
