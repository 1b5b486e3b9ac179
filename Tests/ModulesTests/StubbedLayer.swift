import Conversion
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport

/// A layer behind as many stubs as it has operands; their real values have ranges of their own.
struct StubbedLayer: Module {
    let stubs = [QuantStub(), QuantStub(), QuantStub()]
    let layer: Layer
    /// 0 when the layer itself reads the input.
    let operandCount: Int
    let call: ([Value]) -> Value

    /// A layer of several operands: the input, its sigmoid, its hyperbolic tangent.
    init(_ layer: Layer, operandCount: Int, call: @escaping ([Value]) -> Value) {
        self.layer = layer
        self.operandCount = operandCount
        self.call = call
    }

    /// A layer of one operand.
    init(_ layer: UnaryLayer) { self.init(layer, operandCount: 1) { layer($0[0]) } }

    /// A function of as many operands as it takes.
    init(_ mode: ElemwiseMode) {
        let layer = Elemwise(mode)
        self.init(layer, operandCount: mode.operandCount) { values in
            switch values.count {
            case 1: layer(values[0])
            case 2: layer(values[0], values[1])
            default: layer(values[0], values[1], values[2])
            }
        }
    }

    func forward(_ x: Value) -> Value {
        guard operandCount > 0 else { return call([x]) }
        return call(zip(stubs, [x, x.sigmoid(), x.tanh()].prefix(operandCount)).map { $0($1) })
    }
}

extension Network {
    /// Replaces all float parameters and statistics by random ones that a trained network could have.
    mutating func randomize(_ generator: inout SeededGenerator) {
        for name in graph.initializers.keys.sorted() {
            guard let old = graph.initializers[name], old.elementType == .float32 else { continue }
            // Variances, and the factors of normalizations, are positive.
            let isPositive = name.hasSuffix("running_var") || name.hasSuffix("bn.weight")
            let elements = (0..<old.elementCount).map { _ in
                isPositive ? 0.5 + Float(generator.next() % 1000) / 1000 : generator.normal() * 0.5
            }
            graph.initializers[name] = Tensor(shape: old.shape, elements: elements)
        }
    }

    /// The only output as real numbers: integers times the scale of the module `layer`.
    mutating func realOutput(_ inputs: [String: Tensor]) throws -> [Float] {
        guard let tensor = try run(inputs)["output"] else { return [] }
        guard tensor.elementType == .int8 else { return tensor.elements(as: Float.self) }
        let scale = graph.initializers["layer.scale"]?.elements(as: Float.self).first ?? .nan
        return tensor.elements(as: Int8.self).map { Float($0) * scale }
    }

    /// Sets the scales of passive observers, by path and part: `stubs.0.act`, `layer.weight`.
    mutating func setScales(_ scales: [String: Float]) {
        for (name, scale) in scales {
            graph.initializers["\(name)_observer.scale"] = Tensor(shape: [1], elements: [scale])
        }
    }
}

extension SeededGenerator {
    /// A whole number of a range.
    mutating func integer(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    /// A normally distributed tensor.
    mutating func tensor(_ shape: [Int], deviation: Float = 1) -> Tensor {
        Tensor(shape: Shape(shape), elements: (0..<shape.reduce(1, *)).map { _ in normal() * deviation })
    }

    /// Integers of a range.
    mutating func integers(_ shape: [Int], _ range: ClosedRange<Int>) -> Tensor {
        Tensor(shape: Shape(shape), elements: (0..<shape.reduce(1, *)).map { _ in Int8(integer(range)) })
    }
}
