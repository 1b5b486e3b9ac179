import CKernels
import Kernels
import Tensors

/// A convolution of integers by our own kernels: any groups, strides and dilations on every processor.
struct IntegerWindow {
    /// The C kernels' description.
    private(set) var description: tare_integer_window

    /// Describes a convolution of data [N, C, spatial...] with channels innermost; `output` are spatial extents.
    init(window: SlidingWindow, groups: Int, data: Shape, outputChannels: Int, output: [Int]) {
        var description = tare_integer_window()
        description.images = Int64(data[0])
        description.groups = Int64(groups)
        description.inputs = Int64(data[1] / groups)
        description.outputs = Int64(outputChannels / groups)
        description.input = Self.three(Array(data.dimensions.dropFirst(2)), missing: 1)
        description.output = Self.three(output, missing: 1)
        description.kernel = Self.three(window.kernel, missing: 1)
        description.strides = Self.three(window.strides, missing: 1)
        description.dilations = Self.three(window.dilations, missing: 1)
        description.before = Self.three(window.paddingBefore, missing: 0)
        self.description = description
    }

    /// Describes a product of a matrix [rows, inputs] with weights [outputs, inputs].
    init(rows: Int, inputs: Int, outputs: Int) {
        let ones = SlidingWindow(
            kernel: [1], strides: [1], dilations: [1], paddingBefore: [0], paddingAfter: [0])
        self.init(window: ones, groups: 1, data: [1, inputs, rows], outputChannels: outputs, output: [rows])
    }

    /// Says what the bytes of the source stand for; int8 without a zero point unless it is called.
    mutating func setSource(_ meaning: ByteMeaning) {
        description.source_is_unsigned = meaning.isUnsigned ? 1 : 0
        description.source_zero_point = meaning.zeroPoint
    }

    private static func three(_ values: [Int], missing: Int) -> (Int64, Int64, Int64) {
        let padded = [Int](repeating: missing, count: 3 - values.count) + values
        return (Int64(padded[0]), Int64(padded[1]), Int64(padded[2]))
    }

    /// Bytes that a run needs beside its operands.
    func workspaceByteCount(isWide: Bool, variant: tare_integer_variant) -> Int {
        var description = description
        return unsafe tare_integer_workspace_size(variant, &description, isWide ? 1 : 0)
    }

    /// int8 or int16 weights in the order of one variant, as int16.
    func packed(_ weights: Tensor, variant: tare_integer_variant) -> Tensor {
        var description = description
        let values =
            weights.elementType == .int16
            ? weights.elements(as: Int16.self) : weights.elements(as: Int8.self).map(Int16.init)
        var packed = Tensor(
            zeros: [unsafe tare_integer_packed_count(variant, &description)], elementType: .int16)
        unsafe packed.withUnsafeMutableBytes { target in
            unsafe values.withUnsafeBufferPointer { source in
                unsafe tare_integer_pack(
                    variant, &description, source.baseAddress, target.assumingMemoryBound(to: Int16.self).baseAddress)
            }
        }
        return packed
    }

    /// Convolves; the addresses are those of buffers as large as the description says.
    @unsafe
    func convolve(
        _ source: UnsafeRawPointer, packed: UnsafeRawPointer, workspace: UnsafeMutableRawPointer,
        sums: UnsafeMutableRawPointer, isWide: Bool, variant: tare_integer_variant
    ) {
        var description = description
        unsafe tare_integer_convolve(
            variant, &description, isWide ? 1 : 0, source, packed.assumingMemoryBound(to: Int16.self), workspace, sums)
    }
}
