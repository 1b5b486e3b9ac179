import Tensors
import Yams

/// Reads the keys of one model input from YAML.
struct PreprocessingReader {
    /// What is being read, for errors.
    let source: String

    private static let knownKeys = [
        "array_layout", "center_crop", "channels", "dtype", "input", "layout", "mean", "resize", "scale", "source",
        "std",
    ]
    private static let elementTypes: [ElementType] = [.float32, .float16, .uint8]
    /// Longest side of a resized image.
    private static let maximumSide = 16_384

    /// The error for a place in the file.
    func failure(_ node: Node, _ reason: String) -> DatasetError {
        .preprocessing(source: node.mark.map { "\(source):\($0.line)" } ?? source, reason: reason)
    }

    /// Reads the keys of one input.
    func section(_ mapping: Node.Mapping, input: String?) throws(DatasetError) -> InputPreprocessing {
        var section = InputPreprocessing(input: input)
        for (key, value) in mapping {
            switch key.string {
            case "input" where input == nil: section.input = try text(value, "input")
            case "source": section.source = try text(value, "source")
            case "resize": section.resize = try resize(value)
            case "center_crop":
                let sides = try sides(value, "center_crop")
                section.centerCrop = .init(height: sides[0], width: sides[sides.count - 1])
            case "channels": section.channels = try choice(value, "channels", InputPreprocessing.Channels.allCases)
            case "scale": section.scale = try scale(value)
            case "mean": section.mean = try numbers(value, "mean")
            case "std": section.std = try numbers(value, "std")
            case "layout": section.layout = try choice(value, "layout", InputPreprocessing.Layout.allCases)
            case "array_layout":
                section.arrayLayout = try choice(value, "array_layout", InputPreprocessing.ArrayLayout.allCases)
            case "dtype": section.elementType = try choice(value, "dtype", Self.elementTypes)
            default:
                let known = Self.knownKeys.joined(separator: ", ")
                throw failure(key, "the key '\(key.string ?? "?")' is unknown or misplaced; known keys: \(known)")
            }
        }
        try check(section, mapping)
        return section
    }

    private func check(_ section: InputPreprocessing, _ mapping: Node.Mapping) throws(DatasetError) {
        let place = Node.mapping(mapping)
        if let std = section.std, std.contains(0) { throw failure(place, "'std' is divided by and cannot be 0") }
        if section.elementType == .uint8, section.hasNormalization {
            throw failure(place, "'dtype: uint8' keeps the pixels as they are, without scale, mean and std")
        }
        let channelCount = section.channels.map { $0 == .gray ? 1 : 3 }
        for (key, values) in [("mean", section.mean), ("std", section.std)] {
            guard let values, let channelCount, values.count != 1, values.count != channelCount else { continue }
            throw failure(place, "'\(key)' has \(values.count) values, but the image \(channelCount) channels")
        }
    }

    private func text(_ node: Node, _ key: String) throws(DatasetError) -> String {
        guard let text = node.scalar?.string, !text.isEmpty else { throw failure(node, "'\(key)' has to be a name") }
        return text
    }

    private func choice<Choice: RawRepresentable>(
        _ node: Node, _ key: String, _ choices: [Choice]
    ) throws(DatasetError) -> Choice where Choice.RawValue == String {
        guard let choice = choices.first(where: { $0.rawValue == node.scalar?.string }) else {
            let known = choices.map(\.rawValue).joined(separator: ", ")
            throw failure(node, "'\(key)' has to be one of: \(known)")
        }
        return choice
    }

    private func resize(_ node: Node) throws(DatasetError) -> InputPreprocessing.Resize {
        let sides = try sides(node, "resize")
        return sides.count == 1 ? .shortSide(sides[0]) : .exact(height: sides[0], width: sides[1])
    }

    /// One length, or height and width.
    private func sides(_ node: Node, _ key: String) throws(DatasetError) -> [Int] {
        let values = node.sequence.map { $0.map(\.int) } ?? [node.int]
        let sides = values.compactMap { $0 }
        guard sides.count == values.count, (1...2).contains(sides.count),
            node.sequence == nil || sides.count == 2, sides.allSatisfy({ (1...Self.maximumSide).contains($0) })
        else {
            throw failure(
                node, "'\(key)' has to be a length in pixels, or [height, width], of at most \(Self.maximumSide)")
        }
        return sides
    }

    /// One number, or several.
    private func numbers(_ node: Node, _ key: String) throws(DatasetError) -> [Float] {
        let nodes = node.sequence.map(Array.init) ?? [node]
        let values = nodes.compactMap { number($0.scalar?.string) }
        guard values.count == nodes.count, !values.isEmpty else {
            throw failure(node, "'\(key)' has to be a finite number, or a list with one for each channel")
        }
        return values
    }

    /// A number or a fraction of two numbers.
    private func scale(_ node: Node) throws(DatasetError) -> InputPreprocessing.Scale {
        let parts = (node.scalar?.string ?? "").split(separator: "/", omittingEmptySubsequences: false)
        let values = parts.compactMap { number($0.trimmingSpaces) }
        guard values.count == parts.count, (1...2).contains(values.count), values.last != 0 || values.count == 1 else {
            throw failure(node, "'scale' has to be a number or a fraction, such as 1/255")
        }
        return InputPreprocessing.Scale(values[0], over: values.count == 2 ? values[1] : 1)
    }

    /// A finite decimal number; the nearest Float.
    private func number(_ text: String?) -> Float? {
        guard let text, let value = Float(text), value.isFinite else { return nil }
        return value
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
