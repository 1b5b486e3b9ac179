import Graphs
import Quantization
import Tensors

/// Integers with what they stand for: `real = (integer - zero point) * scale`.
struct QuantizedOperand {
    let integers: Tensor
    let scale: Float
    let zeroPoint: Int64

    /// The integers less the zero point, Int64.
    var centred: Tensor {
        let wide = integers.widened(to: Int64.self)
        return zeroPoint == 0 ? wide : wide.map(Int64.self) { $0 - zeroPoint }
    }

    /// The real numbers, float32: the difference times the scale, rounded once.
    var real: Tensor {
        Tensor(shape: integers.shape, elements: centred.elements(as: Int64.self).map { Float($0) * scale })
    }
}

/// One quantized module: its operands, checked, and what it computes.
struct QuantizedModuleKernel {
    private let op: ModuleOperator
    private let settings: QuantizedSettings
    private let inputs: KernelInputs

    init(_ op: ModuleOperator, _ settings: QuantizedSettings, _ inputs: KernelInputs) throws(KernelError) {
        guard settings.inputs.count == op.kind.dataCount else {
            throw .unsupported("\(op.name) has \(op.kind.dataCount) data but types of \(settings.inputs.count)")
        }
        self.op = op
        self.settings = settings
        self.inputs = inputs
    }

    func run() throws(KernelError) -> Tensor {
        switch op.kind {
        case .quantStub: return try quantized(inputs.required(0, types: [.float32]))
        case .dequantStub: return try data(0).real
        case .elemwise(let mode):
            var operands: [Tensor] = []
            for index in 0..<mode.operandCount { operands.append(try data(index).real) }
            guard mode.hasQuantizedForm else { throw .unsupported("\(mode.rawValue) has no quantized form") }
            return try quantized(ReferenceKernels.elemwise(mode, operands))
        case .concat(let axis, let count):
            var operands: [Tensor?] = []
            for index in 0..<count { operands.append(try quantized(data(index).real)) }
            return try ReferenceKernels.concat(axis: axis, KernelInputs(tensors: operands))
        case .convolution(let attributes, let padding, let fusion):
            return try convolution(attributes, padding, fusion)
        case .transposedConvolution(let attributes, let fusion): return try transposedConvolution(attributes, fusion)
        case .linear(let fusion): return try linear(fusion)
        case .batchMatMulActivation(let hasRelu): return try batchMatMul(hasRelu: hasRelu)
        }
    }

    // MARK: Operands

    private func data(_ index: Int) throws(KernelError) -> QuantizedOperand {
        guard let dtype = settings.inputs[index] else {
            throw .unsupported("\(op.name) reads float data; quantize them first (QuantStub)")
        }
        let place = op.kind.dataCount + 2 * index
        return QuantizedOperand(
            integers: try inputs.required(index, types: [dtype.elementType]), scale: try scale(place),
            zeroPoint: try zeroPoint(place + 1, dtype))
    }

    private func weight() throws(KernelError) -> QuantizedOperand {
        guard let dtype = settings.weight, let place = op.position(of: "weight"),
            let scalePlace = op.position(of: "weight_scale")
        else { throw .unsupported("\(op.name) has no weight") }
        return QuantizedOperand(
            integers: try inputs.required(place, types: [dtype.elementType]), scale: try scale(scalePlace),
            zeroPoint: try op.position(of: "weight_zero_point").map { place throws(KernelError) in
                try zeroPoint(place, dtype)
            } ?? 0)
    }

    private func scale(_ place: Int) throws(KernelError) -> Float {
        let tensor = try inputs.required(place, types: [.float32])
        guard tensor.elementCount == 1, let scale = tensor.elements(as: Float.self).first, scale > 0, scale.isFinite
        else {
            throw .invalidArgument("input \(place) of \(op.name) must be one positive scale")
        }
        return scale
    }

    private func zeroPoint(_ place: Int, _ dtype: QuantDtype) throws(KernelError) -> Int64 {
        guard let tensor = inputs.optional(place) else { return 0 }
        guard tensor.elementCount == 1, tensor.elementType == .int32,
            let point = tensor.elements(as: Int32.self).first, dtype.minimum...dtype.maximum ~= point
        else { throw .invalidArgument("input \(place) of \(op.name) must be one zero point of \(dtype.rawValue)") }
        return Int64(point)
    }

    /// What the result's integers stand for.
    private func output() throws(KernelError) -> (dtype: QuantDtype, scale: Double, zeroPoint: Double)? {
        guard let dtype = settings.output, let place = op.position(of: "scale") else { return nil }
        let point = try op.position(of: "zero_point").map { place throws(KernelError) in try zeroPoint(place, dtype) }
        return (dtype, Double(try scale(place)), Double(point ?? 0))
    }

    // MARK: Results

    /// Real numbers as integers of the result.
    private func quantized(_ real: Tensor) throws(KernelError) -> Tensor {
        guard let output = try output() else { return real }
        return Self.cast(real.elements(as: Float.self).map { Double($0) / output.scale }, real.shape, output)
    }

    private static func cast(
        _ quotients: [Double], _ shape: Shape, _ output: (dtype: QuantDtype, scale: Double, zeroPoint: Double)
    ) -> Tensor {
        // A float cast of `qint8_narrow` clips at -128: both kinds are stored alike.
        let low = output.dtype == .qint8Narrow ? -128 : Double(output.dtype.minimum)
        let high = Double(output.dtype.maximum)
        let integers = quotients.map { quotient in
            quotient.isNaN ? low : min(max(quotient.rounded(.toNearestOrAwayFromZero) + output.zeroPoint, low), high)
        }
        return Tensor(shape: shape, elements: integers.map { Int64($0) }).narrowed(to: output.dtype.elementType)
    }

