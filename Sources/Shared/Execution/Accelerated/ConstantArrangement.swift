import Kernels
import Tensors

extension Tensor {
    /// The float32 elements in the order of a dense layout with the same extents; `nil` when that is not possible.
    func arranged(as layout: StridedShape) -> Tensor? {
        guard elementType == .float32, layout.extents == shape.dimensions, layout.isDense else { return nil }
        let source = elements(as: Float.self)
        var result = source
        var index = [Int](repeating: 0, count: layout.extents.count)
        for value in source {
            var position = 0
            for axis in index.indices { position += index[axis] * layout.strides[axis] }
            result[position] = value
            for axis in index.indices.reversed() {
                index[axis] += 1
                if index[axis] < layout.extents[axis] { break }
                index[axis] = 0
            }
        }
        return Tensor(shape: shape, elements: result)
    }

    /// The only element of a float32 tensor with one element.
    var singleFloat: Float? {
        guard elementType == .float32, elementCount == 1 else { return nil }
        return elements(as: Float.self).first
    }

    /// The elements of an int64 or int32 tensor.
    var integers: [Int]? {
        switch elementType {
        case .int64: elements(as: Int64.self).map(Int.init)
        case .int32: elements(as: Int32.self).map(Int.init)
        default: nil
        }
    }
}
