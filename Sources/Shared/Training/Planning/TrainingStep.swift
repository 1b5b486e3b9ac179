import Kernels
import Tensors

/// A block of memory that steps of a plan read and write.
struct TrainingSlot {
    /// Where the block lies.
    enum Place {
        /// In the arena, at an offset that the layout chooses; reused after its last use.
        case arena
        /// In a float32 initializer or what replaces it, by its position among them; read-only.
        case parameter(Int)
        /// In a graph input; read-only.
        case input(Int)
        /// In a constant; read-only.
        case constant(Tensor)
    }

    let place: Place
    let byteCount: Int

    var isInArena: Bool {
        if case .arena = place { true } else { false }
    }
}

/// Why a step failed.
enum StepError: Error {
    case library(String)
    case kernel(KernelError)
}

/// One thing that a plan does.
struct TrainingStep {
    /// The node that it belongs to.
    let node: String
    let operatorName: String
    /// All blocks that it touches; it can touch no others.
    let slots: [Int]
    let action: (StepMemory) throws(StepError) -> Void
}

/// A value or gradient in one layout.
struct Variable {
    let shape: Shape
    let elementType: ElementType
    let layout: TensorLayout
    /// Where its elements lie.
    let slot: Int
    /// The variable whose gradient is this one's: itself, or the one that this is a view of.
    let root: Int
    /// Whether the loss depends on a trained parameter through it.
    let needsGradient: Bool

    var count: Int { shape.elementCount }
}
