import ArgumentParser

/// A command line whose `--config FILE` was replaced by what the file says.
struct ConfiguredArguments {
    /// The words for the parser.
    let words: [String]
    private let file: JobFile?
    private let given: Set<String>

    private static let commands: [any ParsableCommand.Type] = [
        CalibrateCommand.self, SubmitCommand.self, TrainCommand.self, FinetuneCommand.self,
    ]

    /// Reads the job file that a command line names.
    ///
    /// - Throws: `CommandFailure` for a file that is missing or wrong.
    init(_ arguments: [String]) throws {
        guard let name = arguments.first,
            let command = Self.commands.first(where: { $0.configuration.commandName == name })
        else {
            self.init(words: arguments)
            return
        }
        let parser = try ParserDescription(command)
        var rest = Array(arguments.dropFirst())
        // A YAML file in the model's place is the job file.
        if let first = rest.first, [".yaml", ".yml"].contains(where: first.lowercased().hasSuffix) {
            rest.replaceSubrange(0..<1, with: ["--config", first])
        }
        let line = CommandWords(rest, parser: parser)
        guard let path = line.configurations.first, line.given.isDisjoint(with: ["help", "h"]) else {
            self.init(words: arguments)
            return
        }
        guard line.configurations.count == 1 else {
            throw CommandFailure(.usage, "--config may be given once, not \(line.configurations.count) times")
        }
        // Whether ranges are symmetric is one question with two flags.
        let symmetry: Set<String> = ["symmetric", "asymmetric"]
        let given = line.given.isDisjoint(with: symmetry) ? line.given : line.given.union(symmetry)
        let file = try JobFile(path: path, parser: parser)
        self.init(words: [name] + file.words(without: given) + line.words, file: file, given: given)
    }

    private init(words: [String], file: JobFile? = nil, given: Set<String> = []) {
        self.words = words
        self.file = file
        self.given = given
    }

    /// The failure to report when the parser refuses a value that stands in the file.
    func failure(for message: String) -> CommandFailure? {
        guard let file, let key = file.key(in: message, given: given) else { return nil }
        return CommandFailure(.configuration, "\(file.path): key '\(key)': \(message)")
    }
}
