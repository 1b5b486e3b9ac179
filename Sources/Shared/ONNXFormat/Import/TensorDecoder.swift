internal import Foundation
internal import Tensors

/// Makes tensors of the tensor messages in a file.
struct TensorDecoder {
    /// Reads constants that lie in other files; `nil` refuses them.
    let externalData: ExternalDataReader?

    /// The tensor of a message; `name` is what errors call it.
    func tensor(from proto: Onnx_TensorProto, name: String) throws(ONNXImportError) -> Tensor {
        guard !proto.hasSegment else { throw .invalidTensor(name: name, reason: "it is split into segments") }
        guard let elementType = ElementType(onnxCode: Int(proto.dataType)) else {
            throw .invalidTensor(
                name: name, reason: "Tare does not handle \(ElementType.description(ofONNXCode: Int(proto.dataType)))")
        }
        guard let shape = Shape(checking: proto.dims.map(Int.init)) else {
            throw .invalidTensor(name: name, reason: "the extents \(proto.dims) are negative or too large")
        }
        let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.byteCount)
        guard !overflow else { throw .invalidTensor(name: name, reason: "the extents \(proto.dims) are too large") }

        let target = Target(name: name, shape: shape, elementType: elementType, byteCount: byteCount)
        if proto.dataLocation == .external { return try externalTensor(proto, target) }
        if proto.hasRawData {
            let typed = typedCount(proto)
            guard typed == 0 else {
                throw .invalidTensor(name: name, reason: "it has raw data and \(typed) typed elements")
            }
            return try rawTensor(proto.rawData, target)
        }
        return try typedTensor(proto, target)
    }

    private struct Target {
        let name: String
        let shape: Shape
        let elementType: ElementType
        let byteCount: Int
    }

    private func externalTensor(_ proto: Onnx_TensorProto, _ target: Target) throws(ONNXImportError) -> Tensor {
        guard let externalData else {
            throw .externalData(
                tensor: target.name, location: ExternalDataReader.location(of: proto),
                reason: "the model did not come from a file, so there is no folder to look in")
        }
        let storage = try externalData.storage(
            for: proto, tensor: target.name, byteCount: target.byteCount,
            elementAlignment: target.elementType.byteCount)
        let tensor = Tensor(shape: target.shape, elementType: target.elementType, storage: storage)
        try checkBooleans(of: tensor, name: target.name)
        return tensor
    }

    private func rawTensor(_ bytes: Data, _ target: Target) throws(ONNXImportError) -> Tensor {
        guard bytes.count == target.byteCount else {
            throw .invalidTensor(
                name: target.name,
                reason: "\(bytes.count) bytes for \(target.shape) of \(target.elementType), "
                    + "which needs \(target.byteCount)")
        }
        let storage = unsafe bytes.withUnsafeBytes { unsafe TensorStorage(copying: $0) }
        let tensor = Tensor(shape: target.shape, elementType: target.elementType, storage: storage)
        try checkBooleans(of: tensor, name: target.name)
        return tensor
    }

    /// A byte other than 0 and 1 is no `Bool`, and reading it as one would be undefined.
    private func checkBooleans(of tensor: Tensor, name: String) throws(ONNXImportError) {
        guard tensor.elementType == .bool else { return }
        let valid = unsafe tensor.withUnsafeBytes { bytes in unsafe bytes.allSatisfy { $0 <= 1 } }
        guard valid else { throw .invalidTensor(name: name, reason: "a bool element is neither 0 nor 1") }
    }

    private func typedCount(_ proto: Onnx_TensorProto) -> Int {
        proto.floatData.count + proto.int32Data.count + proto.int64Data.count + proto.doubleData.count
            + proto.uint64Data.count + proto.stringData.count
    }

    private func typedTensor(_ proto: Onnx_TensorProto, _ target: Target) throws(ONNXImportError) -> Tensor {
        switch target.elementType {
        case .float32: return try tensor(of: proto.floatData, target)
        case .float64: return try tensor(of: proto.doubleData, target)
        case .int64: return try tensor(of: proto.int64Data, target)
        case .uint64: return try tensor(of: proto.uint64Data, target)
        case .int32: return try tensor(of: proto.int32Data, target)
        case .uint32: return try tensor(of: narrowed(proto.uint64Data, to: UInt32.self, target), target)
        case .int8: return try tensor(of: narrowed(proto.int32Data, to: Int8.self, target), target)
        case .uint8: return try tensor(of: narrowed(proto.int32Data, to: UInt8.self, target), target)
        case .int16: return try tensor(of: narrowed(proto.int32Data, to: Int16.self, target), target)
        case .uint16: return try tensor(of: narrowed(proto.int32Data, to: UInt16.self, target), target)
        case .float16:
            let bits = try narrowed(proto.int32Data, to: UInt16.self, target)
            return try tensor(of: bits.map(Float16.init(bitPattern:)), target)
        case .bfloat16:
            let bits = try narrowed(proto.int32Data, to: UInt16.self, target)
            return try tensor(of: bits.map(BFloat16.init(bitPattern:)), target)
        case .bool:
            let bits = try narrowed(proto.int32Data, to: UInt8.self, target)
            guard bits.allSatisfy({ $0 <= 1 }) else {
                throw .invalidTensor(name: target.name, reason: "a bool element is neither 0 nor 1")
            }
            return try tensor(of: bits.map { $0 != 0 }, target)
        }
    }

    private func tensor<Element: TensorElement>(
        of elements: [Element], _ target: Target
    ) throws(ONNXImportError) -> Tensor {
        guard elements.count == target.shape.elementCount else {
            throw .invalidTensor(
                name: target.name,
                reason: "\(elements.count) elements for \(target.shape), which needs \(target.shape.elementCount)")
        }
        return Tensor(shape: target.shape, elements: elements)
    }

    private func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger>(
        _ elements: [Wide], to type: Narrow.Type, _ target: Target
    ) throws(ONNXImportError) -> [Narrow] {
        var result: [Narrow] = []
        result.reserveCapacity(elements.count)
        for element in elements {
            guard let value = Narrow(exactly: element) else {
                throw .invalidTensor(
                    name: target.name, reason: "the element \(element) does not fit \(target.elementType)")
            }
            result.append(value)
        }
        return result
    }
}
