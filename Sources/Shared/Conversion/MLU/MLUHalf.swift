public import Graphs
import Quantization
import Tensors

extension Graph {
    /// The run model in half precision: inputs and outputs are `float16`, and every parameter has a value of `float16`.
    ///
    /// Between them values are `float32`, in which the device computes. A scale beyond the largest `float16` number
    /// (65504, so a magnitude below 0.002 for int8 and 0.5 for int16) becomes that number: integers are then a smaller
    /// part of their range, and nothing saturates.
    ///
    /// - Throws: `MLUConversionError.notCalibrated` when a module has no scales.
    public func castingMLUToHalf() throws(MLUConversionError) -> Graph {
        var result = self
        for module in mluStateModules where parameter(.scale, of: module) == nil {
            throw .notCalibrated(path: module.path)
        }
        for (name, tensor) in initializers where tensor.elementType == .float32 {
            result.initializers[name] = Tensor(
                shape: tensor.shape,
                elements: tensor.elements(as: Float.self).map { Float(Float16($0.clampedToHalf())) })
        }
        var names = NameSource(self)
        var before: [Node] = []
        var after: [Node] = []
        var renamed: [String: String] = [:]
        for index in inputs.indices where inputs[index].type.elementType == .float32 {
            let value = inputs[index].name
            let wide = names.unused(value + "_float32")
            renamed[value] = wide
            result.inputs[index].type.elementType = .float16
            before.append(Self.cast(value, to: .float32, result: wide, &names))
        }
        let produced = Set(nodes.flatMap(\.outputs))
        for index in outputs.indices where outputs[index].type.elementType == .float32 {
            let value = outputs[index].name
            guard produced.contains(value) else { continue }
            let wide = names.unused(value + "_float32")
            renamed[value] = wide
            result.outputs[index].type.elementType = .float16
            after.append(Self.cast(wide, to: .float16, result: value, &names))
        }
        for index in result.nodes.indices {
            result.nodes[index].inputs = nodes[index].inputs.map { renamed[$0] ?? $0 }
            result.nodes[index].outputs = nodes[index].outputs.map { renamed[$0] ?? $0 }
        }
        result.nodes = before + result.nodes + after
        return result
    }

    private static func cast(
        _ source: String, to type: ElementType, result: String, _ names: inout NameSource
    ) -> Node {
        Node(
            name: names.unused(source + "_Cast"), op: .cast(CastAttributes(to: type)), inputs: [source],
            outputs: [result])
    }
}

extension Float {
    /// The nearest number within the range of `Float16`; infinities and NaN stay.
    fileprivate func clampedToHalf() -> Float {
        guard isFinite else { return self }
        let largest = Float(Float16.greatestFiniteMagnitude)
        return max(-largest, min(largest, self))
    }
}
