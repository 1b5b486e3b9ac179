import Graphs
import Quantization
import Tensors
import TestSupport

/// Random networks of quantized modules and of what carries their integers on.
struct RandomQuantizedModules {
    /// Integers and what they stand for.
    struct Value {
        var name: String
        var dtype: QuantDtype
        var scale: String
        var zeroPoint: String
        var extents: [Int]
    }

    var graph = Graph(name: "quantized", inputs: [], outputs: [], nodes: [])
    var generator: SeededGenerator
    private var count = 0

    /// Makes a network; the same for the same seed.
    static func make(seed: UInt64) -> (graph: Graph, input: Tensor) {
        var network = RandomQuantizedModules(generator: SeededGenerator(seed: seed))
        let rank = seed % 5 == 4 ? network.pick([1, 3]) : 2
        let extents =
            [network.pick([1, 2, 3]), network.pick([1, 3, 4, 8])] + (0..<rank).map { _ in network.pick([5, 6, 7, 9]) }
        network.graph.inputs = [
            .init(name: "x", type: TensorType(elementType: .float32, dimensions: extents.map { .fixed($0) }))
        ]
        let shape = Shape(extents)
        var elements = (0..<shape.elementCount).map { _ in network.generator.normal() }
        if seed % 7 == 0 { elements[0] = .nan }
        if seed % 7 == 1 { elements[0] = .infinity }
        var values = [network.stub("x", extents)]
        for _ in 0..<network.pick([2, 4, 7]) {
            let value = values[network.pick(Array(max(0, values.count - 2)..<values.count))]
            let other = values[network.pick(Array(values.indices))]
            values.append(network.step(value, other))
        }
        let last = values[values.count - 1]
        network.output(last.name, last.dtype.elementType)
        let middle = values[values.count / 2]
        if middle.name != last.name { network.output(middle.name, middle.dtype.elementType) }
        network.output(network.head(last), .float32)
        return (network.graph, Tensor(shape: shape, elements: elements))
    }

