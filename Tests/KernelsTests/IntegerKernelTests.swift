import CKernels
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// The C kernels of the simulated device, in every variant that this machine has.
@Suite struct IntegerKernelTests {
    private var variants: [tare_integer_variant] {
        [TARE_INTEGER_PLAIN, TARE_INTEGER_AVX2, TARE_INTEGER_AVX512, TARE_INTEGER_AVX512_VNNI]
            .filter { tare_integer_is_supported($0) != 0 }
    }

    private func quantized(
        _ values: [Float], scale: Float, isWide: Bool, _ variant: tare_integer_variant
    ) -> [Int32] {
        var wide = [Int16](repeating: 0, count: values.count)
        var narrow = [Int8](repeating: 0, count: values.count)
        if isWide {
            unsafe tare_quantize(variant, values, values.count, scale, 1, &wide)
            return wide.map(Int32.init)
        }
        unsafe tare_quantize(variant, values, values.count, scale, 0, &narrow)
        return narrow.map(Int32.init)
    }

    @Test func everyVariantQuantizesLikeThePlainFunction() {
        var generator = SeededGenerator(seed: 11)
        var values: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
        for half in -300...300 {
            // Ties, and their neighbours on both sides.
            let tie = Float(half) / 2
            values += [tie, tie.nextUp, tie.nextDown]
        }
        for _ in 0..<20_000 { values.append(Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))) }
        for _ in 0..<20_000 { values.append(generator.normal() * 60) }
        for variant in variants {
            for isWide in [false, true] {
                for scale: Float in [1, 0.37, 127 / 2.5] {
                    let expected = values.map {
                        MLUQuantization.quantized($0, scale: scale, elementType: isWide ? .int16 : .int8)
                    }
                    #expect(
                        quantized(values, scale: scale, isWide: isWide, variant) == expected,
                        "\(variant) wide: \(isWide) scale \(scale)")
                }
            }
        }
    }

    /// Sums as the kernels give them, for random or extreme integers.
    private func sums(
        _ window: tare_integer_window, source: [Int16], weights: [Int16], count: Int, isWide: Bool,
        _ variant: tare_integer_variant
    ) -> [Int64] {
        var window = window
        var packed = [Int16](repeating: 0, count: unsafe tare_integer_packed_count(variant, &window))
        unsafe tare_integer_pack(variant, &window, weights, &packed)
        let workspace = UnsafeMutableRawPointer.allocate(
            byteCount: unsafe tare_integer_workspace_size(variant, &window, isWide ? 1 : 0), alignment: 64)
        defer { unsafe workspace.deallocate() }
        if isWide {
            var results = [Int64](repeating: -1, count: count)
            unsafe tare_integer_convolve(variant, &window, 1, source, packed, workspace, &results)
            return results
        }
        var results = [Int32](repeating: -1, count: count)
        unsafe tare_integer_convolve(
            variant, &window, 0, source.map { Int8(truncatingIfNeeded: $0) }, packed, workspace, &results)
        return results.map(Int64.init)
    }

    @Test(arguments: 0..<60)
    func everyVariantConvolvesExactly(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func pick(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &generator) }
        let isWide = seed % 2 == 1
        var window = tare_integer_window()
        window.images = pick(1...2)
        window.groups = pick(0...2) == 0 ? pick(2...3) : 1
        (window.inputs, window.outputs) = (pick(1...12), pick(1...40))
        if seed % 7 == 0 { (window.groups, window.inputs, window.outputs) = (pick(2...150), 1, 1) }
        window.kernel = (1, pick(1...3), pick(1...3))
        // More products than fit 32 bits when they are wide.
        if seed % 11 == 0 { (window.inputs, window.outputs, window.kernel) = (pick(200...500), pick(1...9), (1, 1, 2)) }
        window.strides = (1, pick(1...2), pick(1...2))
        window.dilations = (1, pick(1...2), pick(1...2))
        window.before = (0, pick(0...2), pick(0...2))
        window.input = (1, pick(5...7), pick(5...7))
        func outputs(_ input: Int64, _ before: Int64, _ kernel: Int64, _ dilation: Int64, _ stride: Int64) -> Int64 {
            (input + before + pick(0...2) - (kernel - 1) * dilation - 1) / stride + 1
        }
        window.output = (
            1, outputs(window.input.1, window.before.1, window.kernel.1, window.dilations.1, window.strides.1),
            outputs(window.input.2, window.before.2, window.kernel.2, window.dilations.2, window.strides.2)
        )
        let isExtreme = pick(0...2) == 0
        func values(_ count: Int64) -> [Int16] {
            let low = Int16(isWide ? -32768 : -128)
            return (0..<count).map { _ in
                isExtreme ? low : Int16.random(in: low...(isWide ? 32767 : 127), using: &generator)
            }
        }
        let channels = window.groups * window.inputs
        let source = values(window.images * window.input.1 * window.input.2 * channels)
        let weights = values(window.groups * window.outputs * window.inputs * window.kernel.1 * window.kernel.2)
        let expected = plainSums(window, source, weights)
        for variant in variants {
            let actual = sums(
                window, source: source, weights: weights, count: expected.count, isWide: isWide, variant)
            #expect(actual == expected, "seed \(seed), \(variant)")
        }
    }

    private func plainSums(_ w: tare_integer_window, _ source: [Int16], _ weights: [Int16]) -> [Int64] {
        var sums: [Int64] = []
        for image in 0..<w.images {
            for y in 0..<w.output.1 {
                for x in 0..<w.output.2 {
                    for channel in 0..<w.groups * w.outputs {
                        sums.append(plainSum(w, source, weights, image: image, y: y, x: x, channel: channel))
                    }
                }
            }
        }
        return sums
    }

    private func plainSum(
        _ w: tare_integer_window, _ source: [Int16], _ weights: [Int16], image: Int64, y: Int64, x: Int64,
        channel: Int64
    ) -> Int64 {
        let first = channel / w.outputs * w.inputs
        var sum: Int64 = 0
        for ky in 0..<w.kernel.1 {
            for kx in 0..<w.kernel.2 {
                let row = y * w.strides.1 - w.before.1 + ky * w.dilations.1
                let column = x * w.strides.2 - w.before.2 + kx * w.dilations.2
                guard row >= 0, row < w.input.1, column >= 0, column < w.input.2 else { continue }
                let pixel = ((image * w.input.1 + row) * w.input.2 + column) * w.groups * w.inputs
                for input in 0..<w.inputs {
                    let weight = ((channel * w.inputs + input) * w.kernel.1 + ky) * w.kernel.2 + kx
                    sum += Int64(source[Int(pixel + first + input)]) * Int64(weights[Int(weight)])
                }
            }
        }
        return sum
    }
}
