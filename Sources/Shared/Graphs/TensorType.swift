public import Tensors

/// What is known about a value before it is computed: its element type and its extents.
public struct TensorType: Hashable, Sendable {
    /// Type of one element.
    public var elementType: ElementType
    /// The extents, or `nil` when not even the rank is known.
    public var dimensions: [Dimension]?

    /// Makes a type.
    public init(elementType: ElementType, dimensions: [Dimension]?) {
        self.elementType = elementType
        self.dimensions = dimensions
    }

    /// The type of a tensor.
    public init(_ tensor: Tensor) {
        self.init(elementType: tensor.elementType, shape: tensor.shape)
    }

    /// A type whose extents are all known.
    public init(elementType: ElementType, shape: Shape) {
        self.init(elementType: elementType, dimensions: shape.dimensions.map(Dimension.fixed))
    }

    /// The shape, when every extent is known.
    public var shape: Shape? {
        guard let dimensions else { return nil }
        let extents = dimensions.compactMap(\.fixedValue)
        return extents.count == dimensions.count ? Shape(checking: extents) : nil
    }

    /// The type with the rank and the extents of another one where its own are not known.
    package func completed(by other: TensorType?) -> TensorType {
        guard let stated = other?.dimensions else { return self }
        guard let dimensions else { return TensorType(elementType: elementType, dimensions: stated) }
        guard dimensions.count == stated.count else { return self }
        return TensorType(
            elementType: elementType, dimensions: zip(dimensions, stated).map { $0 == .unknown ? $1 : $0 })
    }
}

extension TensorType: CustomStringConvertible {
    /// For example `float32[N, 3, 224, 224]`; `float32[...]` when the rank is unknown.
    public var description: String {
        guard let dimensions else { return "\(elementType)[...]" }
        return "\(elementType)[" + dimensions.map(\.description).joined(separator: ", ") + "]"
    }
}