    private mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }

    private mutating func output(_ name: String, _ type: ElementType) {
        graph.outputs.append(.init(name: name, type: TensorType(elementType: type, dimensions: nil)))
    }

    mutating func constant(_ tensor: Tensor) -> String {
        count += 1
        graph.initializers["c\(count)"] = tensor
        return "c\(count)"
    }

    private mutating func add(_ op: Operator, _ inputs: [String]) -> String {
        count += 1
        graph.nodes.append(Node(name: "n\(count)", op: op, inputs: inputs, outputs: ["v\(count)"]))
        return "v\(count)"
    }

    // MARK: Modules

    /// A scale; powers of two make many ties.
    private mutating func scale(_ about: Float) -> String {
        let free = about * (0.6 + Float.random(in: 0..<1, using: &generator))
        let value = pick([0, 1, 2]) == 0 ? Float(sign: .plus, exponent: free.exponent, significand: 1) : free
        return constant(Tensor(shape: [1], elements: [value]))
    }

    private mutating func zeroPoint(_ dtype: QuantDtype) -> String {
        guard dtype.isUnsigned else { return "" }
        let point = Int32.random(in: dtype.minimum...dtype.maximum, using: &generator)
        return constant(Tensor(shape: [1], elements: [point]))
    }

    /// Adds a module; `shape` are the extents of its result, `scale` about the distance of its integers.
    private mutating func module(
        _ kind: ModuleKind, _ data: [Value], weight: Tensor? = nil, weightDtype: QuantDtype? = nil, bias: String = "",
        extents: [Int], scale about: Float, float: String? = nil
    ) -> Value {
        let dtype = pick([QuantDtype.qint8, .qint8, .qint8Narrow, .quint8, .qint4, .quint4])
        let settings = QuantizedSettings(
            inputs: float == nil ? data.map { $0.dtype } : [nil], weight: weightDtype, output: dtype)
        var inputs = float.map { [$0, "", ""] } ?? data.map(\.name) + data.flatMap { [$0.scale, $0.zeroPoint] }
        if let weight, let weightDtype {
            inputs += [constant(weight), scale(0.02)]
            if weightDtype.isUnsigned { inputs.append(zeroPoint(weightDtype)) }
            inputs.append(bias)
        }
        let coarser: Float = dtype == .qint4 || dtype == .quint4 ? 8 : 1
        let outputScale = scale(about * coarser)
        let point = zeroPoint(dtype)
        inputs.append(outputScale)
        if dtype.isUnsigned { inputs.append(point) }
        let name = add(.module(ModuleOperator(kind, family: .quantized(settings))), inputs)
        return Value(name: name, dtype: dtype, scale: outputScale, zeroPoint: point, extents: extents)
    }

    private mutating func stub(_ float: String, _ extents: [Int]) -> Value {
        module(.quantStub, [], extents: extents, scale: 0.03, float: float)
    }

    private mutating func weight(_ extents: [Int]) -> (Tensor, QuantDtype) {
        let shape = Shape(extents)
        let dtype = pick([QuantDtype.qint8Narrow, .qint8, .quint8])
        let integers = (0..<shape.elementCount).map { _ in
            Int32.random(in: dtype.minimum...dtype.maximum, using: &generator)
        }
        let tensor =
            dtype.isUnsigned
            ? Tensor(shape: shape, elements: integers.map { UInt8($0) })
            : Tensor(shape: shape, elements: integers.map { Int8($0) })
        return (tensor, dtype)
    }

    private mutating func bias(_ channels: Int) -> String {
        guard pick([true, true, false]) else { return "" }
        return constant(Tensor(shape: [channels], elements: (0..<channels).map { _ in generator.normal() }))
    }

    private mutating func activation() -> ModuleActivation {
        pick([.identity, .relu, .clip(lower: -0.3, upper: 0.7), .clip(lower: 0.5, upper: 0.2)])
    }

    private mutating func convolution(_ x: Value) -> Value {
        let spatial = Array(x.extents.dropFirst(2))
        let channels = x.extents[1]
        let groups = pick([1, 1, channels])
        let filters = groups * pick(groups == 1 ? [1, 5, 8, 33] : [1, 1, 2])
        let kernel = spatial.map { _ in pick([1, 2, 3]) }
        let dilation = pick([1, 1, 2])
        let pads = kernel.map { _ in pick([0, 1, 2]) }
        let after = kernel.map { _ in pick([0, 1]) }
        let stride = pick([1, 1, 2])
        let extents = spatial.indices.map {
            (spatial[$0] + pads[$0] + after[$0] - (kernel[$0] - 1) * dilation - 1) / stride + 1
        }
        guard extents.allSatisfy({ $0 > 2 }) else { return elemwise(.relu, [x]) }
        let attributes = ConvolutionAttributes(
            strides: spatial.map { _ in stride }, dilations: spatial.map { _ in dilation },
            padding: .explicit(before: pads, after: after), groups: groups)
        let (weight, dtype) = weight([filters, channels / groups] + kernel)
        let mode = pick(ModulePaddingMode.allCases)
        return module(
            .convolution(attributes, paddingMode: mode, ModuleFusion(activation: activation())), [x], weight: weight,
            weightDtype: dtype, bias: bias(filters), extents: [x.extents[0], filters] + extents, scale: 0.1)
    }

    private mutating func linear(_ x: Value) -> Value {
        let inputs = x.extents[x.extents.count - 1]
        let outputs = pick([1, 6, 40])
        let (weight, dtype) = weight([outputs, inputs])
        return module(
            .linear(ModuleFusion(activation: activation())), [x], weight: weight, weightDtype: dtype,
            bias: bias(outputs), extents: x.extents.dropLast() + [outputs], scale: 0.1)
    }

    private mutating func elemwise(_ mode: ElemwiseMode, _ data: [Value]) -> Value {
        module(.elemwise(mode), data, extents: data[0].extents, scale: 0.03)
    }

    // MARK: Steps

    private mutating func step(_ x: Value, _ other: Value) -> Value {
        let binary: [ElemwiseMode] = [.add, .fuseAddRelu, .mul, .sub, .max, .trueDiv, .logSumExp]
        switch pick(Array(0..<10)) {
        case 0, 1, 2: return convolution(x)
        case 3, 4: return elemwise(pick(binary), [x, other.extents == x.extents ? other : x])
        case 5: return elemwise(pick([.relu, .sigmoid, .negate, .exp, .hSwish]), [x])
        case 6:
            guard other.extents.dropFirst(2) == x.extents.dropFirst(2) else { return linear(x) }
            var extents = x.extents
            extents[1] += other.extents[1]
            return module(
                .concat(axis: pick([1, 1 - extents.count]), dataCount: 2), [x, other], extents: extents, scale: 0.03)
        case 7: return pooling(x)
        case 8: return pick([true, false]) ? linear(x) : transposed(x)
        default: return transposedConvolution(x)
        }
    }

    /// Axes in another order, and back into the row.
    private mutating func transposed(_ x: Value) -> Value {
        var result = x
        let rank = x.extents.count
        let order = [0, 1] + (2..<rank).reversed()
        result.name = add(.transpose(permutation: order), [x.name])
        result.extents = order.map { x.extents[$0] }
        return result
    }

    private mutating func transposedConvolution(_ x: Value) -> Value {
        let (weight, dtype) = weight([x.extents[1], 3] + x.extents.dropFirst(2).map { _ in 1 })
        return module(
            .transposedConvolution(TransposedConvolutionAttributes(), .none), [x], weight: weight, weightDtype: dtype,
            bias: bias(3), extents: [x.extents[0], 3] + x.extents.dropFirst(2), scale: 0.1)
    }

    private mutating func pooling(_ x: Value) -> Value {
        var result = x
        let ones = x.extents.dropFirst(2).map { _ in 1 }
        let isPadded = pick([true, false])
        guard x.extents.dropFirst(2).allSatisfy({ $0 > 4 }) else { return elemwise(.relu, [x]) }
        var attributes = PoolingAttributes(
            kernelShape: ones.map { _ in 3 }, strides: ones.map { _ in isPadded ? 2 : 1 },
            padding: isPadded ? .explicit(before: ones, after: ones) : .valid)
        result.extents = x.extents.prefix(2) + x.extents.dropFirst(2).map { isPadded ? ($0 - 1) / 2 + 1 : $0 - 2 }
        if pick([true, false]) {
            result.name = add(.maxPool(attributes), [x.name])
        } else {
            attributes.countIncludesPadding = pick([true, false])
            result.name = add(.averagePool(attributes), [x.name])
        }
        return result
    }

    /// Pooling over everything, a linear module and real numbers.
    private mutating func head(_ x: Value) -> String {
        var flat = x
        flat.name = add(.flatten(axis: 1), [add(pick([.globalAveragePool, .globalMaxPool]), [x.name])])
        flat.extents = [x.extents[0], x.extents[1]]
        let last = linear(flat)
        let settings = QuantizedSettings(inputs: [last.dtype], weight: nil, output: nil)
        return add(
            .module(ModuleOperator(.dequantStub, family: .quantized(settings))),
            [last.name, last.scale, last.zeroPoint])
    }
}
