import CKernels
import Tensors

extension PlanAddresses {
    /// Runs a step on bytes.
    func run(_ step: ByteStep) {
        switch step {
        case .requantize(let step): requantize(step)
        case .combine(let step): combine(step)
        case .lookUp(let step): lookUp(step)
        case .quantize(let step):
            guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
            var quantizer = step.quantizer.kernel
            unsafe tare_quantize_bytes(
                IntegerArithmetic.variant, source.assumingMemoryBound(to: Float.self), step.count, &quantizer, result)
        case .dequantize(let step):
            guard var source = unsafe operand(step.source), let result = unsafe address(step.result) else { return }
            unsafe tare_dequantize_bytes(
                IntegerArithmetic.variant, &source, step.count, result.assumingMemoryBound(to: Float.self))
        case .move(let step): move(step)
        case .gather(let step): gather(step)
        case .average(let step):
            guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
            var window = step.window.description
            unsafe tare_average_bytes(
                IntegerArithmetic.variant, &window, step.isUnsigned ? 1 : 0, step.countsPadding ? 1 : 0, source, result)
        }
    }

    private func operand(_ operand: ByteOperand) -> tare_byte_operand? {
        guard let address = unsafe address(operand.position) else { return nil }
        let meaning = operand.meaning
        return unsafe tare_byte_operand(
            bytes: UnsafeRawPointer(address), flip: meaning.isUnsigned ? 128 : 0,
            zero_point: meaning.zeroPoint - (meaning.isUnsigned ? 128 : 0), scale: meaning.scale)
    }

    private func requantize(_ step: RequantizeStep) {
        guard let sums = unsafe address(step.sums), let bias = unsafe address(step.bias),
            let result = unsafe address(step.result)
        else { return }
        var description = unsafe tare_requantization()
        unsafe description.sums = UnsafePointer(sums.assumingMemoryBound(to: Int32.self))
        unsafe description.count = step.count
        unsafe description.bias = UnsafePointer(bias.assumingMemoryBound(to: Int32.self))
        unsafe description.period = step.period
        unsafe description.scale = step.scale
        unsafe description.quantizer = step.quantizer.kernel
        unsafe description.results = result
        unsafe tare_requantize(IntegerArithmetic.variant, &description)
    }

    private func combine(_ step: CombineStep) {
        guard var first = unsafe operand(step.first), var second = unsafe operand(step.second),
            let result = unsafe address(step.result)
        else { return }
        var quantizer = step.quantizer.kernel
        unsafe tare_combine_bytes(
            IntegerArithmetic.variant, &first, &second, step.count, step.multiplies ? 1 : 0, &quantizer, result)
    }

    private func lookUp(_ step: LookUpStep) {
        guard let first = unsafe address(step.sources[0]), let table = unsafe address(step.table),
            let result = unsafe address(step.result)
        else { return }
        let entries = unsafe table.assumingMemoryBound(to: UInt8.self)
        guard step.sources.count > 1 else {
            unsafe tare_look_up_bytes(first, step.count, entries, result)
            return
        }
        guard let second = unsafe address(step.sources[1]) else { return }
        unsafe tare_look_up_pairs(first, second, step.count, entries, result)
    }

    private func move(_ step: MoveBytesStep) {
        guard let source = unsafe address(step.source), let target = unsafe address(step.target) else { return }
        var description = step.loops
        let table = unsafe step.table.flatMap { unsafe address($0) }
        unsafe tare_move_bytes(&description, source, table?.assumingMemoryBound(to: UInt8.self), target)
    }

    private func gather(_ step: GatherPixelsStep) {
        guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
        let missing = 3 - step.maps.count
        let input = [Int64](repeating: 1, count: missing) + step.input.map(Int64.init)
        let output = [Int64](repeating: 1, count: missing) + step.maps.map { Int64($0.count) }
        let maps = [Int64](repeating: 0, count: missing) + step.maps.flatMap { $0.map(Int64.init) }
        unsafe tare_gather_pixels(source, Int64(step.images), input, output, maps, step.pixelByteCount, result)
    }
}

extension ByteQuantizer {
    /// The kernels' form.
    fileprivate var kernel: tare_byte_quantizer {
        tare_byte_quantizer(divisor: divisor, zero_point: zeroPoint, low: low, high: high)
    }
}
