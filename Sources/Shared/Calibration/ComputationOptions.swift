internal import Foundation

/// What a worker must know beyond the model and the samples to compute the same statistics as everybody else.
///
/// This is what `JobSpecification.options` holds, as canonical JSON, so it is part of the job's digest.
public struct ComputationOptions: Hashable, Sendable, Codable {
    /// The preprocessing as canonical YAML; `nil` when samples are used as they are.
    public var preprocessing: String?
    /// What files without a header hold; `nil` when the data have headers.
    public var headerless: String?
    /// Use only this many samples: the first ones, or those drawn by `seed`.
    public var sampleLimit: Int?
    /// Seed of the draw.
    public var seed: UInt64?
    /// Positions, among the selected samples, of broken ones that are left out, ascending.
    public var excludedSamples: [Int]
    /// The job compares two models instead of gathering ranges; `nil` for a calibration.
    public var evaluation: EvaluationOptions?
    /// The job trains a model; `nil` for others.
    public var training: TrainingOptions?
    /// The job is the second pass of a calibration; `nil` for others.
    public var histograms: HistogramOptions?

    /// Makes options.
    public init(
        preprocessing: String? = nil, headerless: String? = nil, sampleLimit: Int? = nil, seed: UInt64? = nil,
        excludedSamples: [Int] = []
    ) {
        self.preprocessing = preprocessing
        self.headerless = headerless
        self.sampleLimit = sampleLimit
        self.seed = seed
        self.excludedSamples = excludedSamples
    }

    /// The one text of these options: JSON with sorted keys and no spaces.
    public func canonicalText() throws(JobSpecificationError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }

    /// Reads the text.
    ///
    /// - Throws: `JobSpecificationError.malformed` when the text holds no options.
    public init(text: String) throws(JobSpecificationError) {
        do {
            self = try JSONDecoder().decode(ComputationOptions.self, from: Data(text.utf8))
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }
}
