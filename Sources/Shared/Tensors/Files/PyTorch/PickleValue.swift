/// A Python object that a restricted pickle can describe.
enum PickleValue {
    case none
    case boolean(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)
    /// Position in `PickleReader.tuples`. A value holds no other, so that releasing a deep nesting needs no deep stack.
    case tuple(Int)
    /// Position in `PickleReader.lists`.
    case list(Int)
    /// Position in `PickleReader.dictionaries`.
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(PickledStorage)
    case tensor(PickledTensor)

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .boolean: "a truth value"
        case .integer: "an integer"
        case .real: "a number"
        case .text: "a text"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global: "a function or class"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// The functions and classes that a file may name.
enum PickleGlobal: Equatable {
    case orderedDictionary
    /// `torch._utils._rebuild_tensor_v2`: the element type is the storage's.
    case rebuildTensor
    /// `torch._utils._rebuild_tensor_v3`: the element type is an argument.
    case rebuildTypedTensor
    /// `torch._utils._rebuild_parameter`: gives back its first argument.
    case rebuildParameter
    /// A class of storages; `nil` is bytes of no type.
    case storageType(ElementType?)
    /// A value such as `torch.uint16`.
    case elementType(ElementType)

    /// - Returns: `nil` for everything else.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTypedTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch.storage", "UntypedStorage"): self = .storageType(nil)
        case ("torch", _):
            if let type = ElementType.allCases.first(where: { $0.torchStorageName == name }) {
                self = .storageType(type)
            } else if let type = ElementType.allCases.first(where: { $0.rawValue == name }) {
                self = .elementType(type)
            } else {
                return nil
            }
        default: return nil
        }
    }
}

extension ElementType {
    /// The class of PyTorch's storages of such elements; `nil` for types that came after these classes.
    var torchStorageName: String? {
        switch self {
        case .float32: "FloatStorage"
        case .float16: "HalfStorage"
        case .bfloat16: "BFloat16Storage"
        case .float64: "DoubleStorage"
        case .int8: "CharStorage"
        case .uint8: "ByteStorage"
        case .int16: "ShortStorage"
        case .int32: "IntStorage"
        case .int64: "LongStorage"
        case .bool: "BoolStorage"
        case .uint16, .uint32, .uint64: nil
        }
    }
}

/// Bytes in a member of the archive.
struct PickledStorage: Hashable {
    /// Name of the member below `data/`.
    let key: String
    /// Type of the elements; `nil` when the tensors say it.
    let elementType: ElementType?
    /// Number of bytes, checked against the member.
    let byteCount: Int
}

/// A view of a storage, checked to lie within it.
struct PickledTensor {
    let storage: PickledStorage
    let elementType: ElementType
    /// First element, in elements.
    let offset: Int
    let shape: Shape
    /// In elements, none negative.
    let strides: [Int]

    /// - Returns: `nil` when the view does not lie within the storage.
    init?(storage: PickledStorage, elementType: ElementType, offset: Int, shape: Shape, strides: [Int]) {
        guard offset >= 0, strides.count == shape.rank, strides.allSatisfy({ $0 >= 0 }) else { return nil }
        let capacity = storage.byteCount / elementType.byteCount
        if shape.elementCount > 0 {
            var last = offset
            for (extent, stride) in zip(shape.dimensions, strides) {
                let (distance, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
                let (sum, overflowToo) = last.addingReportingOverflow(distance)
                guard !overflow, !overflowToo else { return nil }
                last = sum
            }
            guard last < capacity else { return nil }
        } else {
            guard offset <= capacity else { return nil }
        }
        self.storage = storage
        self.elementType = elementType
        self.offset = offset
        self.shape = shape
        // Where nothing is stepped over, the file may say any stride.
        self.strides =
            shape.elementCount == 0
            ? [Int](repeating: 0, count: shape.rank) : zip(shape.dimensions, strides).map { $0 == 1 ? 0 : $1 }
    }

    /// Whether the elements lie in row-major order without gaps.
    var isContiguous: Bool {
        if shape.elementCount == 0 { return true }
        var expected = 1
        for (extent, stride) in zip(shape.dimensions, strides).reversed() where extent != 1 {
            guard stride == expected else { return false }
            expected *= extent
        }
        return true
    }
}
