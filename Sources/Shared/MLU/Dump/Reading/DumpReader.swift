internal import Foundation
internal import Tensors

/// One operator call in a dump.
public struct DumpedOperator: Sendable, Hashable {
    /// Its number among the calls beside it, from 1.
    public var number: Int
    /// The operator.
    public var name: String
    /// Its directory below the dump's: `2_add/1_fill_`.
    public var path: String
    /// The names of its files, in order.
    public var files: [String]
    /// The operators that it called.
    public var children: [DumpedOperator]

    /// The file with the result: of the device where there is one, else of the host.
    public var resultFile: String? {
        OperatorResultOrigin.inDumpOrder.map(\.resultFileName).first(where: files.contains)
    }
}

extension OperatorResultOrigin {
    /// The result that counts comes first.
    fileprivate static let inDumpOrder: [OperatorResultOrigin] = [.library, .handwritten, .host]
}

/// Reads the directories and files of a dump, also of the device's own software.
public struct DumpReader: Sendable {
    /// Where the dump is.
    public let directory: String
    /// The calls on the outermost level, in their order.
    public let operators: [DumpedOperator]
    /// The level, as far as the tensors of the dump tell it.
    public let level: DumpLevel?
    /// Files that were never finished, because the process was killed.
    public let unfinished: [String]

    /// Reads the directories of a dump, and the heads of its files until the level is known.
    public init(directory: String) throws(DumpFormatError) {
        self.directory = directory
        var unfinished: [String] = []
        operators = try Self.operators(in: directory, path: "", depth: 0, unfinished: &unfinished)
        self.unfinished = unfinished
        guard !operators.isEmpty else {
            let names = try Self.names(in: directory)
            throw .noOperators(path: directory, directories: Array(names.filter { $0.first != "." }.prefix(10)))
        }
        level = try Self.level(of: operators, in: directory)
    }

    /// All calls, each before those that it makes.
    public var allOperators: [DumpedOperator] { Self.flattened(operators) }

    /// Reads a file completely.
    public func value(_ file: String, of call: DumpedOperator) throws(DumpFormatError) -> DumpedValue {
        try DumpedValue(readingFile: path(file, of: call))
    }

    /// The path of a file.
    func path(_ file: String, of call: DumpedOperator) -> String { "\(directory)/\(call.path)/\(file)" }

    private static func flattened(_ operators: [DumpedOperator]) -> [DumpedOperator] {
        operators.flatMap { [$0] + flattened($0.children) }
    }

    private static func names(in directory: String) throws(DumpFormatError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw .directory(path: directory, reason: "\(error.localizedDescription)")
        }
    }

    private static func operators(
        in directory: String, path: String, depth: Int, unfinished: inout [String]
    ) throws(DumpFormatError) -> [DumpedOperator] {
        guard depth < 64 else {
            throw .directory(path: directory, reason: "operators are nested more than 64 deep")
        }
        var result: [DumpedOperator] = []
        for name in try names(in: directory) {
            guard let separator = name.firstIndex(of: "_"), separator > name.startIndex,
                name[..<separator].allSatisfy({ ("0"..."9").contains($0) }), let number = Int(name[..<separator])
            else { continue }
            let childPath = path.isEmpty ? name : "\(path)/\(name)"
            let childDirectory = "\(directory)/\(name)"
            guard isDirectory(childDirectory) else { continue }
            let files = try names(in: childDirectory)
            unfinished += files.filter { $0.hasSuffix(".unfinished") }.map { "\(childPath)/\($0)" }
            let children = try operators(
                in: childDirectory, path: childPath, depth: depth + 1, unfinished: &unfinished)
            result.append(
                DumpedOperator(
                    number: number, name: String(name[name.index(after: separator)...]), path: childPath,
                    files: files.filter { $0.hasPrefix("mlu_") || $0.hasSuffix("_result") && $0.first != "." },
                    children: children))
        }
        // Directories are listed by name: 10 before 2.
        return result.sorted { ($0.number, $0.name) < ($1.number, $1.name) }
    }

    /// Whether a directory is there; a link to one is none, because links can go in circles.
    private static func isDirectory(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.type] as? FileAttributeType == .typeDirectory
    }

    private static func level(
        of operators: [DumpedOperator], in directory: String
    ) throws(DumpFormatError) -> DumpLevel? {
        for call in flattened(operators) {
            for file in call.files {
                let scanner = try DumpLineScanner(path: "\(directory)/\(call.path)/\(file)")
                guard let line = try scanner.line(), let level = DumpedTensorHeader(line)?.level else { continue }
                return level
            }
        }
        return nil
    }
}