    /// Adds the bias, rectifies and requantizes sums of products.
    private func finish(
        _ sums: Tensor, input: QuantizedOperand, weight: QuantizedOperand, channelAxis: Int,
        _ activation: ModuleActivation
    ) throws(KernelError) -> Tensor {
        let scale = input.scale * weight.scale
        guard scale > 0, scale.isFinite else {
            throw .invalidArgument("the product of the scales \(input.scale) and \(weight.scale) is no float32 scale")
        }
        let channels = sums.shape[channelAxis]
        var bias = [Int64](repeating: 0, count: channels)
        if let place = op.position(of: "bias"), let tensor = try inputs.optional(place, type: .float32) {
            guard tensor.elementCount == channels else {
                throw .shapeMismatch("the bias \(tensor.shape) does not have the \(channels) channels of the result")
            }
            bias = tensor.elements(as: Float.self).map { value in
                let quotient = (Double(value) / Double(scale)).rounded(.toNearestOrAwayFromZero)
                return quotient.isNaN
                    ? Int64(Int32.min) : Int64(min(max(quotient, Double(Int32.min)), Double(Int32.max)))
            }
        }
        let run = KernelShapes.count(sums.shape.dimensions[(channelAxis + 1)...])
        let output = try output()
        let bounds = activation.bounds
        let quotients = sums.elements(as: Int64.self).enumerated().map { index, sum in
            let real = Double(sum + bias[index / max(run, 1) % channels]) * Double(scale)
            return min(max(real, bounds.lower), bounds.upper) / (output?.scale ?? 1)
        }
        guard let output else { return Tensor(shape: sums.shape, elements: quotients.map { Float($0) }) }
        return Self.cast(quotients, sums.shape, output)
    }
}

extension ModuleActivation {
    /// Between which real numbers it keeps its operand.
    fileprivate var bounds: (lower: Double, upper: Double) {
        switch self {
        case .identity: (-.infinity, .infinity)
        case .relu: (0, .infinity)
        case .clip(let lower, let upper): (Double(lower), Double(upper))
        }
    }
}

// MARK: Layers

extension QuantizedModuleKernel {
    private func convolution(
        _ attributes: ConvolutionAttributes, _ padding: ModulePaddingMode, _ fusion: ModuleFusion
    ) throws(KernelError) -> Tensor {
        let (input, weight) = (try data(0), try weight())
        var values = input.centred
        var attributes = attributes
        if padding != .zeros, case .explicit(let before, let after) = attributes.padding, !before.isEmpty {
            let pads = [0, 0] + before + [0, 0] + after
            values = try ReferenceKernels.pad(
                padding == .reflect ? .reflect : .edge,
                KernelInputs(tensors: [values, Tensor(shape: [pads.count], elements: pads.map { Int64($0) })]))
            attributes.padding = .explicit(before: [], after: [])
        }
        let operands = try ConvolutionOperands(data: values, weight: weight.centred, groups: attributes.groups)
        let window = try ReferenceKernels.windows(attributes, operands)
        let sums = try ReferenceKernels.convolve(
            operands, window.geometry, groups: attributes.groups, shape: window.shape, Int64.self, to: .int64)
        return try finish(sums, input: input, weight: weight, channelAxis: 1, fusion.activation)
    }

    private func transposedConvolution(
        _ attributes: TransposedConvolutionAttributes, _ fusion: ModuleFusion
    ) throws(KernelError) -> Tensor {
        let (input, weight) = (try data(0), try weight())
        // Sums of products of 8-bit integers are exact in Double.
        let sums = try ReferenceKernels.transposedConvolution(
            attributes,
            KernelInputs(tensors: [Self.doubles(input.centred), Self.doubles(weight.centred)]))
        return try finish(
            Tensor(shape: sums.shape, elements: sums.elements(as: Double.self).map { Int64($0) }), input: input,
            weight: weight, channelAxis: 1, fusion.activation)
    }

    private static func doubles(_ tensor: Tensor) -> Tensor {
        Tensor(shape: tensor.shape, elements: tensor.elements(as: Int64.self).map { Double($0) })
    }

    private func linear(_ fusion: ModuleFusion) throws(KernelError) -> Tensor {
        let (input, weight) = (try data(0), try weight())
        let transposed = try ReferenceKernels.transpose(
            permutation: [1, 0], KernelInputs(tensors: [weight.centred]))
        let sums = try ReferenceKernels.matMul(KernelInputs(tensors: [input.centred, transposed]))
        return try finish(
            sums, input: input, weight: weight, channelAxis: sums.shape.rank - 1, fusion.activation)
    }

    private func batchMatMul(hasRelu: Bool) throws(KernelError) -> Tensor {
        let (input, weight) = (try data(0), try weight())
        let sums = try ReferenceKernels.matMul(KernelInputs(tensors: [weight.centred, input.centred]))
        guard sums.shape.rank == 3 else { throw .shapeMismatch("the data and weight must have rank 3") }
        return try finish(sums, input: input, weight: weight, channelAxis: 1, hasRelu ? .relu : .identity)
    }
}
