import CKernels
import Kernels
import Tensors

/// Compares the library's sums of products of bytes with plain integers.
///
/// Processors without VNNI multiply bytes into saturating sums of 16 bits, and the library then halves weights or loses
/// sums; large weights and sources of one sign show that.
enum ExactnessCheck {
    /// A small convolution: channels, groups, and the window of a square image of 7.
    private struct Case {
        var inputs: Int
        var outputs: Int
        var groups = 1
        var kernel = 3
        var stride = 1
        var padding = 1
    }

    /// A product of matrices [rows, inputs] and [inputs, outputs].
    private struct Product {
        var rows: Int
        var inputs: Int
        var outputs: Int
    }

    /// How operands are filled.
    private enum Filling: CaseIterable {
        case extreme
        case alternating
        case random
    }

    private static let signed = -128...127
    /// Quantized sources that are known not to be negative.
    private static let unsigned = 0...127

    private static let cases = [
        Case(inputs: 64, outputs: 64), Case(inputs: 17, outputs: 23), Case(inputs: 64, outputs: 32, groups: 4),
        Case(inputs: 32, outputs: 32, groups: 32), Case(inputs: 128, outputs: 48, kernel: 1, padding: 0),
        Case(inputs: 33, outputs: 64, kernel: 1, stride: 2, padding: 0),
        Case(inputs: 3, outputs: 16, kernel: 7, stride: 2, padding: 3),
        Case(inputs: 48, outputs: 48, groups: 48, stride: 2),
    ]

    /// Products of matrices are another primitive of the library, with kernels of their own.
    private static let products = [
        Product(rows: 1, inputs: 512, outputs: 10), Product(rows: 7, inputs: 33, outputs: 65),
        Product(rows: 64, inputs: 256, outputs: 96),
    ]

    /// Whether every sum is right; a library that fails altogether is not.
    static func passes() -> Bool {
        guard let context = try? OneDNNContext() else { return false }
        for filling in Filling.allCases {
            for isUnsigned in [false, true] {
                guard cases.allSatisfy({ isExact($0, filling, isUnsigned: isUnsigned, context) }),
                    products.allSatisfy({ isExact($0, filling, isUnsigned: isUnsigned, context) })
                else { return false }
            }
        }
        return true
    }

    private static func isExact(
        _ product: Product, _ filling: Filling, isUnsigned: Bool, _ context: OneDNNContext
    ) -> Bool {
        let (rows, inputs, outputs) = (product.rows, product.inputs, product.outputs)
        let source = values(rows * inputs, filling, isUnsigned ? unsigned : signed, seed: 1)
        let weights = Tensor(
            shape: [outputs, inputs], elements: values(outputs * inputs, filling, signed, seed: 2))
        guard
            let primitive = try? context.integerMatmul(
                source: StridedShape(rowMajor: [rows, inputs]), destination: StridedShape(rowMajor: [rows, outputs]),
                weights: weights, key: 0, sourceIsUnsigned: isUnsigned),
            let sums = run(primitive, source, count: rows * outputs)
        else { return false }
        let plain = IntegerWindow(rows: rows, inputs: inputs, outputs: outputs)
        return sums == expected(plain, source, weights, count: sums.count)
    }

    private static func isExact(
        _ example: Case, _ filling: Filling, isUnsigned: Bool, _ context: OneDNNContext
    ) -> Bool {
        let extent = 7
        let output = (extent + 2 * example.padding - example.kernel) / example.stride + 1
        let window = SlidingWindow(
            kernel: [example.kernel, example.kernel], strides: [example.stride, example.stride], dilations: [1, 1],
            paddingBefore: [example.padding, example.padding],
            paddingAfter: [0, 1].map { _ in
                (output - 1) * example.stride + example.kernel - extent - example.padding
            })
        let data = Shape([1, example.inputs, extent, extent])
        let source = values(data.elementCount, filling, isUnsigned ? unsigned : signed, seed: 1)
        let weightShape = Shape([
            example.outputs, example.inputs / example.groups, example.kernel, example.kernel,
        ])
        let weights = Tensor(
            shape: weightShape, elements: values(weightShape.elementCount, filling, signed, seed: 2))
        let convolution = ConvolutionPrimitive(
            source: StridedShape(channelsLast: data.dimensions),
            destination: StridedShape(channelsLast: [1, example.outputs, output, output]), window: window,
            groups: example.groups, isTransposed: false, weights: weights, key: 0, bias: nil, postOperations: [])
        guard
            let primitive = try? context.integerConvolution(convolution, sourceIsUnsigned: isUnsigned),
            let sums = run(primitive, source, count: example.outputs * output * output)
        else { return false }
        let plain = IntegerWindow(
            window: window, groups: example.groups, data: data, outputChannels: example.outputs,
            output: [output, output])
        return sums == expected(plain, source, weights, count: sums.count)
    }

    private static func values(_ count: Int, _ filling: Filling, _ range: ClosedRange<Int>, seed: UInt64) -> [Int8] {
        var state = seed
        return (0..<count).map { index in
            switch filling {
            case .extreme: return Int8(seed == 1 ? range.upperBound : range.lowerBound)
            case .alternating: return Int8(index / 3 % 2 == 0 ? range.lowerBound : range.upperBound)
            case .random:
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int8(range.lowerBound + Int(state >> 33) % range.count)
            }
        }
    }

    private static func run(_ primitive: OneDNNPrimitive, _ source: [Int8], count: Int) -> [Int32]? {
        var sums = [Int32](repeating: 0, count: count)
        var input = source
        let succeeded = unsafe input.withUnsafeMutableBytes { input in
            unsafe sums.withUnsafeMutableBytes { output in
                let buffers = unsafe [input.baseAddress, output.baseAddress]
                return unsafe buffers.withUnsafeBufferPointer { list in
                    guard let base = list.baseAddress else { return false }
                    return unsafe (try? primitive.execute(base, count: 2)) != nil
                }
            }
        }
        return succeeded ? sums : nil
    }

    /// By the plain loops of our own kernels.
    private static func expected(_ window: IntegerWindow, _ source: [Int8], _ weights: Tensor, count: Int) -> [Int32] {
        let packed = window.packed(weights, variant: TARE_INTEGER_PLAIN)
        var sums = [Int32](repeating: 0, count: count)
        let workspace = UnsafeMutableRawPointer.allocate(
            byteCount: max(window.workspaceByteCount(isWide: false, variant: TARE_INTEGER_PLAIN), 1), alignment: 64)
        defer { unsafe workspace.deallocate() }
        unsafe source.withUnsafeBytes { input in
            unsafe packed.withUnsafeBytes { factors in
                unsafe sums.withUnsafeMutableBytes { output in
                    guard let input = input.baseAddress, let factors = factors.baseAddress,
                        let output = output.baseAddress
                    else { return }
                    unsafe window.convolve(
                        input, packed: factors, workspace: workspace, sums: output, isWide: false,
                        variant: TARE_INTEGER_PLAIN)
                }
            }
        }
        return sums
    }
}
