import Graphs
import Kernels
import Tensors

/// The addresses of a plan's slots during one run; the one place where steps touch memory.
@safe
final class PlanAddresses {
    private let addresses: [UnsafeMutableRawPointer?]
    private let slots: [PlanSlot]
    private let inputs: [Tensor]
    private let outputs: [OutputPart?]
    private let arena: Arena
    private let scratch: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>

    /// Most buffers that one primitive takes.
    private static let maximumBufferCount = 16

    /// Resolves the slots of a plan.
    init(slots: [PlanSlot], offsets: [Int], inputs: [Tensor], outputs: [OutputPart?], arena: Arena) {
        self.slots = slots
        self.inputs = inputs
        self.outputs = outputs
        self.arena = arena
        unsafe scratch = .allocate(capacity: Self.maximumBufferCount)
        unsafe scratch.initialize(repeating: nil)
        unsafe addresses = zip(slots, offsets).map { slot, offset in
            switch slot.place {
            case .arena: unsafe arena.base.map { unsafe $0 + offset }
            case .output(let index): unsafe outputs[index].flatMap { unsafe Self.address(of: $0) }
            case .input(let index): unsafe Self.readOnly(inputs[index])
            case .constant(let tensor): unsafe Self.readOnly(tensor)
            }
        }
    }

    deinit {
        unsafe scratch.deallocate()
    }

    /// The library takes mutable addresses of everything but only reads sources; the builder never writes these slots.
    private static func readOnly(_ tensor: Tensor) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(mutating: tensor.storage.bytes.baseAddress)
    }

    /// The address of a position.
    func address(_ position: SlotPosition) -> UnsafeMutableRawPointer? {
        unsafe addresses[position.slot].map { unsafe $0 + position.byteOffset }
    }

    /// Runs a primitive.
    func execute(_ primitive: OneDNNPrimitive, _ positions: [SlotPosition]) throws(OneDNNError) {
        precondition(positions.count <= Self.maximumBufferCount, "A primitive with \(positions.count) buffers")
        for (index, position) in positions.enumerated() { unsafe scratch[index] = unsafe address(position) }
        guard let base = unsafe UnsafePointer(scratch.baseAddress) else { return }
        try unsafe primitive.execute(base, count: positions.count)
    }

    /// Gives elements one value.
    func fill(_ position: SlotPosition, count: Int, value: Float) {
        guard let address = unsafe address(position) else { return }
        unsafe address.assumingMemoryBound(to: Float.self).update(repeating: value, count: count)
    }

    /// Shows elements to a tap, where they are.
    func observe(_ value: String, _ position: SlotPosition, count: Int, tap: any TensorTap) {
        guard let address = unsafe address(position) else { return }
        let elements = unsafe UnsafeBufferPointer(start: address.assumingMemoryBound(to: Float.self), count: count)
        unsafe tap.observe(value, elements: elements.span)
    }

    /// Elements in a slot as a tensor over the same memory; it must not outlive the step.
    private func view(_ position: SlotPosition, _ elementType: ElementType, _ shape: Shape) -> Tensor {
        let count = shape.elementCount * elementType.byteCount
        let bytes = unsafe UnsafeRawBufferPointer(start: address(position), count: count)
        let storage = unsafe TensorStorage(unsafeBytes: bytes, owner: arena)
        return Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    /// Runs a reference kernel.
    func compute(_ call: ReferenceCall, node: String) throws(ExecutionError) {
        let operands = call.operands.map { operand -> Tensor? in
            switch operand {
            case .absent: nil
            case .constant(let tensor): tensor
            case .buffer(let position, let type, let shape): view(position, type.elementType, shape)
            }
        }
        let results: [Tensor]
        do throws(KernelError) {
            results = try ReferenceKernels.evaluate(
                call.op, inputs: operands, outputCount: call.results.count, arithmetic: call.arithmetic)
        } catch {
            throw .node(name: node, operatorName: call.op.name, reason: error)
        }
        for (wanted, tensor) in zip(call.results, results) {
            guard let wanted else { continue }
            guard tensor.shape == wanted.shape, tensor.elementType == wanted.elementType else {
                throw .library(
                    node: node,
                    reason: "computed \(tensor.elementType)\(tensor.shape) where "
                        + "\(wanted.elementType)\(wanted.shape) was inferred")
            }
            guard let target = unsafe address(wanted.position) else { continue }
            unsafe tensor.withUnsafeBytes { source in
                if let base = source.baseAddress {
                    unsafe target.copyMemory(from: base, byteCount: source.count)
                }
            }
        }
    }

    /// Where an output goes; only this run holds the memory, and no tensor has it yet.
    private static func address(of output: OutputPart) -> UnsafeMutableRawPointer? {
        precondition(
            output.byteOffset + output.byteCount <= output.storage.byteCount, "An output lies outside its tensor")
        return unsafe UnsafeMutableRawPointer(mutating: output.storage.bytes.baseAddress).map {
            unsafe $0 + output.byteOffset
        }
    }

    /// Copies an output's elements to where they go.
    func copy(_ position: SlotPosition, to output: OutputPart) {
        guard let source = unsafe address(position), let target = unsafe Self.address(of: output) else { return }
        unsafe target.copyMemory(from: source, byteCount: output.byteCount)
    }
}
