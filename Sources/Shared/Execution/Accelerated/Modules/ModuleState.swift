import Kernels
import Tensors

/// One integer form of a value.
struct QuantizedForm: Hashable {
    /// The value.
    var value: String
    /// What its elements are multiplied with.
    var scale: Float
    /// `int8` or `int16`.
    var elementType: ElementType
    /// Whether the channels (axis 1) are innermost instead of the last axis.
    var isChannelsLast: Bool

    /// The same form of another value.
    func of(_ value: String) -> QuantizedForm {
        var form = self
        form.value = value
        return form
    }
}

/// How a module of the simulated device is computed with integers.
struct ModuleKernel {
    /// Scales, bias and normalization.
    var parameters: MLUParameters
    /// The parts of the result in order.
    var bands: [ModuleBand]
    /// The form of the data that it reads.
    var source: QuantizedForm
    /// Shape of the result.
    var output: Shape
    /// Number of pixels or rows of the result.
    var rows: Int
    /// Position of the node.
    var node: Int
}

/// What a plan builder knows about modules while it emits their steps.
struct ModuleState {
    /// Kernels by the position of the node.
    var kernels: [Int: ModuleKernel] = [:]
    /// Where integer forms lie that were made.
    var forms: [QuantizedForm: SlotPosition] = [:]
    /// Live nodes that read each value, ascending.
    var readers: [String: [Int]] = [:]
    /// Values of which only integer forms exist.
    var withoutFloats: Set<String> = []
    /// Positions of nodes by the value that they make.
    var producers: [String: Int] = [:]
}
