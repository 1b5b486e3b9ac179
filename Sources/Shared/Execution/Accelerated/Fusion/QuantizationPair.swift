import Graphs
import Tensors

/// A QuantizeLinear node and the DequantizeLinear node that alone reads its integers: together they round float32 elements.
struct QuantizationPair {
    /// The value that is rounded.
    let source: String
    /// What comes out.
    let result: String
    /// One scale, or one for each index along the axis.
    let scales: [Float]
    /// The smallest integer without the zero point, for each scale.
    let minima: [Float]
    /// The largest one.
    let maxima: [Float]
    /// Axis of the scales, not negative; 0 for a single one.
    let axis: Int

    /// Recognises a pair with the same constant scales and zero points.
    ///
    /// - Returns: `nil` for everything that the reference kernels have to compute, or refuse.
    init?(_ quantizer: Node, _ dequantizer: Node, in resolved: ResolvedGraph) {
        guard case .quantizeLinear(let first) = quantizer.op, case .dequantizeLinear(let second) = dequantizer.op,
            let source = quantizer.input(0), let type = resolved.types[source], type.elementType == .float32,
            let result = dequantizer.outputs.first, dequantizer.input(0) == quantizer.outputs.first,
            let scale = quantizer.input(1).flatMap({ resolved.constants[$0] }), scale.elementType == .float32,
            scale.shape.rank <= 1, scale.elementCount > 0, first.blockSize == nil, second.blockSize == nil,
            dequantizer.input(1).flatMap({ resolved.constants[$0] }) == scale
        else { return nil }
        var zeroPoint: Tensor?
        switch (quantizer.input(2), dequantizer.input(2)) {
        case (nil, nil): break
        case (let name?, let other?):
            guard let constant = resolved.constants[name], constant.shape == scale.shape,
                resolved.constants[other] == constant
            else { return nil }
            zeroPoint = constant
        default: return nil
        }
        var axis = 0
        if scale.elementCount > 1 {
            let rank = type.shape.rank
            axis = first.axis < 0 ? first.axis + rank : first.axis
            guard axis == (second.axis < 0 ? second.axis + rank : second.axis),
                type.shape.dimensions.indices.contains(axis), type.shape[axis] == scale.elementCount
            else { return nil }
        }
        let integers = zeroPoint?.elementType ?? first.outputType ?? .uint8
        guard let range = Self.range(of: integers) else { return nil }
        let offsets = zeroPoint?.smallIntegers ?? [Float](repeating: 0, count: scale.elementCount)
        self.source = source
        self.result = result
        self.axis = axis
        scales = scale.elements(as: Float.self)
        minima = offsets.map { range.lowerBound - $0 }
        maxima = offsets.map { range.upperBound - $0 }
    }

    private static func range(of type: ElementType) -> ClosedRange<Float>? {
        switch type {
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32_768...32_767
        case .uint16: 0...65_535
        default: nil
        }
    }
}

extension Tensor {
    /// Integers of at most 16 bits as floats; empty for other types.
    fileprivate var smallIntegers: [Float] {
        switch elementType {
        case .int8: elements(as: Int8.self).map(Float.init)
        case .uint8: elements(as: UInt8.self).map(Float.init)
        case .int16: elements(as: Int16.self).map(Float.init)
        case .uint16: elements(as: UInt16.self).map(Float.init)
        default: []
        }
    }
}

extension FusionPlanner {
    /// The pair whose first node is `index`, when its integers go nowhere else.
    func quantizationPair(startingAt index: Int, taken: Set<Int>) -> FusedGroup? {
        guard case .quantizeLinear = node(index).op, let integers = node(index).outputs.first,
            let reader = onlyReader(of: integers), !taken.contains(reader),
            let pair = QuantizationPair(node(index), node(reader), in: resolved)
        else { return nil }
        var group = FusedGroup(node: index)
        group.nodes = [index, reader]
        group.output = pair.result
        return group
    }
}
