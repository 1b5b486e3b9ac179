public import Graphs
public import Tensors

/// What a model expects of one input.
public struct InputSignature: Sendable, Hashable {
    /// The name of the input.
    public let name: String
    /// The type of each element.
    public let elementType: ElementType
    /// The extents without the batch axis; `nil` where the model leaves one open.
    ///
    /// As a whole it is `nil` when the model says nothing about the shape.
    public let sampleDimensions: [Int?]?

    /// Describes an input.
    public init(name: String, elementType: ElementType, sampleDimensions: [Int?]?) {
        self.name = name
        self.elementType = elementType
        self.sampleDimensions = sampleDimensions
    }

    /// Describes a graph input; its outermost axis is that of the batch.
    public init(_ value: Graph.Value) {
        self.init(
            name: value.name, elementType: value.type.elementType,
            sampleDimensions: value.type.dimensions.map { $0.dropFirst().map(\.fixedValue) })
    }

    /// Whether a sample of this type and shape suits the input.
    func accepts(_ elementType: ElementType, _ shape: Shape) -> Bool {
        guard elementType == self.elementType else { return false }
        guard let sampleDimensions else { return true }
        return sampleDimensions.count == shape.rank
            && zip(sampleDimensions, shape.dimensions).allSatisfy { $0 == nil || $0 == $1 }
    }
}

extension InputSignature: CustomStringConvertible {
    /// For example `float32 [3, ?, ?] per sample`.
    public var description: String {
        let extents = sampleDimensions.map { "[" + $0.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]" }
        return "\(elementType) \(extents ?? "of any shape") per sample"
    }
}
