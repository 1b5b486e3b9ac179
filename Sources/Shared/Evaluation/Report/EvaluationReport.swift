public import Calibration

/// The numbers of an evaluation, computed from statistics alone.
public struct EvaluationReport: Sendable {
    /// What the numbers are about.
    public struct Provenance: Sendable {
        /// The float model.
        public var floatModel: ResultManifest.File
        /// The quantized model.
        public var quantizedModel: ResultManifest.File
        /// The samples.
        public var data: ResultManifest.DataSummary
        /// How the work was cut.
        public var plan: ResultManifest.Plan
        /// Instruction set that both models ran with.
        public var instructionSet: String?

        /// Collects what the numbers are about.
        public init(
            floatModel: ResultManifest.File, quantizedModel: ResultManifest.File, data: ResultManifest.DataSummary,
            plan: ResultManifest.Plan, instructionSet: String?
        ) {
            self.floatModel = floatModel
            self.quantizedModel = quantizedModel
            self.data = data
            self.plan = plan
            self.instructionSet = instructionSet
        }
    }

    /// The report as it is written.
    public let document: ResultManifest.Evaluation

    /// Computes the numbers.
    ///
    /// - Parameters:
    ///   - statistics: The statistics of the whole job.
    ///   - layers: The layers in the order in which they are listed.
    ///   - unmatched: Values without a counterpart.
    ///   - provenance: What the numbers are about.
    ///   - labels: The right class of each sample of the job; `nil` for none.
    /// - Throws: `EvaluationReportError` when a layer or label is missing or there are labels without a classifier;
    ///   `EvaluationStatisticsError` when the statistics cannot be encoded.
    public init(
        _ statistics: EvaluationStatistics, layers: [EvaluatedLayer], unmatched: [UnmatchedLayer],
        provenance: Provenance, labels: [Int]? = nil
    ) throws {
        document = ResultManifest.Evaluation(
            floatModel: provenance.floatModel, quantizedModel: provenance.quantizedModel, data: provenance.data,
            plan: provenance.plan, instructionSet: provenance.instructionSet,
            statisticsSHA256: ContentDigest(of: try statistics.encoded()).hexadecimal,
            samples: statistics.predictions.count,
            layers: try layers.map { layer throws(EvaluationReportError) in
                guard let counted = statistics.layers[layer.value] else { throw .missingLayer(layer.value) }
                return ResultManifest.Evaluation.Layer(layer, counted)
            },
            unmatched: unmatched.map {
                ResultManifest.Evaluation.Unmatched(
                    value: $0.value, node: $0.node, operator: $0.operatorName, reason: $0.reason)
            },
            classification: try Self.classification(statistics.predictions, labels: labels))
    }

    private static func classification(
        _ predictions: [SamplePrediction], labels: [Int]?
    ) throws(EvaluationReportError) -> ResultManifest.Evaluation.Classification? {
        guard predictions.first?.float != nil else {
            guard labels == nil else { throw .noClassifier }
            return nil
        }
        let withoutClass = predictions.count(where: \.lacksClass)
        var result = ResultManifest.Evaluation.Classification(
            agreeing: predictions.count { $0.float == $0.quantized && !$0.lacksClass },
            withoutClass: withoutClass == 0 ? nil : withoutClass, floatCorrect: nil, quantizedCorrect: nil)
        guard let labels else { return result }
        var (float, quantized) = (0, 0)
        for prediction in predictions {
            guard let sample = Int(exactly: prediction.sample), sample < labels.count else {
                throw .missingLabel(sample: prediction.sample, labels: labels.count)
            }
            // No class is never right, whatever a label says.
            if let preferred = prediction.float, preferred >= 0, preferred == labels[sample] { float += 1 }
            if let preferred = prediction.quantized, preferred >= 0, preferred == labels[sample] { quantized += 1 }
        }
        result.floatCorrect = float
        result.quantizedCorrect = quantized
        return result
    }
}

/// Why there is no report.
public enum EvaluationReportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The statistics lack a layer of the models.
    case missingLayer(String)
    /// There is no label for a sample.
    case missingLabel(sample: UInt64, labels: Int)
    /// There are labels, but the models give no scores of classes.
    case noClassifier

    /// The reason and the remedy.
    public var description: String {
        switch self {
        case .missingLayer(let name): "The statistics say nothing about layer '\(name)'; evaluate these models again"
        case .missingLabel(let sample, let labels): "Sample \(sample) has no label; there are only \(labels)"
        case .noClassifier:
            "Labels need a model with one row of class scores for each sample; this one has no float32 output of rank 2"
        }
    }
}
