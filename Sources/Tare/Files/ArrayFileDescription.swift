import Tensors

/// What `tare inspect` says about a file of arrays.
struct ArrayFileDescription: Encodable {
    /// One array.
    struct Entry: Encodable {
        /// Name.
        let name: String
        /// Type of the elements.
        let type: String
        /// Extents.
        let shape: [Int]
    }

    /// All arrays, by name.
    let arrays: [Entry]

    init(_ tensors: [String: Tensor]) {
        arrays = tensors.sorted { $0.key < $1.key }.map {
            Entry(name: $0.key, type: $0.value.elementType.rawValue, shape: $0.value.shape.dimensions)
        }
    }

    /// A state dictionary keeps its order.
    init(_ state: StateDictionary) {
        arrays = state.entries.map {
            Entry(name: $0.name, type: $0.tensor.elementType.rawValue, shape: $0.tensor.shape.dimensions)
        }
    }

    init(_ file: NPZFile) throws {
        arrays = try file.names.sorted().map { name in
            let array = try file.array(name)
            return Entry(name: name, type: array.elementType.rawValue, shape: array.shape.dimensions)
        }
    }

    /// One line for each array.
    var text: String {
        arrays.map { "\($0.name): \($0.type)\(Shape($0.shape))" }.joined(separator: "\n")
    }
}
