import Tensors

/// Numbers in nested JSON arrays.
struct NestedNumbers: Decodable {
    /// In row-major order.
    let flat: [Double]
    /// Extents; empty for a single number.
    let dimensions: [Int]

    init(from decoder: any Decoder) throws {
        guard var container = try? decoder.unkeyedContainer() else {
            flat = [try decoder.singleValueContainer().decode(Double.self)]
            dimensions = []
            return
        }
        var parts: [NestedNumbers] = []
        while !container.isAtEnd { parts.append(try container.decode(NestedNumbers.self)) }
        flat = parts.flatMap(\.flat)
        dimensions = [parts.count] + (parts.first?.dimensions ?? [])
    }

    /// As a float32 tensor.
    var tensor: Tensor { Tensor(shape: Shape(dimensions), elements: flat.map { Float($0) }) }
}
