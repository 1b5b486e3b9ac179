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
    /// Along which axis of the input samples follow each other; `nil` when all samples that run at once share one tensor.
    public let batchAxis: Int?
    /// How many samples run at once, when the model fixes it.
    public let batchExtent: Int?

    /// Describes an input whose outermost axis is that of the batch, if it is not said otherwise.
    public init(
        name: String, elementType: ElementType, sampleDimensions: [Int?]?, batchAxis: Int? = 0, batchExtent: Int? = nil
    ) {
        self.name = name
        self.elementType = elementType
        self.sampleDimensions = sampleDimensions
        self.batchAxis = batchAxis
        self.batchExtent = batchExtent
    }

    /// Describes the inputs of a graph.
    ///
    /// The batch is the outermost axis of the first input that has axes. In another input it is the first axis that is alike, the same
    /// name or the same number: of `input [batch, 576]` and `state [2, batch, 128]` the axis 1 of the state. Where none is alike it is
    /// the outermost. A scalar has none.
    public static func signatures(of inputs: [Graph.Value]) -> [InputSignature] {
        let batch = inputs.lazy.compactMap { $0.type.dimensions?.first }.first
        return inputs.map { input in
            guard let dimensions = input.type.dimensions else {
                return InputSignature(name: input.name, elementType: input.type.elementType, sampleDimensions: nil)
            }
            let alike = batch == .unknown ? nil : dimensions.firstIndex { $0 == batch }
            let axis = dimensions.isEmpty ? nil : alike ?? 0
            return InputSignature(
                name: input.name, elementType: input.type.elementType,
                sampleDimensions: dimensions.indices.filter { $0 != axis }.map { dimensions[$0].fixedValue },
                batchAxis: axis, batchExtent: axis.flatMap { dimensions[$0].fixedValue })
        }
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
