import CKernels
import Kernels
import Tensors

/// The addresses of a plan's slots during one run: what steps compute through.
///
/// A step can only reach the slots that it declared, so that the layout of the arena cannot be wrong about it.
@safe
final class StepMemory {
    private let addresses: [UnsafeMutableRawPointer?]
    private let byteCounts: [Int]
    private let arena: Arena
    private let tensors: [Tensor]
    private let scratch: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>
    /// Slots of the step that runs now.
    var allowed: [Int] = []

    /// Most buffers that one primitive takes.
    private static let maximumBufferCount = 8

    /// Resolves the slots of a plan; all tensors must fit what the slots say.
    init(slots: [TrainingSlot], offsets: [Int], parameters: [Tensor], inputs: [Tensor], arena: Arena) {
        self.arena = arena
        tensors = parameters + inputs
        byteCounts = slots.map(\.byteCount)
        unsafe scratch = .allocate(capacity: Self.maximumBufferCount)
        unsafe scratch.initialize(repeating: nil)
        unsafe addresses = zip(slots, offsets).map { slot, offset in
            switch slot.place {
            case .arena: unsafe arena.base.map { unsafe $0 + offset }
            case .parameter(let index): unsafe Self.readOnly(parameters[index])
            case .input(let index): unsafe Self.readOnly(inputs[index])
            case .constant(let tensor): unsafe Self.readOnly(tensor)
            }
        }
    }

    deinit {
        unsafe scratch.deallocate()
    }

    /// Kernels take mutable addresses of everything but only read sources; the builder never writes these slots.
    private static func readOnly(_ tensor: Tensor) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(mutating: tensor.storage.bytes.baseAddress)
    }

    /// The address of a slot.
    func raw(_ slot: Int) -> UnsafeMutableRawPointer? {
        precondition(allowed.contains(slot), "A step reaches for slot \(slot), which it did not declare")
        return unsafe addresses[slot]
    }

    /// The address of float32 elements.
    func floats(_ slot: Int) -> UnsafeMutablePointer<Float>? {
        unsafe raw(slot)?.assumingMemoryBound(to: Float.self)
    }

    /// The address of float32 elements; `nil` when there is no slot.
    func floats(_ slot: Int?) -> UnsafeMutablePointer<Float>? {
        guard let slot else { return nil }
        return unsafe floats(slot)
    }

    /// The address of float64 elements.
    func doubles(_ slot: Int) -> UnsafeMutablePointer<Double>? {
        unsafe raw(slot)?.assumingMemoryBound(to: Double.self)
    }

    /// The address of an index table.
    func table(_ slot: Int?) -> UnsafeMutablePointer<Int32>? {
        guard let slot else { return nil }
        return unsafe raw(slot)?.assumingMemoryBound(to: Int32.self)
    }

    /// The address of int64 elements.
    func integers(_ slot: Int) -> UnsafeMutablePointer<Int64>? {
        unsafe raw(slot)?.assumingMemoryBound(to: Int64.self)
    }

    /// One float32 element.
    func scalar(_ slot: Int, at index: Int = 0) -> Float {
        precondition(
            byteCounts[slot] >= (index + 1) * MemoryLayout<Float>.stride, "Slot \(slot) has no element \(index)")
        guard let address = unsafe floats(slot) else { return 0 }
        return unsafe address[index]
    }

    /// Writes one float32 element.
    func setScalar(_ slot: Int, _ value: Float, at index: Int = 0) {
        precondition(
            byteCounts[slot] >= (index + 1) * MemoryLayout<Float>.stride, "Slot \(slot) has no element \(index)")
        guard let address = unsafe floats(slot) else { return }
        unsafe address[index] = value
    }

    /// Sets all bytes to 0.
    func clear(_ slot: Int) {
        guard let address = unsafe raw(slot) else { return }
        unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCounts[slot])
    }

    /// Runs a primitive over slots, from so many float32 elements behind their starts on.
    func execute(_ primitive: OneDNNPrimitive, _ slots: [Int], offsets: [Int] = []) throws(StepError) {
        precondition(slots.count <= Self.maximumBufferCount, "A primitive with \(slots.count) buffers")
        for (index, slot) in slots.enumerated() {
            let offset = offsets.isEmpty ? 0 : offsets[index] * MemoryLayout<Float>.stride
            unsafe scratch[index] = unsafe raw(slot).map { unsafe $0 + offset }
        }
        guard let base = unsafe UnsafePointer(scratch.baseAddress) else { return }
        do throws(OneDNNError) {
            try unsafe primitive.execute(base, count: slots.count)
        } catch {
            throw .library(error.message)
        }
    }

    /// A tensor that shares the bytes of a slot; it is valid until the slot is written.
    func view(_ slot: Int, shape: Shape, elementType: ElementType) -> Tensor {
        let count = shape.elementCount * elementType.byteCount
        precondition(count <= byteCounts[slot], "Slot \(slot) is smaller than \(shape)")
        let bytes = unsafe UnsafeRawBufferPointer(start: raw(slot), count: count)
        let storage = unsafe TensorStorage(unsafeBytes: bytes, owner: arena)
        return Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    /// A copy of a slot.
    func tensor(_ slot: Int, shape: Shape, elementType: ElementType) -> Tensor {
        let count = shape.elementCount * elementType.byteCount
        precondition(count <= byteCounts[slot], "Slot \(slot) is smaller than \(shape)")
        let bytes = unsafe UnsafeRawBufferPointer(start: raw(slot), count: count)
        let storage = unsafe TensorStorage(copying: bytes)
        return Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    /// Copies a tensor into a slot.
    func store(_ tensor: Tensor, in slot: Int) {
        precondition(tensor.byteCount <= byteCounts[slot], "Slot \(slot) is smaller than \(tensor.shape)")
        unsafe tensor.withUnsafeBytes { bytes in
            guard let address = unsafe raw(slot), let source = bytes.baseAddress else { return }
            unsafe address.copyMemory(from: source, byteCount: bytes.count)
        }
    }
}
