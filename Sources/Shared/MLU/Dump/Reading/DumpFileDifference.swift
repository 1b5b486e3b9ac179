internal import Tensors

/// How a file of one dump differs from its reference.
public struct DumpFileDifference: Sendable, Hashable, Encodable {
    /// The file with the reference values, below its dump.
    public let reference: String
    /// The file that is held against it.
    public let file: String
    /// Why the two cannot be compared value by value, in words; nothing else is set then.
    public internal(set) var problem: String?
    /// What differs without making a difference: the element types.
    public internal(set) var note: String?
    /// What the compared values stand for; the weakest of all tensors in the file.
    public internal(set) var coverage: DumpCoverage = .all
    /// Values that were compared.
    public internal(set) var values = 0
    /// Elements of the tensors, also those that the dump does not hold.
    public internal(set) var elements = 0
    /// Euclidean norm of the difference by that of the reference; infinite when only the reference is zero.
    public internal(set) var relativeL2 = 0.0
    /// Largest absolute difference of two values.
    public internal(set) var maximumAbsoluteError = 0.0
    /// Cosine of the angle between the values; `nil` for sums.
    public internal(set) var cosine: Double?
    /// Values of which exactly one is no number.
    public internal(set) var notANumberMismatches = 0

    /// Whether the values agree closely enough.
    ///
    /// - Parameter tolerance: Largest relative L2 distance.
    /// - Returns: Whether they do; never for files that cannot be compared.
    public func isWithin(_ tolerance: Double) -> Bool {
        problem == nil && notANumberMismatches == 0 && relativeL2 <= tolerance
    }

    /// Larger for what is worse: first what cannot be compared, then values that are no numbers, then by distance.
    var badness: (Int, Int, Double, Double) {
        (
            problem == nil ? 0 : 1, notANumberMismatches, relativeL2.isNaN ? .infinity : relativeL2,
            maximumAbsoluteError.isNaN ? .infinity : maximumAbsoluteError
        )
    }

    /// Describes two files that cannot be compared.
    init(reference: String, file: String, problem: String) {
        self.reference = reference
        self.file = file
        self.problem = problem
    }

    /// Compares two files, line by line.
    ///
    /// - Parameters:
    ///   - reference: Dump, call and name of the reference's file.
    ///   - other: The same of the file that is held against it.
    /// - Throws: `DumpFormatError` when one of them is not of the format.
    init(reference: DumpedFile, other: DumpedFile) throws(DumpFormatError) {
        self.reference = "\(reference.call.path)/\(reference.name)"
        file = "\(other.call.path)/\(other.name)"
        let left = try DumpLineScanner(path: reference.fullPath)
        let right = try DumpLineScanner(path: other.fullPath)
        for scanner in [left, right] where scanner.isEmpty {
            throw .malformed(path: scanner.path, line: 1, detail: "the file is empty")
        }
        var sums = DumpDistance()
        while problem == nil {
            let (leftLine, rightLine) = (try left.line(), try right.line())
            guard let leftLine, let rightLine else {
                if leftLine != nil || rightLine != nil { problem = "one of the two has more values" }
                break
            }
            if let leftHeader = try left.header(leftLine), let rightHeader = try right.header(rightLine) {
                try compare(
                    (left, leftHeader, reference.level), (right, rightHeader, other.level), &sums)
            } else if let leftNumber = Double(leftLine), let rightNumber = Double(rightLine) {
                sums.add(leftNumber, rightNumber)
                elements += 1
            } else if leftLine != rightLine {
                problem = "'\(leftLine.prefix(80))' against '\(rightLine.prefix(80))'"
            }
        }
        values = sums.count
        relativeL2 = sums.relativeL2
        maximumAbsoluteError = sums.maximumAbsoluteError
        notANumberMismatches = sums.notANumberMismatches
        cosine = coverage == .absoluteSum || values == 0 ? nil : sums.cosine
    }

    private typealias Side = (scanner: DumpLineScanner, header: DumpedTensorHeader, level: DumpLevel?)

    private mutating func compare(_ left: Side, _ right: Side, _ sums: inout DumpDistance) throws(DumpFormatError) {
        guard left.header.shape == right.header.shape else {
            problem = "shape \(left.header.shape) against \(right.header.shape)"
            return
        }
        if left.header.typeName != right.header.typeName {
            note = "\(left.header.typeName) against \(right.header.typeName)"
        }
        elements += left.header.shape.elementCount
        let coverages = (left.header.coverage(level: left.level), right.header.coverage(level: right.level))
        switch coverages {
        case (.absoluteSum, .firstValues), (.firstValues, .absoluteSum):
            problem = "the sum of absolute values against the first values; dump both with one level"
        case (.absoluteSum, _), (_, .absoluteSum):
            coverage = .absoluteSum
            sums.add(
                try Self.absoluteSum(left, coverages.0), try Self.absoluteSum(right, coverages.1))
        default:
            let count = min(left.header.dumpedCount, right.header.dumpedCount)
            for _ in 0..<count { sums.add(try left.scanner.number(), try right.scanner.number()) }
            for _ in count..<left.header.dumpedCount { _ = try left.scanner.number() }
            for _ in count..<right.header.dumpedCount { _ = try right.scanner.number() }
            if coverage == .all, coverages != (.all, .all) { coverage = .firstValues }
        }
    }

    private static func absoluteSum(_ side: Side, _ coverage: DumpCoverage) throws(DumpFormatError) -> Double {
        var sum = 0.0
        for _ in 0..<side.header.dumpedCount { sum += try side.scanner.number().magnitude }
        return sum
    }
}

/// A file of a call in a dump.
struct DumpedFile {
    var dump: DumpReader
    var call: DumpedOperator
    var name: String

    var fullPath: String { dump.path(name, of: call) }
    var level: DumpLevel? { dump.level }
}
