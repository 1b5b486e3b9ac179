import CKernels
import Tensors

extension PlanAddresses {
    /// Quantizes elements.
    func quantize(_ step: QuantizeStep) {
        guard let source = unsafe address(step.source), let target = unsafe address(step.destination) else { return }
        let elements = unsafe source.assumingMemoryBound(to: Float.self)
        let variant = IntegerArithmetic.variant
        guard let planes = step.planes else {
            unsafe tare_quantize(variant, elements, step.count, step.scale, step.isWide ? 1 : 0, target)
            return
        }
        let width = step.isWide ? MemoryLayout<Int16>.stride : MemoryLayout<Int8>.stride
        unsafe planes.mean.withUnsafeBufferPointer { mean in
            unsafe planes.std.withUnsafeBufferPointer { std in
                for image in 0..<planes.images {
                    let offset = image * planes.count * planes.size
                    unsafe tare_quantize_planes(
                        variant, elements + offset, planes.count, planes.size, mean.isEmpty ? nil : mean.baseAddress,
                        std.baseAddress, step.scale, step.isWide ? 1 : 0, target + offset * width)
                }
            }
        }
    }

    /// Convolves integers.
    func convolve(_ step: IntegerConvolutionStep) {
        guard let source = unsafe address(step.source), let weights = unsafe address(step.weights),
            let workspace = unsafe address(step.workspace), let sums = unsafe address(step.sums)
        else { return }
        unsafe step.window.convolve(
            source, packed: weights, workspace: workspace, sums: sums, isWide: step.isWide,
            variant: IntegerArithmetic.variant)
    }

    /// Turns sums into real numbers and those into integers.
    func dequantize(_ step: DequantizeStep) {
        guard let sums = unsafe address(step.sums), let factors = unsafe address(step.factors),
            let bias = unsafe address(step.bias)
        else { return }
        var description = unsafe tare_dequantization()
        if step.isWide {
            unsafe description.wide_sums = UnsafePointer(sums.assumingMemoryBound(to: Int64.self))
            unsafe description.divisors = UnsafePointer(factors.assumingMemoryBound(to: Double.self))
        } else {
            unsafe description.sums = UnsafePointer(sums.assumingMemoryBound(to: Int32.self))
            unsafe description.factors = UnsafePointer(factors.assumingMemoryBound(to: Float.self))
        }
        unsafe description.rows = step.rows
        unsafe description.channels = step.channels
        unsafe description.bias = UnsafePointer(bias.assumingMemoryBound(to: Float.self))
        unsafe (description.lower, description.upper) = step.bounds
        unsafe (description.last_lower, description.last_upper) = step.lastBounds
        if let addend = step.addend, let base = unsafe address(addend) {
            unsafe description.addend = UnsafePointer(base.assumingMemoryBound(to: Float.self))
        }
        if let result = step.result, let base = unsafe address(result) {
            unsafe description.result = base.assumingMemoryBound(to: Float.self)
        }
        unsafe description.quantized_count = Int32(step.quantized.count)
        unsafe withUnsafeMutableBytes(of: &description.quantized) { bytes in
            let items = unsafe bytes.bindMemory(to: tare_quantized_result.self)
            for (index, quantized) in step.quantized.enumerated() {
                unsafe items[index].address = unsafe address(quantized.position)
                unsafe items[index].scale = quantized.scale
                unsafe items[index].wide = quantized.isWide ? 1 : 0
            }
        }
        unsafe tare_dequantize(IntegerArithmetic.variant, &description)
    }
}
