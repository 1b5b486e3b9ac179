import Graphs
import Kernels
import Tensors
import TestSupport

/// A module with its parameters, and a plain computation of it that shares nothing with the kernels.
struct ModuleCase {
    var attributes: ConvolutionAttributes?
    var data: Tensor
    var weight: Tensor
    var bias: Tensor?
    var scale: [Float]
    var mode: Int32
    var mean: [Float]?
    var std: [Float]?

    /// The node's operator.
    var op: Operator { .mlu(attributes.map { .convolution($0) } ?? .linear) }

    /// The node's inputs.
    var inputs: [Tensor?] {
        var inputs = [Tensor?](repeating: nil, count: MLUInput.allCases.count)
        inputs[MLUInput.data.rawValue] = data
        inputs[MLUInput.weight.rawValue] = weight
        inputs[MLUInput.bias.rawValue] = bias
        inputs[MLUInput.scale.rawValue] = Tensor(shape: [scale.count], elements: scale)
        inputs[MLUInput.quantizedMode.rawValue] = Tensor(shape: [1], elements: [mode])
        inputs[MLUInput.useSymmetry.rawValue] = Tensor(shape: [1], elements: [Int64(1)])
        if let mean, let std {
            let shape = Shape([1, mean.count] + [Int](repeating: 1, count: data.shape.rank - 2))
            inputs[MLUInput.inputMean.rawValue] = Tensor(shape: shape, elements: mean)
            inputs[MLUInput.inputStd.rawValue] = Tensor(shape: shape, elements: std)
        }
        return inputs
    }

    func result(_ arithmetic: MLUArithmetic = .exact) throws(KernelError) -> Tensor {
        try ReferenceKernels.evaluate(op, inputs: inputs, outputCount: 1, arithmetic: arithmetic)[0]
    }

    private var is8: Bool { mode == 1 || mode == 3 }

    private func quantized(_ value: Float, _ scale: Float) -> Int64 {
        let product = value * scale
        if product.isNaN { return 0 }
        let (low, high): (Float, Float) = is8 ? (-128, 127) : (-32768, 32767)
        if product >= high { return Int64(high) }
        if product <= low { return Int64(low) }
        // Half away from zero without the standard library's rule; exact, because the product has 24 bits.
        let magnitude = Int64((Double(product.magnitude) + 0.5).rounded(.down))
        return product < 0 ? -magnitude : magnitude
    }

    private func dequantized(_ sum: Int64, channel: Int) -> Float {
        let weightScale = mode >= 3 ? scale[2 + channel] : scale[1]
        let product = Double(scale[0]) * Double(weightScale)
        let value = is8 ? Float(sum) * Float(1 / product) : Float(Double(sum) / product)
        return bias.map { value + $0.elements(as: Float.self)[channel] } ?? value
    }

    private func weightScale(_ channel: Int) -> Float { mode >= 3 ? scale[2 + channel] : scale[1] }

    /// One output after the other, with index arithmetic only.
    func expected(outputShape shape: Shape) -> [Float] {
        let values = data.elements(as: Float.self)
        let factors = weight.elements(as: Float.self)
        guard let attributes else {
            let (outputs, depth) = (weight.shape[0], weight.shape[1])
            return (0..<values.count / depth).flatMap { row in
                (0..<outputs).map { channel in
                    let sum = (0..<depth).reduce(Int64(0)) { sum, k in
                        sum + quantized(values[row * depth + k], scale[0])
                            * quantized(factors[channel * depth + k], weightScale(channel))
                    }
                    return dequantized(sum, channel: channel)
                }
            }
        }
        let pointCount = Shape(Array(shape.dimensions.dropFirst(2))).elementCount
        return (0..<shape.elementCount).map { index in
            let channel = index / pointCount % shape[1]
            let sum = windowSum(
                attributes, values, factors, image: index / pointCount / shape[1], channel: channel,
                point: unflattened(index % pointCount, Array(shape.dimensions.dropFirst(2))), outputChannels: shape[1])
            return dequantized(sum, channel: channel)
        }
    }

