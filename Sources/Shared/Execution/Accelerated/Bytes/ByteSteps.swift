import CKernels
import Tensors

/// Where bytes lie and what they stand for: (byte - zero point) * scale.
struct ByteOperand {
    /// Dense bytes.
    var position: SlotPosition
    /// Their meaning.
    var meaning: ByteMeaning
}

/// What real numbers become.
struct ByteQuantizer: Equatable {
    /// The scale of the integers.
    var divisor: Double
    /// Added to the rounded quotient.
    var zeroPoint: Int32
    /// The smallest result.
    var low: Int32
    /// The largest result.
    var high: Int32

    /// clip(round(real / divisor) + zero point), halves away from zero; NaN gives the smallest.
    func integer(of real: Double) -> Int32 {
        let quotient = real / divisor
        guard !quotient.isNaN else { return low }
        let rounded = quotient.rounded(.toNearestOrAwayFromZero) + Double(zeroPoint)
        return Int32(min(max(rounded, Double(low)), Double(high)))
    }
}

/// int32 sums that become bytes.
struct RequantizeStep {
    /// Dense, channels innermost.
    var sums: SlotPosition
    /// Number of sums.
    var count: Int
    /// int32, one for each channel, several times over.
    var bias: SlotPosition
    /// Number of elements of `bias`.
    var period: Int
    /// What a total is multiplied with.
    var scale: Double
    /// What the product becomes.
    var quantizer: ByteQuantizer
    /// Where the bytes go.
    var result: SlotPosition
}

/// Two operands that become one, element by element.
struct CombineStep {
    /// The operands.
    var first: ByteOperand
    var second: ByteOperand
    /// Whether they are multiplied, not added.
    var multiplies: Bool
    /// What the float32 result becomes.
    var quantizer: ByteQuantizer
    /// Number of elements.
    var count: Int
    /// Where the bytes go.
    var result: SlotPosition
}

/// Bytes that are replaced by entries of a table of 256, or of 65536 for each pair of bytes.
struct LookUpStep {
    /// Dense bytes, one or two.
    var sources: [SlotPosition]
    /// The entries.
    var table: SlotPosition
    /// Number of elements.
    var count: Int
    /// Where the bytes go.
    var result: SlotPosition
}

/// float32 elements that become bytes.
struct QuantizeBytesStep {
    /// Dense elements.
    var source: SlotPosition
    /// Number of elements.
    var count: Int
    /// What they become.
    var quantizer: ByteQuantizer
    /// Where the bytes go.
    var result: SlotPosition
}

/// Bytes that become float32 elements.
struct DequantizeBytesStep {
    /// The bytes.
    var source: ByteOperand
    /// Number of elements.
    var count: Int
    /// Where the elements go.
    var result: SlotPosition
}

/// Bytes that are arranged in another way.
struct MoveBytesStep {
    /// Where they come from and go.
    var source: SlotPosition
    var target: SlotPosition
    /// How they are counted.
    var loops: tare_byte_move
    /// 256 bytes that replace them; `nil` for a copy.
    var table: SlotPosition?
}

/// Pixels of a padded image that are copies of others.
struct GatherPixelsStep {
    /// Bytes with channels innermost.
    var source: SlotPosition
    /// Number of images.
    var images: Int
    /// Bytes of a pixel.
    var pixelByteCount: Int
    /// Spatial extents.
    var input: [Int]
    /// For each spatial axis, where each pixel comes from.
    var maps: [[Int]]
    /// Where the pixels go.
    var result: SlotPosition
}

/// Averages of windows of bytes.
struct AverageBytesStep {
    /// One group whose inputs are all channels.
    var window: IntegerWindow
    /// Whether the bytes have no sign.
    var isUnsigned: Bool
    /// Whether padding counts.
    var countsPadding: Bool
    /// Bytes with channels innermost.
    var source: SlotPosition
    /// Where the averages go.
    var result: SlotPosition
}

/// What our own kernels do with the bytes of quantized modules.
enum ByteStep {
    case requantize(RequantizeStep)
    case combine(CombineStep)
    case lookUp(LookUpStep)
    case quantize(QuantizeBytesStep)
    case dequantize(DequantizeBytesStep)
    case move(MoveBytesStep)
    case gather(GatherPixelsStep)
    case average(AverageBytesStep)

    /// Slots that the step reads or writes.
    var slots: [Int] {
        switch self {
        case .requantize(let step): [step.sums.slot, step.bias.slot, step.result.slot]
        case .combine(let step): [step.first.position.slot, step.second.position.slot, step.result.slot]
        case .lookUp(let step): step.sources.map(\.slot) + [step.table.slot, step.result.slot]
        case .quantize(let step): [step.source.slot, step.result.slot]
        case .dequantize(let step): [step.source.position.slot, step.result.slot]
        case .move(let step):
            [step.source.slot, step.target.slot] + (step.table.map { [$0.slot] } ?? [])
        case .gather(let step): [step.source.slot, step.result.slot]
        case .average(let step): [step.source.slot, step.result.slot]
        }
    }

    /// The kind of step.
    var name: String {
        switch self {
        case .requantize: "requantize"
        case .combine(let step): step.multiplies ? "multiply bytes" : "add bytes"
        case .lookUp: "look up bytes"
        case .quantize: "quantize bytes"
        case .dequantize: "dequantize bytes"
        case .move: "move bytes"
        case .gather: "pad bytes"
        case .average: "average bytes"
        }
    }
}
