import Graphs
import Tensors

extension ReferenceKernels {
    /// Distinct entries along an axis (of all elements without one), where each is first, which one each entry is, and how
    /// often each occurs.
    ///
    /// NaN is equal to NaN and behind every number, as in NumPy; zeros of both signs are equal.
    static func unique(_ data: Tensor, axis: Int?, isSorted: Bool) throws(KernelError) -> [Tensor] {
        guard let axis else {
            return try unique(data.reshaped(to: [data.elementCount]), axis: 0, isSorted: isSorted)
        }
        let lines = try AxisLines(data.shape, axis: axis)
        let entries = try KernelShapes.output([lines.extent], .int64)
        var groups =
            switch data.elementType.lane {
            case .float: equalEntries(of: data, lines, Float.self)
            case .double: equalEntries(of: data, lines, Double.self)
            case .signed: equalEntries(of: data, lines, Int64.self)
            case .unsigned, nil: equalEntries(of: data, lines, UInt64.self)
            }
        if !isSorted { groups.sort { $0[0] < $1[0] } }
        var inverse = [Int64](repeating: 0, count: lines.extent)
        for (order, group) in groups.enumerated() {
            for index in group { inverse[index] = Int64(order) }
        }
        var dimensions = data.shape.dimensions
        dimensions[lines.axis] = groups.count
        return [
            ElementMoves.take(data, axis: lines.axis, indices: groups.map { $0[0] }, shape: Shape(dimensions)),
            Tensor(shape: [groups.count], elements: groups.map { Int64($0[0]) }),
            Tensor(shape: entries, elements: inverse),
            Tensor(shape: [groups.count], elements: groups.map { Int64($0.count) }),
        ]
    }

    /// The indices of equal entries, each group and the groups in ascending order.
    private static func equalEntries<T: Lane>(
        of data: Tensor, _ lines: AxisLines, _ lane: T.Type
    ) -> [[Int]] {
        let values = data.widened(to: lane).elements(as: lane)
        /// `nil` when the entries are equal.
        func precedes(_ left: Int, _ right: Int) -> Bool? {
            for start in lines.starts {
                let (a, b) = (values[start + left * lines.stride], values[start + right * lines.stride])
                if Self.precedes(a, b, isLargest: false) { return true }
                if Self.precedes(b, a, isLargest: false) { return false }
            }
            return nil
        }
        var groups: [[Int]] = []
        for index in (0..<lines.extent).sorted(by: { precedes($0, $1) ?? ($0 < $1) }) {
            if let first = groups.last?.first, precedes(first, index) == nil {
                groups[groups.count - 1].append(index)
            } else {
                groups.append([index])
            }
        }
        return groups
    }
}
