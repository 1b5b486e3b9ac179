public import Foundation

/// A state machine's test as a text: what happens, and what has to come of it.
///
/// The first line is a comment that says why the scenario exists. A line `TIME WORDS...` is an event at a time in
/// seconds; the lines `-> TEXT` after it are all its effects in order.
public struct Scenario: Sendable {
    /// One event and its effects.
    public struct Step: Sendable {
        /// Number of the line in the file.
        public var line: Int
        /// Seconds since the start.
        public var time: Duration
        /// The words of the event.
        public var words: [String]
        /// The effects that have to come.
        public var effects: [String]
    }

    /// Name of the file.
    public var name: String
    /// The steps in order.
    public var steps: [Step]
    private var url: URL
    private var lines: [String]

    /// All scenarios of a folder, by name.
    public static func all(beside file: String) throws -> [Scenario] {
        let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "Scenarios")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".txt") }
        return try names.sorted().map { try Scenario(folder.appending(path: $0)) }
    }

    /// Reads a scenario.
    public init(_ url: URL) throws {
        self.url = url
        name = url.deletingPathExtension().lastPathComponent
        lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        steps = []
        guard lines.first?.hasPrefix("# ") == true else {
            throw ScenarioError(text: "\(name): the first line says why")
        }
        for (index, line) in lines.enumerated() {
            if line.hasPrefix("-> "), !steps.isEmpty {
                steps[steps.count - 1].effects.append(String(line.dropFirst(3)))
                continue
            }
            let words = line.split(separator: " ").map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard let time = Double(first) else { throw ScenarioError(text: "\(name):\(index + 1): no time") }
            steps.append(Step(line: index + 1, time: .seconds(time), words: Array(words.dropFirst()), effects: []))
        }
    }

    /// Whether `TARE_RECORD` asks to write what came instead of comparing it; somebody then reads the difference.
    public static var records: Bool { ProcessInfo.processInfo.environment["TARE_RECORD"] != nil }

    /// Writes the scenario with other effects.
    public func record(_ effects: [[String]]) throws {
        var text: [String] = []
        var next = 0
        for (index, line) in lines.enumerated() where !line.hasPrefix("-> ") {
            text.append(line)
            if next < steps.count, steps[next].line == index + 1 {
                text += effects[next].map { "-> \($0)" }
                next += 1
            }
        }
        try text.joined(separator: "\n").write(to: url, atomically: true, encoding: .utf8)
    }
}

/// Why a scenario cannot be read.
public struct ScenarioError: Error, CustomStringConvertible {
    /// The file, the line and the reason.
    public var description: String

    /// Makes an error.
    public init(text: String) {
        description = text
    }
}
