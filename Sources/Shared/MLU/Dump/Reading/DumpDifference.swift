/// How two dumps differ, or the device's results in one dump from those of the host.
public struct DumpDifference: Sendable, Encodable {
    /// One operator call.
    public struct Call: Sendable, Encodable {
        /// Its directory below the reference's dump: `2_add/1_fill_`.
        public let path: String
        /// Its directory below the other dump where the numbers differ.
        public let otherPath: String?
        /// The difference of the results.
        public let result: DumpFileDifference
        /// The argument that differs most; `nil` for results of one dump, and when there are none.
        public let worstArgument: DumpFileDifference?
    }

    /// The dump with the reference values.
    public let reference: String
    /// The dump that is held against it; `nil` when the device's results are held against the host's.
    public let other: String?
    /// Largest relative L2 distance that passes for equal.
    public let tolerance: Double
    /// The calls that were compared, worst first.
    public private(set) var calls: [Call] = []
    /// Calls that only the reference has.
    public private(set) var missing: [String] = []
    /// Calls that only the other dump has.
    public private(set) var extra: [String] = []
    /// Calls without results to compare: in place, not possible on the host, or failed in both dumps.
    public private(set) var notCompared: [String] = []
    /// Files that were being written when a process was killed.
    public private(set) var unfinished: [String] = []

    /// Whether everything agrees: no call is missing, and results and arguments are within the tolerance.
    public var isEqual: Bool {
        missing.isEmpty && extra.isEmpty && unfinished.isEmpty
            && calls.allSatisfy { call in
                call.result.isWithin(tolerance) && call.worstArgument?.isWithin(tolerance) != false
            }
    }

    /// Compares the device's results with those that the host computed in the same run.
    ///
    /// - Throws: `DumpFormatError`, among others when the dump was made without a comparison.
    public init(deviceAgainstHost dump: DumpReader, tolerance: Double) throws(DumpFormatError) {
        reference = dump.directory
        other = nil
        self.tolerance = tolerance
        unfinished = dump.unfinished
        let host = OperatorResultOrigin.host.resultFileName
        for call in dump.allOperators {
            guard let device = call.resultFile, device != host, call.files.contains(host) else {
                notCompared.append(call.path)
                continue
            }
            let difference = try DumpFileDifference(
                reference: DumpedFile(dump: dump, call: call, name: host),
                other: DumpedFile(dump: dump, call: call, name: device))
            calls.append(Call(path: call.path, otherPath: nil, result: difference, worstArgument: nil))
        }
        guard !calls.isEmpty else { throw .noHostResults(path: dump.directory) }
        sort()
    }

    /// Compares the calls of two dumps; calls are paired by name in their order.
    ///
    /// - Throws: `DumpFormatError` when a file of one of them cannot be read.
    public init(_ other: DumpReader, against reference: DumpReader, tolerance: Double) throws(DumpFormatError) {
        self.reference = reference.directory
        self.other = other.directory
        self.tolerance = tolerance
        unfinished = [reference, other].flatMap { dump in dump.unfinished.map { "\(dump.directory)/\($0)" } }
        try compare((reference, reference.operators), (other, other.operators))
        sort()
    }

    private mutating func sort() {
        // Equal calls stay in the order of the run.
        let ordered = calls.enumerated().sorted { left, right in
            let (first, second) = (left.element.result.badness, right.element.result.badness)
            return first == second ? left.offset < right.offset : first > second
        }
        calls = ordered.map(\.element)
    }

    private mutating func compare(
        _ left: (dump: DumpReader, calls: [DumpedOperator]), _ right: (dump: DumpReader, calls: [DumpedOperator])
    ) throws(DumpFormatError) {
        var (unpairedLeft, unpairedRight): (Set<Int>, Set<Int>) = ([], [])
        for change in right.calls.map(\.name).difference(from: left.calls.map(\.name)) {
            switch change {
            case .remove(let offset, _, _): unpairedLeft.insert(offset)
            case .insert(let offset, _, _): unpairedRight.insert(offset)
            }
        }
        missing += unpairedLeft.sorted().map { left.calls[$0].path }
        extra += unpairedRight.sorted().map { right.calls[$0].path }
        let pairs = zip(
            left.calls.indices.filter { !unpairedLeft.contains($0) },
            right.calls.indices.filter { !unpairedRight.contains($0) })
        for (leftIndex, rightIndex) in pairs {
            let (leftCall, rightCall) = (left.calls[leftIndex], right.calls[rightIndex])
            try compare((left.dump, leftCall), (right.dump, rightCall))
            try compare((left.dump, leftCall.children), (right.dump, rightCall.children))
        }
    }

    private mutating func compare(
        _ left: (dump: DumpReader, call: DumpedOperator), _ right: (dump: DumpReader, call: DumpedOperator)
    ) throws(DumpFormatError) {
        let result: DumpFileDifference
        switch (left.call.resultFile, right.call.resultFile) {
        case (let leftResult?, let rightResult?):
            result = try DumpFileDifference(
                reference: DumpedFile(dump: left.dump, call: left.call, name: leftResult),
                other: DumpedFile(dump: right.dump, call: right.call, name: rightResult))
        case (nil, nil):
            notCompared.append(left.call.path)
            return
        case (let leftResult, let rightResult):
            result = DumpFileDifference(
                reference: "\(left.call.path)/\(leftResult ?? "")", file: "\(right.call.path)/\(rightResult ?? "")",
                problem: "only one of the dumps has a result")
        }
        calls.append(
            Call(
                path: left.call.path, otherPath: right.call.path == left.call.path ? nil : right.call.path,
                result: result, worstArgument: try worstArgument(left, right)))
    }

    private func worstArgument(
        _ left: (dump: DumpReader, call: DumpedOperator), _ right: (dump: DumpReader, call: DumpedOperator)
    ) throws(DumpFormatError) -> DumpFileDifference? {
        let leftArguments = left.call.files.filter { $0.hasPrefix("mlu_") }
        let rightArguments = right.call.files.filter { $0.hasPrefix("mlu_") }
        var worst: DumpFileDifference?
        for name in Set(leftArguments).union(rightArguments).sorted() {
            let difference: DumpFileDifference
            if leftArguments.contains(name), rightArguments.contains(name) {
                difference = try DumpFileDifference(
                    reference: DumpedFile(dump: left.dump, call: left.call, name: name),
                    other: DumpedFile(dump: right.dump, call: right.call, name: name))
            } else {
                difference = DumpFileDifference(
                    reference: "\(left.call.path)/\(name)", file: "\(right.call.path)/\(name)",
                    problem: "only one of the dumps has this argument")
            }
            if worst.map({ difference.badness > $0.badness }) ?? true { worst = difference }
        }
        return worst
    }
}
