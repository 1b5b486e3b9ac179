internal import Graphs
public import Tensors

/// Between which numbers a quantizer does not clamp, to the last bit of its arithmetic.
///
/// Whether `round(x * scale)` or `round(x / scale) + zero point` leaves the integer's range is monotone in x, so two thresholds
/// for each scale say it all.
public struct QuantizerLimits: Sendable, Hashable {
    /// Name of the float model's value whose elements are quantized.
    public let value: String
    /// Type of the integers, for example `uint8`.
    public let type: String
    /// Axis of the channels, counted from the end when negative; `nil` for one scale.
    public let axis: Int?
    /// The smallest number of each channel that is not clamped.
    public let lower: [Float]
    /// The largest one.
    public let upper: [Float]

    /// Finds the thresholds.
    ///
    /// - Parameters:
    ///   - value: Name of the value.
    ///   - type: Type of the integers.
    ///   - axis: Axis of the channels; `nil` for one scale.
    ///   - channels: Number of scales.
    ///   - origin: A number that no channel clamps.
    ///   - isClamped: Whether a number of a channel is clamped; monotone on both sides of the origin.
    private init(
        value: String, type: String, axis: Int?, channels: Int, origin: (Int) -> Float, isClamped: (Int, Float) -> Bool
    ) {
        self.value = value
        self.type = type
        self.axis = axis
        lower = (0..<channels).map { channel in
            Self.last(from: origin(channel), towards: -.infinity) { !isClamped(channel, $0) }
        }
        upper = (0..<channels).map { channel in
            Self.last(from: origin(channel), towards: .infinity) { !isClamped(channel, $0) }
        }
    }

    /// The number farthest from the origin that still passes.
    private static func last(from origin: Float, towards end: Float, passes: (Float) -> Bool) -> Float {
        // Floats in their order are integers in theirs.
        func key(_ value: Float) -> Int64 {
            let bits = Int64(value.bitPattern & 0x7fff_ffff)
            return value.sign == .minus ? -bits : bits
        }
        func number(_ key: Int64) -> Float {
            let magnitude = Float(bitPattern: UInt32(key.magnitude))
            return key < 0 ? -magnitude : magnitude
        }
        var (inside, outside) = (key(origin), key(end))
        if passes(end) { return end }
        while abs(outside - inside) > 1 {
            let middle = (inside + outside) / 2
            if passes(number(middle)) { inside = middle } else { outside = middle }
        }
        return number(inside)
    }

    /// The thresholds of a QuantizeLinear node: `round half to even(x / scale) + zero point`.
    ///
    /// - Returns: `nil` unless scale and zero point are constants of a form that the executor computes.
    init?(quantizing value: String, by node: Node, in graph: Graph) {
        guard case .quantizeLinear(let attributes) = node.op, attributes.blockSize == nil,
            let scale = node.input(1).flatMap({ graph.initializers[$0] }), scale.elementType == .float32,
            scale.shape.rank <= 1, scale.elementCount > 0
        else { return nil }
        var zeroPoint: Tensor?
        if let name = node.input(2) {
            guard let constant = graph.initializers[name], constant.shape == scale.shape else { return nil }
            zeroPoint = constant
        }
        let type = zeroPoint?.elementType ?? attributes.outputType ?? .uint8
        guard let range = Self.range(of: type), let offsets = Self.integers(zeroPoint, count: scale.elementCount) else {
            return nil
        }
        let scales = scale.elements(as: Float.self)
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        self.init(
            value: value, type: "\(type)", axis: scales.count == 1 ? nil : attributes.axis, channels: scales.count,
            origin: { _ in 0 },
            isClamped: { channel, number in
                let offset = (number / scales[channel]).rounded(.toNearestOrEven) + Float(offsets[channel])
                return !range.contains(offset)
            })
    }

    /// The thresholds of an `mlu` node's input: `round half away from zero(x * scale)`, after mean and standard deviation.
    ///
    /// - Returns: `nil` without a scale (the module is being calibrated), or for a deviation that is not positive.
    init?(moduleInput value: String, of node: Node, in graph: Graph) {
        func constant(_ input: MLUInput, _ type: ElementType) -> Tensor? {
            node.input(input).flatMap { graph.initializers[$0] }.flatMap { $0.elementType == type ? $0 : nil }
        }
        guard case .mlu = node.op,
            let scale = constant(.scale, .float32)?.elements(as: Float.self).first, scale > 0, scale.isFinite,
            let mode = constant(.quantizedMode, .int32)?.elements(as: Int32.self).first,
            (node.input(.inputMean) == nil) == (node.input(.inputStd) == nil)
        else { return nil }
        let means = constant(.inputMean, .float32)?.elements(as: Float.self) ?? [0]
        let deviations = constant(.inputStd, .float32)?.elements(as: Float.self) ?? [1]
        guard means.count == deviations.count, deviations.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        let type: ElementType = mode == 2 || mode == 4 ? .int16 : .int8
        guard let range = Self.range(of: type) else { return nil }
        self.init(
            value: value, type: "\(type)", axis: means.count == 1 ? nil : 1, channels: means.count,
            origin: { means[$0] },
            isClamped: { channel, number in
                let normalized = (number - means[channel]) / deviations[channel]
                return !range.contains((normalized * scale).rounded(.toNearestOrAwayFromZero))
            })
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

    private static func integers(_ tensor: Tensor?, count: Int) -> [Int]? {
        guard let tensor else { return [Int](repeating: 0, count: count) }
        return switch tensor.elementType {
        case .int8: tensor.elements(as: Int8.self).map(Int.init)
        case .uint8: tensor.elements(as: UInt8.self).map(Int.init)
        case .int16: tensor.elements(as: Int16.self).map(Int.init)
        case .uint16: tensor.elements(as: UInt16.self).map(Int.init)
        default: nil
        }
    }

    /// How many elements of a tensor are clamped; elements that are not numbers are not counted among them.
    ///
    /// - Returns: `nil` when the tensor does not have the channels.
    public func saturatedCount(in tensor: Tensor) -> Int? {
        var run = tensor.elementCount
        if let axis {
            let axis = axis < 0 ? axis + tensor.shape.rank : axis
            guard tensor.shape.dimensions.indices.contains(axis), tensor.shape[axis] == lower.count else { return nil }
            run = tensor.shape.dimensions[(axis + 1)...].reduce(1, *)
        }
        guard run > 0 else { return 0 }
        return tensor.withElements(as: Float.self) { elements in
            var count = 0
            for (block, start) in stride(from: 0, to: elements.count, by: run).enumerated() {
                let channel = block % lower.count
                count += ErrorMeasure.countOutside(
                    elements.extracting(start..<start + run), lower: lower[channel], upper: upper[channel])
            }
            return count
        }
    }
}
