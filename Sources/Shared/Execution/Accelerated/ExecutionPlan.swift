import Kernels
import Tensors

/// The steps that compute a graph for given input shapes.
final class ExecutionPlan {
    /// Where a graph output comes from.
    enum Output {
        case constant(Tensor)
        /// Row-major elements.
        case buffer(SlotPosition, ElementType, Shape)
    }

    /// What happens, in order.
    let steps: [PlanStep]
    /// Graph outputs in the graph's order.
    let outputs: [Output]
    /// Bytes of the arena that the plan needs.
    let arenaByteCount: Int
    private let slots: [PlanSlot]
    private let offsets: [Int]

    /// Positions of the outputs that the steps write where they belong; the others have to be copied there.
    let directOutputs: Set<Int>

    /// Plans the memory of finished steps.
    init(steps: [PlanStep], slots: [PlanSlot], outputs: [Output]) {
        var slots = slots
        directOutputs = Self.placeOutputs(outputs, &slots)
        let lasting = outputs.compactMap { output in
            if case .buffer(let position, _, _) = output { position.slot } else { nil }
        }
        let layout = ArenaLayout(
            byteCounts: slots.map { $0.isInArena ? $0.byteCount : nil }, uses: steps.map(\.slots), lasting: lasting)
        self.steps = steps
        self.slots = slots
        self.outputs = outputs
        self.offsets = layout.offsets
        self.arenaByteCount = layout.byteCount
    }

    /// Moves the slots that hold an output, the whole and nothing else, from the arena to it.
    private static func placeOutputs(_ outputs: [Output], _ slots: inout [PlanSlot]) -> Set<Int> {
        var direct: Set<Int> = []
        for (index, output) in outputs.enumerated() {
            guard case .buffer(let position, let elementType, let shape) = output, position.byteOffset == 0 else {
                continue
            }
            let slot = slots[position.slot]
            // Parts of a batch that are aligned as the arena's blocks are.
            guard slot.isInArena, slot.byteCount == shape.elementCount * elementType.byteCount,
                slot.byteCount % TensorStorage.alignment == 0
            else { continue }
            slots[position.slot] = PlanSlot(place: .output(index), byteCount: slot.byteCount, values: slot.values)
            direct.insert(index)
        }
        return direct
    }

    /// Computes the steps.
    ///
    /// The inputs come in the graph's order with the shapes of the plan, the arena has at least `arenaByteCount` bytes.
    /// Those that are not in `directOutputs` lie in the returned addresses until the next run in the same arena: take them at once.
    func run(
        inputs: [Tensor], outputs: [OutputPart?], arena: Arena, tap: (any TensorTap)?, observesConstants: Bool,
        timing: StepTimer?
    ) throws(ExecutionError) -> PlanAddresses {
        precondition(arena.byteCount >= arenaByteCount, "The arena is too small for the plan")
        let addresses = PlanAddresses(slots: slots, offsets: offsets, inputs: inputs, outputs: outputs, arena: arena)
        for index in steps.indices {
            let step = steps[index]
            timing?.begin()
            switch step.action {
            case .primitive(let primitive, let positions):
                do throws(OneDNNError) {
                    try addresses.execute(primitive, positions)
                } catch {
                    throw .library(node: step.node, reason: error.message)
                }
            case .reference(let call):
                try addresses.compute(call, node: step.node)
            case .quantize(let quantization): addresses.quantize(quantization)
            case .integerConvolution(let convolution): addresses.convolve(convolution)
            case .dequantize(let dequantization): addresses.dequantize(dequantization)
            case .round(let rounding): addresses.round(rounding)
            case .bytes(let step): addresses.run(step)
            case .fakeQuantize(let step): addresses.fakeQuantize(step)
            case .extremes(let step): addresses.reduce(step)
            case .lowestWindows(let step): addresses.repair(step)
            case .fill(let position, let count, let value):
                addresses.fill(position, count: count, value: value)
            case .observe(let value, let position, let count):
                if let tap { addresses.observe(value, position, count: count, tap: tap) }
            case .observeConstant(let value, let tensor):
                if let tap, observesConstants {
                    tensor.withElements(as: Float.self) { tap.observe(value, elements: $0) }
                }
            }
            timing?.end(step: index)
        }
        return addresses
    }
}
