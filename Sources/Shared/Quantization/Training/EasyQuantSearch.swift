/// The search of `apply_easy_quant`: scales around the original one, of which that with the most similar output is kept.
public struct EasyQuantSearch: Sendable, Hashable {
    /// The smallest and the largest candidate, as multiples of the original scale.
    public let start, stop: Float
    /// Number of candidates.
    public let count: Int

    /// Makes a search; the defaults are MegEngine's.
    ///
    /// - Precondition: Both multiples are positive and there is at least one candidate.
    public init(start: Float = 0.8, stop: Float = 1.2, count: Int = 40) {
        precondition(start > 0 && stop > 0 && count > 0, "\(count) candidates in \(start)...\(stop)")
        self.start = start
        self.stop = stop
        self.count = count
    }

    /// The candidates, evenly spaced with both ends among them; a single one is the start.
    public func candidates(around scale: Float) -> [Float] {
        let step = count > 1 ? (Double(stop) - Double(start)) / Double(count - 1) : 0
        return (0..<count).map { Float((Double(start) + Double($0) * step) * Double(scale)) }
    }

    /// The candidate with the largest similarity above 0; the first of equal ones.
    ///
    /// - Returns: `nil` when none is better than 0: the scale then stays, and the user should know.
    public func best<Failure: Error>(
        around scale: Float, similarity: (Float) throws(Failure) -> Double
    ) throws(Failure) -> Float? {
        var best: (scale: Float, similarity: Double)?
        for candidate in candidates(around: scale) {
            let value = try similarity(candidate)
            if value > best?.similarity ?? 0 { best = (candidate, value) }
        }
        return best?.scale
    }

    /// The mean over the samples of the cosine of the angle between two outputs; computed in `Double`.
    ///
    /// Two outputs of a sample that are zero throughout count 1, a zero one beside another 0.
    ///
    /// - Parameters:
    ///   - reference: The float output, sample after sample.
    ///   - output: The rounded output.
    ///   - sampleCount: Number of samples; divides the number of elements.
    /// - Returns: At most 1.
    public static func meanCosineSimilarity(
        _ reference: Span<Float>, _ output: Span<Float>, sampleCount: Int
    ) -> Double {
        precondition(
            reference.count == output.count && sampleCount > 0 && reference.count % sampleCount == 0,
            "\(reference.count) and \(output.count) elements of \(sampleCount) samples")
        let size = reference.count / sampleCount
        var sum = 0.0
        for sample in 0..<sampleCount {
            var (product, left, right) = (0.0, 0.0, 0.0)
            for index in sample * size..<(sample + 1) * size {
                let (first, second) = (Double(reference[index]), Double(output[index]))
                product += first * second
                left += first * first
                right += second * second
            }
            if left == 0 || right == 0 {
                sum += left == right ? 1 : 0
            } else {
                sum += product / (left * right).squareRoot()
            }
        }
        return sum / Double(sampleCount)
    }
}
