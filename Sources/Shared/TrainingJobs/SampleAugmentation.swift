public import Calibration
public import Tensors
internal import Training

/// Changes the images of micro-batches at random.
///
/// The numbers of a sample come from SplitMix64 with the state `mix(mix(mix(seed) + epoch + 1) + sample)`, additions wrapping, in
/// this order: whether it is mirrored, rows to shift by, columns to shift by, the share of the other image. Only what is asked for is drawn.
public struct SampleAugmentation: Sendable {
    /// What happens to one sample.
    private struct Draw {
        var isFlipped = false
        var rows = 0
        var columns = 0
        /// Share of the other image.
        var share: Float = 0
    }

    private let augmentation: Augmentation
    private let seed: UInt64

    /// Makes an augmentation with a seed.
    public init(_ augmentation: Augmentation, seed: UInt64) {
        self.augmentation = augmentation
        self.seed = seed
    }

    /// Changes a micro-batch.
    ///
    /// - Parameters:
    ///   - inputs: The model's inputs: each float32 [N, C, H, W], or [N, H, W, C] when channels are last.
    ///   - samples: The numbers of the N samples.
    ///   - epoch: The epoch.
    /// - Returns: Tensors of the same shapes; a blend is `(1 - share) * image + share * next`, rounded after each operation.
    /// - Throws: `TrainingJobError.augmentation` for an input of another form, or a shift that is not below the extents.
    public func augmented(
        _ inputs: [String: Tensor], samples: [Int], epoch: Int
    ) throws(TrainingJobError) -> [String: Tensor] {
        let draws = samples.map { draw(sample: $0, epoch: epoch) }
        var result: [String: Tensor] = [:]
        for name in inputs.keys.sorted() {
            guard let tensor = inputs[name] else { continue }
            try check(tensor, name, count: samples.count)
            let moved = moved(tensor, draws)
            result[name] = augmentation.mixesUp ? blended(moved, draws) : moved
        }
        return result
    }

    private func draw(sample: Int, epoch: Int) -> Draw {
        let first = SplitMix64.mix(seed) &+ UInt64(truncatingIfNeeded: epoch) &+ 1
        var generator = SplitMix64(
            state: SplitMix64.mix(SplitMix64.mix(first) &+ UInt64(truncatingIfNeeded: sample)))
        var draw = Draw()
        if augmentation.flips { draw.isFlipped = generator.below(2) == 1 }
        if augmentation.shift > 0 {
            draw.rows = generator.below(2 * augmentation.shift + 1) - augmentation.shift
            draw.columns = generator.below(2 * augmentation.shift + 1) - augmentation.shift
        }
        if augmentation.mixesUp { draw.share = generator.share() }
        return draw
    }

    private func check(_ tensor: Tensor, _ name: String, count: Int) throws(TrainingJobError) {
        guard tensor.elementType == .float32, tensor.shape.rank == 4, tensor.shape[0] == count else {
            throw .augmentation(
                input: name, reason: "it is \(tensor.elementType)\(tensor.shape) and not a float32 batch of images")
        }
        let rows = augmentation.channelsLast ? 1 : 2
        guard augmentation.shift < min(tensor.shape[rows], tensor.shape[rows + 1]) else {
            throw .augmentation(
                input: name, reason: "images of \(tensor.shape) are not larger than the shift of \(augmentation.shift)")
        }
    }

    /// Mirrored and shifted images.
    private func moved(_ tensor: Tensor, _ draws: [Draw]) -> Tensor {
        let extents = tensor.shape.dimensions
        let channelsLast = augmentation.channelsLast
        let (planes, rows, columns, inner) =
            channelsLast ? (1, extents[1], extents[2], extents[3]) : (extents[1], extents[2], extents[3], 1)
        var result = Tensor(zeros: tensor.shape, elementType: .float32)
        tensor.withElements(as: Float.self) { (source: Span<Float>) in
            result.withMutableElements(as: Float.self) { (target: inout MutableSpan<Float>) in
                for (sample, draw) in draws.enumerated() {
                    let origins = (0..<columns).map { column in
                        let moved = min(max(column - draw.columns, 0), columns - 1)
                        return draw.isFlipped ? columns - 1 - moved : moved
                    }
                    for plane in 0..<planes {
                        let start = (sample * planes + plane) * rows
                        for row in 0..<rows {
                            let from = (start + min(max(row - draw.rows, 0), rows - 1)) * columns
                            let to = (start + row) * columns
                            for column in 0..<columns {
                                for channel in 0..<inner {
                                    target[(to + column) * inner + channel] =
                                        source[(from + origins[column]) * inner + channel]
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    /// Each image blended with the next one, the last with the first.
    private func blended(_ tensor: Tensor, _ draws: [Draw]) -> Tensor {
        let length = tensor.elementCount / max(draws.count, 1)
        var result = Tensor(zeros: tensor.shape, elementType: .float32)
        tensor.withElements(as: Float.self) { (source: Span<Float>) in
            result.withMutableElements(as: Float.self) { (target: inout MutableSpan<Float>) in
                for (sample, draw) in draws.enumerated() {
                    let other = (sample + 1) % draws.count * length
                    for index in 0..<length {
                        let own = (1 - draw.share) * source[sample * length + index]
                        target[sample * length + index] = own + draw.share * source[other + index]
                    }
                }
            }
        }
        return result
    }
}
