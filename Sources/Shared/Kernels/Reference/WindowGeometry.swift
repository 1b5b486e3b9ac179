import Graphs
import Tensors

/// Where the windows of a convolution or pooling lie along each spatial axis.
struct WindowGeometry {
    /// One spatial axis.
    struct Axis {
        /// Extent of the input.
        var input: Int
        /// Extent of the kernel.
        var kernel: Int
        /// Distance between windows.
        var stride: Int
        /// Distance between the kernel's elements.
        var dilation: Int
        /// Padding before the input.
        var before: Int
        /// Padding after the input.
        var after: Int
        /// Number of windows.
        var output: Int

        /// Elements that the dilated kernel spans.
        var span: Int { (kernel - 1) * dilation + 1 }
    }

    /// Largest stride, dilation, kernel extent or padding: keeps all index arithmetic far from overflow.
    static let limit = 1 << 30

    /// The axes, outermost first.
    let axes: [Axis]

    /// Input extents.
    var input: [Int] { axes.map(\.input) }
    /// Kernel extents.
    var kernel: [Int] { axes.map(\.kernel) }
    /// Output extents.
    var output: [Int] { axes.map(\.output) }

    /// Computes padding and output extents; `ceilMode` counts a last, partial window if it starts inside the input or
    /// the padding before it.
    init(
        input: [Int], kernel: [Int], strides: [Int], dilations: [Int], padding: WindowPadding, ceilMode: Bool = false
    ) throws(KernelError) {
        var axes = try Self.unpadded(input: input, kernel: kernel, strides: strides, dilations: dilations)
        for index in axes.indices {
            var axis = axes[index]
            switch padding {
            case .explicit(let before, let after):
                axis.before = try Self.element(before, index, rank: axes.count, missing: 0, minimum: 0, "padding")
                axis.after = try Self.element(after, index, rank: axes.count, missing: 0, minimum: 0, "padding")
                axis.output = try Self.windows(axis, ceilMode: ceilMode)
            case .valid:
                axis.output = try Self.windows(axis, ceilMode: ceilMode)
            case .sameUpper, .sameLower:
                axis.output = (axis.input + axis.stride - 1) / axis.stride
                let total = max((axis.output - 1) * axis.stride + axis.span - axis.input, 0)
                axis.before = padding == .sameUpper ? total / 2 : total - total / 2
                axis.after = total - axis.before
            }
            axes[index] = axis
        }
        self.axes = axes
    }

    /// Makes a geometry from axes that were computed elsewhere.
    init(axes: [Axis]) {
        self.axes = axes
    }

    /// The axes with checked kernel, stride and dilation, still without padding and output.
    static func unpadded(
        input: [Int], kernel: [Int], strides: [Int], dilations: [Int]
    ) throws(KernelError) -> [Axis] {
        guard kernel.count == input.count else {
            throw .shapeMismatch("kernel \(kernel) does not have one extent per spatial axis of \(input)")
        }
        var axes: [Axis] = []
        for index in input.indices {
            guard input[index] <= Int(Int32.max) else {
                throw .unsupported("a spatial axis of \(input[index]) elements is too large for a windowed operator")
            }
            axes.append(
                Axis(
                    input: input[index],
                    kernel: try element(kernel, index, rank: input.count, missing: 1, minimum: 1, "kernel shape"),
                    stride: try element(strides, index, rank: input.count, missing: 1, minimum: 1, "stride"),
                    dilation: try element(dilations, index, rank: input.count, missing: 1, minimum: 1, "dilation"),
                    before: 0, after: 0, output: 0))
        }
        return axes
    }

    /// One element of an attribute; an empty list stands for `missing` everywhere.
    static func element(
        _ list: [Int], _ index: Int, rank: Int, missing: Int, minimum: Int, _ name: String
    ) throws(KernelError) -> Int {
        if list.isEmpty { return missing }
        guard list.count == rank else {
            throw .invalidArgument("\(name) \(list) must have \(rank) elements, one per spatial axis")
        }
        guard list[index] >= minimum && list[index] <= limit else {
            throw .invalidArgument("\(name) \(list) must lie within \(minimum)...\(limit)")
        }
        return list[index]
    }

    private static func windows(_ axis: Axis, ceilMode: Bool) throws(KernelError) -> Int {
        let room = axis.input + axis.before + axis.after - axis.span
        guard room >= 0 else {
            throw .shapeMismatch(
                "a window of \(axis.span) elements does not fit an axis of \(axis.input) elements padded with "
                    + "\(axis.before) and \(axis.after)")
        }
        guard ceilMode else { return room / axis.stride + 1 }
        let count = (room + axis.stride - 1) / axis.stride + 1
        return (count - 1) * axis.stride >= axis.input + axis.before ? count - 1 : count
    }
}

/// Columns of convolution or pooling windows: which input element each kernel element meets at each output position.
struct WindowTable {
    /// For each kernel element (row-major) and each output position (row-major): the input element's index within one
    /// channel, or -1 where the window reaches into the padding.
    let indices: [[Int32]]

    /// Makes the table.
    ///
    /// - Throws: when one channel has more than 2^31 elements.
    init(_ geometry: WindowGeometry) throws(KernelError) {
        guard let channel = Shape(checking: geometry.input), channel.elementCount <= Int(Int32.max) else {
            throw .unsupported("a channel of shape \(geometry.input) is too large for a windowed operator")
        }
        guard let table = Shape(checking: geometry.kernel + geometry.output), table.elementCount <= 1 << 31 else {
            throw .unsupported("a kernel \(geometry.kernel) over an output \(geometry.output) is too large")
        }
        // Along each axis, for each kernel position: where each output position reads.
        var rows: [[Int32]] = [[0]]
        for axis in geometry.axes {
            var next: [[Int32]] = []
            for row in rows {
                for kernel in 0..<axis.kernel {
                    let reads = (0..<axis.output).map { output in
                        output * axis.stride - axis.before + kernel * axis.dilation
                    }
                    var extended: [Int32] = []
                    extended.reserveCapacity(row.count * axis.output)
                    for base in row {
                        for read in reads {
                            let inside = base >= 0 && read >= 0 && read < axis.input
                            extended.append(inside ? base * Int32(axis.input) + Int32(read) : -1)
                        }
                    }
                    next.append(extended)
                }
            }
            rows = next
        }
        indices = rows
    }
}
