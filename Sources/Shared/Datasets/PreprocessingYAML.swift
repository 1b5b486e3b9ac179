import Foundation
import Tensors
import Yams

extension Preprocessing {
    /// Reads a YAML file.
    public init(path: String) throws(DatasetError) {
        let bytes: [UInt8]
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            guard file.byteCount <= 1 << 20 else {
                throw TensorFileError(
                    path: path, reason: .unsupported("a preprocessing file of \(file.byteCount) bytes"))
            }
            bytes = try file.bytes(0..<file.byteCount)
        } catch {
            throw .file(error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .preprocessing(source: path, reason: "the file is not UTF-8 text")
        }
        try self.init(yaml: text, source: path)
    }

    /// Reads YAML text: the keys of one input, or `inputs:` with the keys of each below its name.
    ///
    /// - Parameters:
    ///   - text: The YAML.
    ///   - source: What the text is, for errors.
    /// - Throws: `preprocessing`, with the line, for unknown keys and impossible values.
    public init(yaml text: String, source: String) throws(DatasetError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw .preprocessing(source: source, reason: "this is not YAML: \(error)")
        }
        guard let root, let mapping = root.mapping else {
            throw .preprocessing(source: source, reason: "the file has to hold keys and values, such as 'scale: 1/255'")
        }
        let reader = PreprocessingReader(source: source)
        if let sections = mapping["inputs"] {
            guard mapping.count == 1, let names = sections.mapping, !names.isEmpty else {
                throw reader.failure(sections, "'inputs' holds the name of each input with its keys, and stands alone")
            }
            var inputs: [InputPreprocessing] = []
            for (key, value) in names {
                guard let name = key.string else { throw reader.failure(key, "the name of an input is a text") }
                guard let keys = value.mapping else {
                    throw reader.failure(value, "the input '\(name)' lacks its keys")
                }
                inputs.append(try reader.section(keys, input: name))
            }
            self.init(inputs: inputs)
        } else {
            self.init(inputs: [try reader.section(mapping, input: nil)])
        }
    }

    /// The YAML text that describes the same; equal descriptions give equal text.
    public var yaml: String {
        let named = inputs.sorted { ($0.input ?? "").utf8.lexicographicallyPrecedes(($1.input ?? "").utf8) }
        if named.count == 1, let only = named.first {
            return only.lines(includingInput: true).map { $0 + "\n" }.joined()
        }
        return "inputs:\n"
            + named.map { input in
                let lines = input.lines(includingInput: false)
                let name = "  " + InputPreprocessing.quoted(input.input ?? "") + ":"
                return lines.isEmpty
                    ? name + " {}\n" : name + "\n" + lines.map { "    " + $0 + "\n" }.joined()
            }.joined()
    }
}

extension InputPreprocessing {
    fileprivate static func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
    }

    fileprivate func lines(includingInput: Bool) -> [String] {
        var lines: [String] = []
        if includingInput, let input { lines.append("input: " + Self.quoted(input)) }
        if let source { lines.append("source: " + Self.quoted(source)) }
        if let arrayLayout { lines.append("array_layout: \(arrayLayout)") }
        if let channels { lines.append("channels: \(channels)") }
        switch resize {
        case .exact(let height, let width): lines.append("resize: [\(height), \(width)]")
        case .shortSide(let size): lines.append("resize: \(size)")
        case nil: break
        }
        if let centerCrop { lines.append("center_crop: [\(centerCrop.height), \(centerCrop.width)]") }
        if let scale { lines.append("scale: \(scale.numerator)/\(scale.denominator)") }
        if let mean { lines.append("mean: [\(mean.map { "\($0)" }.joined(separator: ", "))]") }
        if let std { lines.append("std: [\(std.map { "\($0)" }.joined(separator: ", "))]") }
        if let layout { lines.append("layout: \(layout)") }
        if let elementType { lines.append("dtype: \(elementType)") }
        return lines
    }
}
