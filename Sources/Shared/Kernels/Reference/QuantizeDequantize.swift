import Graphs
import Tensors

extension ReferenceKernels {
    /// `saturate(roundHalfToEven(x / scale) + zero point)`, divided in `Float`; NaN becomes the type's minimum.
    static func quantizeLinear(
        _ attributes: QuantizeLinearAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let scale = try inputs.required(1)
        let zeroPoint = inputs.optional(2)
        let type = zeroPoint?.elementType ?? attributes.outputType ?? .uint8
        let channels = try QuantizationChannels(
            data: data, scale: scale, zeroPoint: zeroPoint, axis: attributes.axis, blockSize: attributes.blockSize)
        if data.elementType == .float32 {
            switch type {
            case .int8: return channels.quantize(data, as: Int8.self)
            case .uint8: return channels.quantize(data, as: UInt8.self)
            case .int16: return channels.quantize(data, as: Int16.self)
            case .uint16: return channels.quantize(data, as: UInt16.self)
            default: break
            }
        }
        let minimum: Float = type == .int8 ? -128 : type == .int16 ? -32768 : 0
        let maximum: Float = type == .int8 ? 127 : type == .uint8 ? 255 : type == .int16 ? 32767 : 65535
        let values = data.converted(to: .float32).elements(as: Float.self)
        var results: [Int32] = []
        results.reserveCapacity(values.count)
        for index in values.indices {
            let channel = channels.channel(of: index)
            let rounded = (values[index] / channels.scales[channel]).rounded(.toNearestOrEven)
            let offset = rounded + Float(channels.zeroPoints[channel])
            results.append(Int32(offset >= maximum ? maximum : offset >= minimum ? offset : minimum))
        }
        return Tensor(shape: data.shape, elements: results).converted(to: type)
    }

    /// `(x - zero point) * scale` in the type of the scale.
    static func dequantizeLinear(
        _ attributes: DequantizeLinearAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let scale = try inputs.required(1)
        let zeroPoint = inputs.optional(2)
        let channels = try QuantizationChannels(
            data: data, scale: scale, zeroPoint: zeroPoint, axis: attributes.axis, blockSize: attributes.blockSize)
        if scale.elementType == .float32 {
            switch data.elementType {
            case .int8: return channels.dequantize(data, as: Int8.self)
            case .uint8: return channels.dequantize(data, as: UInt8.self)
            case .int16: return channels.dequantize(data, as: Int16.self)
            case .uint16: return channels.dequantize(data, as: UInt16.self)
            default: break
            }
        }
        let values = data.converted(to: .int64).elements(as: Int64.self)
        var results: [Float] = []
        results.reserveCapacity(values.count)
        for index in values.indices {
            let channel = channels.channel(of: index)
            results.append(Float(values[index] - channels.zeroPoints[channel]) * channels.scales[channel])
        }
        return Tensor(shape: data.shape, elements: results).converted(to: scale.elementType)
    }
}

/// Scales and zero points of a tensor, one for all or one per entry of an axis.
private struct QuantizationChannels {
    /// As `Float`, one or as many as channels.
    let scales: [Float]
    /// As many as scales.
    let zeroPoints: [Int64]
    /// Elements per entry of the axis.
    private let inner: Int

    init(
        data: Tensor, scale: Tensor, zeroPoint: Tensor?, axis: Int, blockSize: Int?
    ) throws(KernelError) {
        if let zeroPoint, zeroPoint.shape != scale.shape {
            throw .shapeMismatch("the zero point has shape \(zeroPoint.shape) but the scale \(scale.shape)")
        }
        if let blockSize {
            let blocks = try QuantizationBlocks(data: data, scale: scale, axis: axis, size: blockSize)
            inner = blocks.runLength
            scales = blocks.spread(scale).converted(to: .float32).elements(as: Float.self)
            zeroPoints =
                zeroPoint.map { blocks.spread($0).converted(to: .int64).elements(as: Int64.self) }
                ?? [Int64](repeating: 0, count: scales.count)
            return
        }
        scales = scale.converted(to: .float32).elements(as: Float.self)
        zeroPoints =
            zeroPoint?.converted(to: .int64).elements(as: Int64.self) ?? [Int64](repeating: 0, count: scales.count)
        switch scale.shape.rank {
        case 0:
            inner = 0
        case 1 where scale.elementCount == 1 && data.shape.rank <= 1:
            inner = 0
        case 1:
            // One scale in a list counts for all, whatever the axis holds.
            let axis = try KernelShapes.axis(axis, rank: data.shape.rank)
            guard scale.elementCount == data.shape[axis] || scale.elementCount == 1 else {
                throw .shapeMismatch(
                    "\(scale.elementCount) scales do not fit axis \(axis) of the data \(data.shape)")
            }
            inner = scale.elementCount == 1 ? 0 : KernelShapes.count(data.shape.dimensions[(axis + 1)...])
        default:
            throw .shapeMismatch("a scale of shape \(scale.shape) needs a block size")
        }
    }

