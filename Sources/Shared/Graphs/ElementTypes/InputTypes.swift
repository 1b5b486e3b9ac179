public import Tensors

/// Which element types one input of an operator may have.
public struct InputTypes: Hashable, Sendable {
    /// The types that the input may have.
    public let allowed: Set<ElementType>
    /// The input whose type it must have too; `nil` when it is independent of the others.
    public let sameAs: Int?

    private init(allowed: Set<ElementType>, sameAs: Int? = nil) {
        self.allowed = allowed
        self.sameAs = sameAs
    }

    /// Any of the types.
    static func of(_ types: Set<ElementType>) -> InputTypes { InputTypes(allowed: types) }

    /// The type of another input.
    static func same(as input: Int) -> InputTypes {
        InputTypes(allowed: Set(ElementType.allCases), sameAs: input)
    }

    /// The same `distance` inputs further.
    func moved(by distance: Int) -> InputTypes {
        InputTypes(allowed: allowed, sameAs: sameAs.map { $0 + distance })
    }

    /// Every type.
    static let any = of(Set(ElementType.allCases))
    /// Floating-point numbers.
    static let floats = of(ElementTypes.floats)
    /// Everything but truth values.
    static let numbers = of(ElementTypes.numbers)
    /// Floating-point numbers and integers of at least 32 bits.
    static let wideNumbers = of(ElementTypes.wideNumbers)
    /// int32 or int64, as axes, indices and extents are.
    static let indices = of([.int32, .int64])
    /// Truth values.
    static let truth = of([.bool])
    /// The integers of 8 bits.
    static let bytes = of([.int8, .uint8])
    /// What scales of quantized integers may be.
    static let scales = of([.float32, .float16, .bfloat16])
}

/// Sets of element types that families of operators take.
enum ElementTypes {
    static let floats: Set<ElementType> = [.float32, .float16, .bfloat16, .float64]
    static let numbers = Set(ElementType.allCases).subtracting([.bool])
    static let wideNumbers = floats.union([.int32, .int64, .uint32, .uint64])
    static let signedNumbers = floats.union([.int8, .int16, .int32, .int64])
    static let integers = numbers.subtracting(floats)
    static let unsignedIntegers: Set<ElementType> = [.uint8, .uint16, .uint32, .uint64]
    /// What can be quantized.
    static let quantizable: Set<ElementType> = [.float32, .float16, .bfloat16, .int32]
    /// What quantization gives.
    static let quantized: Set<ElementType> = [.int8, .uint8, .int16, .uint16]
}
