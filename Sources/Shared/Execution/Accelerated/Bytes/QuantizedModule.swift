import Graphs
import Quantization
import Tensors

/// A module of the quantized family with constant scales, as far as the fast kernels need it.
struct QuantizedModule {
    /// The operator.
    let op: ModuleOperator
    /// Its types.
    let settings: QuantizedSettings
    private let node: Node
    private let resolved: ResolvedGraph

    /// Reads a node.
    ///
    /// - Returns: `nil` for other nodes.
    init?(_ node: Node, in resolved: ResolvedGraph) {
        guard case .module(let module) = node.op, case .quantized(let settings) = module.family,
            settings.inputs.count == module.kind.dataCount, node.inputs.count == module.inputCount
        else { return nil }
        op = module
        self.settings = settings
        self.node = node
        self.resolved = resolved
    }

    // MARK: Parameters; `nil` for what only the reference kernel takes, or refuses.

    /// What the bytes of one of the data stand for.
    func data(_ index: Int) -> ByteMeaning? {
        guard let dtype = settings.inputs[index],
            let type = resolved.types[node.inputs[index]], type.elementType == dtype.elementType
        else { return nil }
        let place = op.kind.dataCount + 2 * index
        return meaning(dtype, scale: node.input(place), zeroPoint: node.input(place + 1))
    }

    /// What the bytes of the weight stand for.
    var weight: (tensor: Tensor, meaning: ByteMeaning)? {
        guard let dtype = settings.weight, let tensor = constant(node.parameter("weight")),
            tensor.elementType == dtype.elementType,
            let meaning = meaning(
                dtype, scale: node.parameter("weight_scale"), zeroPoint: node.parameter("weight_zero_point"))
        else { return nil }
        return (tensor, meaning)
    }

    /// What real results become.
    var output: ByteQuantizer? {
        guard let dtype = settings.output,
            let meaning = meaning(dtype, scale: node.parameter("scale"), zeroPoint: node.parameter("zero_point"))
        else { return nil }
        return ByteQuantizer(
            divisor: Double(meaning.scale), zeroPoint: meaning.zeroPoint,
            // A float cast of `qint8_narrow` clips at -128: both kinds are stored alike.
            low: dtype == .qint8Narrow ? -128 : dtype.minimum, high: dtype.maximum)
    }

    /// The bias of each channel as an integer of a scale; `nil` when it has another form.
    func bias(channels: Int, scale: Float) -> [Int64]? {
        guard let name = node.parameter("bias") else { return [Int64](repeating: 0, count: channels) }
        guard let tensor = constant(name), tensor.elementType == .float32, tensor.elementCount == channels else {
            return nil
        }
        return tensor.elements(as: Float.self).map { value in
            let quotient = (Double(value) / Double(scale)).rounded(.toNearestOrAwayFromZero)
            return quotient.isNaN ? Int64(Int32.min) : Int64(min(max(quotient, Double(Int32.min)), Double(Int32.max)))
        }
    }

    /// The constants behind the data; `nil` unless all of them are.
    var parameters: [Tensor?]? {
        var result: [Tensor?] = []
        for name in node.inputs.dropFirst(op.kind.dataCount) {
            guard !name.isEmpty else {
                result.append(nil)
                continue
            }
            guard let tensor = resolved.constants[name] else { return nil }
            result.append(tensor)
        }
        return result
    }

    private func constant(_ name: String?) -> Tensor? { name.flatMap { resolved.constants[$0] } }

    private func meaning(_ dtype: QuantDtype, scale: String?, zeroPoint: String?) -> ByteMeaning? {
        guard let scale = constant(scale)?.singleFloat, ByteMeaning.usableScales.contains(scale),
            [.int8, .uint8].contains(dtype.elementType)
        else { return nil }
        var point: Int32 = 0
        if let zeroPoint {
            guard let tensor = constant(zeroPoint), tensor.elementType == .int32, tensor.elementCount == 1,
                let value = tensor.elements(as: Int32.self).first, dtype.minimum...dtype.maximum ~= value
            else { return nil }
            point = value
        }
        return ByteMeaning(isUnsigned: dtype.elementType == .uint8, zeroPoint: point, scale: scale)
    }
}