    private func windowSum(
        _ attributes: ConvolutionAttributes, _ values: [Float], _ factors: [Float], image: Int, channel: Int,
        point: [Int], outputChannels: Int
    ) -> Int64 {
        let kernel = Array(weight.shape.dimensions.dropFirst(2))
        let spatial = Array(data.shape.dimensions.dropFirst(2))
        let groupInputs = weight.shape[1]
        let first = channel / (outputChannels / attributes.groups) * groupInputs
        var before = [Int](repeating: 0, count: kernel.count)
        if case .explicit(let given, _) = attributes.padding, !given.isEmpty { before = given }
        var sum: Int64 = 0
        for input in 0..<groupInputs {
            for tap in 0..<kernel.reduce(1, *) {
                let offset = unflattened(tap, kernel)
                var position = image * data.shape[1] + first + input
                var isInside = true
                for axis in kernel.indices {
                    let stride = attributes.strides.isEmpty ? 1 : attributes.strides[axis]
                    let dilation = attributes.dilations.isEmpty ? 1 : attributes.dilations[axis]
                    let at = point[axis] * stride - before[axis] + offset[axis] * dilation
                    if at < 0 || at >= spatial[axis] { isInside = false }
                    position = position * spatial[axis] + at
                }
                guard isInside else { continue }
                var value = values[position]
                if let mean, let std { value = (value - mean[first + input]) / std[first + input] }
                let factor = factors[(channel * groupInputs + input) * kernel.reduce(1, *) + tap]
                sum += quantized(value, scale[0]) * quantized(factor, weightScale(channel))
            }
        }
        return sum
    }

    private func unflattened(_ index: Int, _ extents: [Int]) -> [Int] {
        var rest = index
        var result = extents
        for axis in extents.indices.reversed() {
            result[axis] = rest % extents[axis]
            rest /= extents[axis]
        }
        return result
    }
}

extension ModuleCase {
    /// A random small module; the same for the same seed.
    static func random(seed: UInt64) -> ModuleCase {
        var generator = SeededGenerator(seed: seed)
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let isPerChannel = seed % 2 == 1
        let is8 = seed / 2 % 2 == 0
        let qmax: Float = is8 ? 127 : 32767
        var module: ModuleCase
        if seed % 5 == 4 {
            let (depth, outputs) = (pick(1...70), pick(1...9))
            let leading = (0..<pick(1...3)).map { _ in pick(1...4) }
            module = ModuleCase(
                data: noise(Shape(leading + [depth]), &generator), weight: noise([outputs, depth], &generator),
                scale: [], mode: 1)
        } else {
            let rank = pick(1...3)
            let groups = pick(1...3)
            let (inputs, outputs) = (pick(1...4), pick(1...4) * groups)
            let kernel = (0..<rank).map { _ in pick(1...3) }
            let attributes = ConvolutionAttributes(
                strides: kernel.map { _ in pick(1...2) }, dilations: kernel.map { _ in pick(1...2) },
                padding: .explicit(before: kernel.map { _ in pick(0...2) }, after: kernel.map { _ in pick(0...2) }),
                groups: groups)
            let spatial = kernel.map { _ in pick(5...8) }
            module = ModuleCase(
                attributes: attributes, data: noise(Shape([pick(1...2), inputs * groups] + spatial), &generator),
                weight: noise(Shape([outputs, inputs] + kernel), &generator), scale: [], mode: 1)
            if pick(0...1) == 1 {
                module.mean = (0..<inputs * groups).map { _ in generator.normal() }
                module.std = (0..<inputs * groups).map { _ in 0.5 + generator.normal().magnitude }
            }
        }
        let channels = module.weight.shape[0]
        if pick(0...1) == 1 { module.bias = noise([channels], &generator) }
        // Some numbers saturate.
        module.scale = [qmax / Float(pick(1...5)), isPerChannel ? 0 : qmax / 3]
        if isPerChannel { module.scale += (0..<channels).map { _ in qmax / Float(pick(1...4)) } }
        module.mode = (is8 ? 1 : 2) + (isPerChannel ? 2 : 0)
        return module
    }
}
