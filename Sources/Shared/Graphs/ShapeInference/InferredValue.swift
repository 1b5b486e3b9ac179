public import Tensors

/// What is known about a value before it is computed: its type, and the elements when it takes part in shape computations.
public struct InferredValue: Hashable, Sendable {
    /// One element of a small tensor.
    public enum Element: Hashable, Sendable {
        /// An integer, which may be an extent known only by its symbol.
        case integer(Dimension)
        /// A floating-point number.
        case real(Double)

        /// The integer when it is known.
        public var fixedInteger: Int? {
            if case .integer(let dimension) = self { dimension.fixedValue } else { nil }
        }
    }

    /// Tensors with more elements than this are not followed.
    public static let maximumElementCount = 256

    /// The type.
    public var type: TensorType
    /// The elements in row-major order; `nil` when there are many or nothing is known about them.
    public var elements: [Element]?

    /// Makes a value.
    public init(_ type: TensorType, elements: [Element]? = nil) {
        self.type = type
        let count = elements?.count ?? 0
        self.elements = count <= Self.maximumElementCount ? elements : nil
    }

    /// A constant; elements are kept when it is small.
    public init(_ tensor: Tensor) {
        self.init(TensorType(tensor), elements: Self.elements(of: tensor))
    }

    private static func elements(of tensor: Tensor) -> [Element]? {
        guard tensor.elementCount <= maximumElementCount else { return nil }
        switch tensor.elementType {
        case .float32: return tensor.elements(as: Float.self).map { .real(Double($0)) }
        case .float16: return tensor.elements(as: Float16.self).map { .real(Double($0)) }
        case .bfloat16: return tensor.elements(as: BFloat16.self).map { .real(Double(Float($0))) }
        case .float64: return tensor.elements(as: Double.self).map { .real($0) }
        case .int8: return integers(tensor.elements(as: Int8.self))
        case .uint8: return integers(tensor.elements(as: UInt8.self))
        case .int16: return integers(tensor.elements(as: Int16.self))
        case .uint16: return integers(tensor.elements(as: UInt16.self))
        case .int32: return integers(tensor.elements(as: Int32.self))
        case .uint32: return integers(tensor.elements(as: UInt32.self))
        case .int64: return integers(tensor.elements(as: Int64.self))
        case .uint64: return integers(tensor.elements(as: UInt64.self))
        case .bool: return tensor.elements(as: Bool.self).map { .integer(.fixed($0 ? 1 : 0)) }
        }
    }

    private static func integers(_ values: [some BinaryInteger]) -> [Element] {
        values.map { .integer(Int(exactly: $0).map(Dimension.fixed) ?? .unknown) }
    }
}
