import ArgumentParser
import Foundation
import Tensors
import Yams

/// A YAML job file: the options of a command as keys.
struct JobFile {
    /// One key with its value as words of a command line.
    private struct Entry {
        let key: String
        let argument: ParserDescription.Argument
        let words: [String]
    }

    /// Path of the file.
    let path: String
    private let entries: [Entry]
    private let parser: ParserDescription

    /// Keys whose values are paths, which are relative to the file.
    private static let pathKeys: Set<String> = [
        "checkpoint", "data", "evaluation-data", "initial", "model", "output", "preprocess", "resume", "state-dict",
        "statistics",
    ]
    /// Keys whose values may be recipes.
    private static let recipeKeys: Set<String> = ["qconfig", "qconfig-for"]
    private static let maximumBytes = 1 << 20

    /// Reads a job file.
    ///
    /// - Throws: `CommandFailure` that names the file, the key and the keys that there are.
    init(path: String, parser: ParserDescription) throws {
        self.path = path
        self.parser = parser
        let file = try InputFile(path: InputPath.existingFile(path, what: "The job file"))
        guard file.byteCount <= Self.maximumBytes,
            let text = String(validating: try file.bytes(0..<file.byteCount), as: UTF8.self)
        else { throw CommandFailure(.configuration, "\(path): a job file is UTF-8 text of at most 1 MiB") }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw CommandFailure(.configuration, "\(path): \(Self.text(of: error))")
        }
        guard let mapping = root?.mapping else {
            throw CommandFailure(
                .configuration,
                "\(path): a job file holds keys and values, such as 'samples: 512'; the keys are: "
                    + parser.keys.joined(separator: ", "))
        }
        var entries: [Entry] = []
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            func failure(_ reason: String) -> CommandFailure {
                let line = key.mark.map { ", line \($0.line)" } ?? ""
                return CommandFailure(
                    .configuration,
                    "\(path)\(line): key '\(name)' \(reason); the keys are: \(parser.keys.joined(separator: ", "))")
            }
            guard parser.keys.contains(name), let argument = parser.arguments[name] else {
                throw failure("is unknown")
            }
            let words =
                Self.recipeKeys.contains(name)
                ? try JobFileRecipes(path: path, failure: failure).words(value, of: argument)
                : try Self.words(value, of: argument, path: path, failure: failure)
            entries.append(Entry(key: name, argument: argument, words: words))
        }
        self.entries = entries
    }

    /// The words that stand for the file; what the command line gives itself is left out.
    ///
    /// They end with an option of one value, so that what follows is not taken for one more value of the last one.
    func words(without given: Set<String>) -> [String] {
        var words: [String] = []
        for entry in entries where !given.contains(entry.key) {
            switch entry.argument.kind {
            case .positional: words = entry.words + words
            case .flag: words += entry.words.map { _ in "--\(entry.key)" }
            case .option where entry.argument.takesManyValues: words += ["--\(entry.key)"] + entry.words
            case .option: words += entry.words.map { "--\(entry.key)=\($0)" }
            }
        }
        return words + ["--config=\(path)"]
    }

    /// The key of this file that a message of the parser is about.
    func key(in message: String, given: Set<String>) -> String? {
        entries.map(\.key).filter { !given.contains($0) }.first { key in
            message.ranges(of: "--\(key)").contains { range in
                range.upperBound == message.endIndex
                    || !(message[range.upperBound].isLetter || message[range.upperBound] == "-")
            }
        }
    }

    private static func words(
        _ value: Node, of argument: ParserDescription.Argument, path: String, failure: (String) -> CommandFailure
    ) throws -> [String] {
        if argument.kind == .flag {
            guard let isSet = value.bool else { throw failure("takes true or false") }
            return isSet ? [""] : []
        }
        let nodes: [Node]
        if let sequence = value.sequence {
            guard argument.isRepeating else { throw failure("takes one value, not a list") }
            nodes = Array(sequence)
        } else {
            nodes = [value]
        }
        guard !nodes.isEmpty else { throw failure("has an empty list") }
        return try nodes.map { node in
            guard let text = node.scalar?.string else {
                throw failure("takes \(argument.isRepeating ? "texts" : "one value"), not keys and values")
            }
            guard !text.isEmpty, node.null == nil else { throw failure("has no value") }
            return pathKeys.contains(argument.key ?? "") ? Self.path(text, besides: path) : text
        }
    }

    /// A path that is relative to a file.
    static func path(_ text: String, besides file: String) -> String {
        let folder = (file as NSString).deletingLastPathComponent
        if text.hasPrefix("/") { return text }
        return folder.isEmpty ? (text.hasPrefix("-") ? "./" + text : text) : folder + "/" + text
    }

    private static func text(of error: any Error) -> String {
        if case YamlError.duplicatedKeysInMapping(let duplicates, _) = error {
            return "the key '\(duplicates.map { "\($0)" }.joined(separator: "', '"))' stands there twice; keep one"
        }
        return "this is not YAML: \(error)"
    }
}
