import Graphs
import Kernels
import Tensors

/// float32 elements that become int8 or int16.
struct QuantizeStep {
    /// Planes that end up side by side, each with its own normalization.
    struct Planes {
        /// Images, each with all planes.
        var images: Int
        /// Planes of an image.
        var count: Int
        /// Elements of a plane.
        var size: Int
        /// What is subtracted from each plane; empty means nothing.
        var mean: [Float]
        /// What then divides it.
        var std: [Float]
    }

    /// Dense float32 elements.
    var source: SlotPosition
    /// Dense integers.
    var destination: SlotPosition
    /// Number of elements.
    var count: Int
    /// `nil` keeps the elements in their order.
    var planes: Planes?
    /// What they are multiplied with.
    var scale: Float
    /// Whether they become int16.
    var isWide: Bool
}

/// A convolution of integers by our own kernels.
struct IntegerConvolutionStep {
    /// What is convolved.
    var window: IntegerWindow
    /// int8 or int16, channels innermost.
    var source: SlotPosition
    /// Packed weights.
    var weights: SlotPosition
    /// Memory for the kernel.
    var workspace: SlotPosition
    /// int32 or int64 sums, channels innermost.
    var sums: SlotPosition
    /// Whether the source is int16.
    var isWide: Bool
}

/// Sums of products that become float32, int8 or int16, with what happens to them in between.
struct DequantizeStep {
    /// A quantized result.
    struct Quantized {
        /// Where it goes.
        var position: SlotPosition
        /// What the numbers are multiplied with.
        var scale: Float
        /// Whether they become int16.
        var isWide: Bool
    }

    /// int32 or int64, channels innermost.
    var sums: SlotPosition
    /// Whether the sums are int64.
    var isWide: Bool
    /// Number of pixels or rows.
    var rows: Int
    /// Number of channels.
    var channels: Int
    /// float32 factors, or float64 divisors of int64 sums, one per channel.
    var factors: SlotPosition
    /// float32, one per channel.
    var bias: SlotPosition
    /// Bounds before the addition.
    var bounds: (lower: Float, upper: Float)
    /// float32 elements that are added, arranged like the sums.
    var addend: SlotPosition?
    /// Bounds after the addition.
    var lastBounds: (lower: Float, upper: Float)
    /// Where the float32 result goes, when anyone reads it.
    var result: SlotPosition?
    /// Quantized forms that readers want.
    var quantized: [Quantized]

    /// The same for some rows, whose sums lie at `sums`.
    func part(rows part: Range<Int>, sums: SlotPosition) -> DequantizeStep {
        let first = part.lowerBound * channels
        var step = self
        step.sums = sums
        step.rows = part.count
        step.addend = addend?.advanced(by: first * MemoryLayout<Float>.stride)
        step.result = result?.advanced(by: first * MemoryLayout<Float>.stride)
        for index in quantized.indices {
            let width = quantized[index].isWide ? MemoryLayout<Int16>.stride : MemoryLayout<Int8>.stride
            step.quantized[index].position = quantized[index].position.advanced(by: first * width)
        }
        return step
    }
}
