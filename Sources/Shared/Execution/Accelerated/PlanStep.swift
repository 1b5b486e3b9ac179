import Graphs
import Kernels
import Tensors

/// A block of memory that steps of a plan read and write.
struct PlanSlot {
    /// Where the block lies.
    enum Place {
        /// In the executor's arena, at an offset that the memory planner chooses; may be reused after its last use.
        case arena
        /// In the graph input with this position; read-only.
        case input(Int)
        /// In the graph output with this position, from its start to its end.
        case output(Int)
        /// In a constant; read-only.
        case constant(Tensor)
    }

    /// Where the block lies.
    let place: Place
    /// Size of the block.
    let byteCount: Int
    /// Values whose elements are here, in one form or another.
    var values: [String] = []

    /// Whether the block lies in the arena.
    var isInArena: Bool {
        if case .arena = place { true } else { false }
    }
}

/// A position in a slot.
struct SlotPosition: Hashable {
    /// Index of the slot.
    var slot: Int
    /// Distance from its start.
    var byteOffset = 0

    /// The position so many bytes further.
    func advanced(by byteCount: Int) -> SlotPosition {
        SlotPosition(slot: slot, byteOffset: byteOffset + byteCount)
    }
}

/// One way in which the elements of a value lie in memory.
struct ValueForm {
    /// Where the first element lies.
    var position: SlotPosition
    /// How the elements follow.
    var layout: StridedShape
}

/// A node that a reference kernel computes.
struct ReferenceCall {
    /// An operand.
    enum Operand {
        case absent
        case constant(Tensor)
        /// Row-major elements.
        case buffer(SlotPosition, TensorType, Shape)
    }

    /// A result; row-major.
    struct Result {
        /// Where it goes.
        var position: SlotPosition
        /// What it must be.
        var elementType: ElementType
        /// What it must be.
        var shape: Shape
    }

    /// The operator.
    let op: Operator
    /// In the operator's order.
    let operands: [Operand]
    /// `nil` is an output that nobody wants.
    let results: [Result?]
    /// How modules of the simulated device use their scales.
    let arithmetic: MLUArithmetic
}

/// One thing that a plan does.
struct PlanStep {
    /// What happens.
    enum Action {
        /// oneDNN computes over these positions.
        case primitive(OneDNNPrimitive, [SlotPosition])
        /// A reference kernel computes.
        case reference(ReferenceCall)
        /// float32 elements become integers.
        case quantize(QuantizeStep)
        /// Our own kernels convolve integers.
        case integerConvolution(IntegerConvolutionStep)
        /// Sums become real numbers or integers.
        case dequantize(DequantizeStep)
        /// float32 elements become those that integers stand for.
        case round(RoundingStep)
        /// Our own kernels work on the bytes of quantized modules.
        case bytes(ByteStep)
        /// float32 elements are rounded to a grid.
        case fakeQuantize(FakeQuantizeStep)
        /// float32 elements are compared along axes.
        case extremes(ExtremesStep)
        /// Maxima over windows without a finite element.
        case lowestWindows(LowestWindowsStep)
        /// float32 elements get one value.
        case fill(SlotPosition, count: Int, value: Float)
        /// The tap sees float32 elements.
        case observe(value: String, SlotPosition, count: Int)
        /// The tap sees a constant.
        case observeConstant(value: String, Tensor)
    }

    /// Names of the nodes that it computes; of a value for steps that only move one.
    let nodes: [String]
    /// What happens.
    let action: Action

    /// The names as one text, for messages.
    var node: String { nodes.joined(separator: " + ") }

    /// Slots that the step reads or writes.
    var slots: [Int] {
        switch action {
        case .primitive(_, let positions): positions.map(\.slot)
        case .reference(let call):
            call.operands.compactMap { operand in
                if case .buffer(let position, _, _) = operand { position.slot } else { nil }
            } + call.results.compactMap { $0?.position.slot }
        case .quantize(let step): [step.source.slot, step.destination.slot]
        case .integerConvolution(let step):
            [step.source.slot, step.weights.slot, step.workspace.slot, step.sums.slot]
        case .dequantize(let step):
            [step.sums, step.factors, step.bias].map(\.slot) + [step.addend, step.result].compactMap { $0?.slot }
                + step.quantized.map(\.position.slot)
        case .round(let step): [step.source.slot, step.result.slot]
        case .bytes(let step): step.slots
        case .fakeQuantize(let step): [step.source.slot, step.result.slot]
        case .extremes(let step): [step.source.slot, step.result.slot]
        case .lowestWindows(let step): [step.source.slot, step.result.slot]
        case .fill(let position, _, _), .observe(_, let position, _): [position.slot]
        case .observeConstant: []
        }
    }
}
