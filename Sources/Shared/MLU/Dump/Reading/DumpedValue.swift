/// The content of a file of a dump.
public indirect enum DumpedValue: Sendable, Hashable {
    /// A tensor's header and its values; whole numbers beyond 2^53 lose digits.
    case tensor(DumpedTensorHeader, [Double])
    /// A tensor without values: `Empty` or `Undefined`.
    case noTensor(String)
    /// A number with its type, `bool`, `int` or `float`.
    case scalar(type: String, String)
    /// A container and its elements.
    case sequence(OperatorSequence, [DumpedValue])
    /// An optional argument.
    case optional(DumpedValue?)
    /// A random number generator.
    case generator(seed: String, device: String)
    /// A plain number, truth value or text.
    case plain(String)

    /// Reads a file.
    init(readingFile path: String) throws(DumpFormatError) {
        let scanner = try DumpLineScanner(path: path)
        self = try Self.read(scanner, depth: 0)
        if try scanner.line() != nil {
            throw .malformed(path: path, line: scanner.lineNumber, detail: "there is more than one value")
        }
    }

    private static func read(_ scanner: DumpLineScanner, depth: Int) throws(DumpFormatError) -> DumpedValue {
        let line = try scanner.requiredLine()
        guard depth < 64 else {
            throw .malformed(
                path: scanner.path, line: scanner.lineNumber, detail: "values are nested more than 64 deep")
        }
        if let header = try scanner.header(line) {
            var values: [Double] = []
            // Grows with what the file really holds, not with what its header says.
            for _ in 0..<header.dumpedCount { values.append(try scanner.number()) }
            return .tensor(header, values)
        }
        switch line {
        case _ where DumpedTensorHeader.withoutValues.contains(line): return .noTensor(String(line.dropFirst(16)))
        case "Optional : None": return .optional(nil)
        case "Optional : ": return .optional(try read(scanner, depth: depth + 1))
        case "Generator : ":
            return .generator(seed: try scanner.requiredLine(), device: try scanner.requiredLine())
        case _ where line.hasPrefix("Scalar : Type = "):
            return .scalar(type: String(line.dropFirst(16)), try scanner.requiredLine())
        default: break
        }
        for kind in OperatorSequence.allCases where line.hasPrefix("\(kind.rawValue) : Size = ") {
            guard let count = Int(line.dropFirst(kind.rawValue.count + 10)), count >= 0 else { break }
            var elements: [DumpedValue] = []
            for _ in 0..<count { elements.append(try read(scanner, depth: depth + 1)) }
            return .sequence(kind, elements)
        }
        return .plain(line)
    }
}

extension DumpLineScanner {
    /// The next line, which must be there.
    fileprivate func requiredLine() throws(DumpFormatError) -> String {
        guard let line = try line() else {
            throw .malformed(path: path, line: lineNumber + 1, detail: "the file ends where a value should be")
        }
        return line
    }
}