    /// Which scale belongs to an element.
    func channel(of index: Int) -> Int {
        inner == 0 ? 0 : index / inner % scales.count
    }

    /// The runs of neighbouring elements that share a scale, in order.
    private func forEachRun(of count: Int, _ body: (_ start: Int, _ count: Int, _ channel: Int) -> Void) {
        let run = inner == 0 ? count : inner
        guard run > 0 else { return }
        for start in stride(from: 0, to: count, by: run) { body(start, run, channel(of: start)) }
    }

    /// QuantizeLinear of `float32` data.
    func quantize<Stored: FixedWidthInteger & TensorElement>(_ data: Tensor, as type: Stored.Type) -> Tensor {
        var result = Tensor(zeros: data.shape, elementType: Stored.elementType)
        unsafe data.withUnsafeBytes { source in
            unsafe result.withUnsafeMutableBytes { target in
                guard let from = unsafe source.assumingMemoryBound(to: Float.self).baseAddress,
                    let to = unsafe target.assumingMemoryBound(to: Stored.self).baseAddress
                else { return }
                forEachRun(of: data.elementCount) { start, count, channel in
                    unsafe QuantizationLoops.quantize(
                        from + start, to: to + start, count: count, scale: scales[channel],
                        zeroPoint: Int32(zeroPoints[channel]))
                }
            }
        }
        return result
    }

    /// DequantizeLinear to `float32`.
    func dequantize<Stored: FixedWidthInteger & TensorElement>(_ data: Tensor, as type: Stored.Type) -> Tensor {
        var result = Tensor(zeros: data.shape, elementType: .float32)
        unsafe data.withUnsafeBytes { source in
            unsafe result.withUnsafeMutableBytes { target in
                guard let from = unsafe source.assumingMemoryBound(to: Stored.self).baseAddress,
                    let to = unsafe target.assumingMemoryBound(to: Float.self).baseAddress
                else { return }
                forEachRun(of: data.elementCount) { start, count, channel in
                    unsafe QuantizationLoops.dequantize(
                        from + start, to: to + start, count: count, scale: scales[channel],
                        zeroPoint: Int32(zeroPoints[channel]))
                }
            }
        }
        return result
    }
}

/// Blocks of neighbours along an axis that share a scale.
private struct QuantizationBlocks {
    /// How many elements that follow each other in memory share a scale after `spread`.
    let runLength: Int
    private let shape: Shape
    private let axis: Int
    private let size: Int

    /// Checks that there is one scale per block; the last block may be shorter.
    init(data: Tensor, scale: Tensor, axis: Int, size: Int) throws(KernelError) {
        shape = data.shape
        self.axis = try KernelShapes.axis(axis, rank: shape.rank)
        self.size = size
        guard size >= 1 else { throw .invalidArgument("the block size is \(size); it must be at least 1") }
        var expected = shape.dimensions
        let (blocks, rest) = expected[self.axis].quotientAndRemainder(dividingBy: size)
        expected[self.axis] = blocks + (rest == 0 ? 0 : 1)
        guard scale.shape.dimensions == expected else {
            throw .shapeMismatch(
                "scales \(scale.shape) do not fit data \(shape) in blocks of \(size) along axis \(axis)")
        }
        runLength = self.axis == shape.rank - 1 && shape[self.axis].isMultiple(of: size) ? size : 1
    }

    /// The parameter of each run in memory order.
    func spread(_ parameter: Tensor) -> Tensor {
        guard runLength == 1 else { return parameter }
        let indices = (0..<shape[axis]).map { $0 / size }
        return ElementMoves.take(parameter, axis: axis, indices: indices, shape: shape)
    }
}
