extension ResultManifest {
    /// What quantization cost, measured by running both models on samples; `docs/evaluation.md` explains every number.
    ///
    /// Part of the manifest of `tare calibrate --evaluate`, and by itself what `tare evaluate --json` prints.
    public struct Evaluation: Codable, Sendable, Hashable {
        /// The version of this format.
        public static let currentFormat = "tare-evaluation-report-1"

        /// How far a value is from the float model's.
        public struct Errors: Codable, Sendable, Hashable {
            /// Signal to quantization noise ratio in decibels; absent when nothing differs, the float value is all zero, or nothing
            /// was compared.
            public var sqnrDecibels: Double?
            /// Cosine of the angle between the two; absent when nothing was compared.
            public var cosine: Double?
            /// Largest magnitude of a difference.
            public var maximumError: Double
            /// Elements that were compared.
            public var elements: UInt64
            /// Elements that were left out because one of the two is not finite; absent when there are none.
            public var notFinite: UInt64?

            /// Makes an entry.
            public init(
                sqnrDecibels: Double?, cosine: Double?, maximumError: Double, elements: UInt64, notFinite: UInt64?
            ) {
                self.sqnrDecibels = sqnrDecibels
                self.cosine = cosine
                self.maximumError = maximumError
                self.elements = elements
                self.notFinite = notFinite
            }

            /// Whether elements were compared, all of them, and none differs.
            public var isExact: Bool { elements > 0 && maximumError == 0 && (notFinite ?? 0) == 0 }
        }

        /// A value of the float model and what the quantized model has in its place.
        public struct Layer: Codable, Sendable, Hashable {
            /// Name of the value in the float model.
            public var value: String
            /// Name of the node of the quantized model that makes it; empty for a model input.
            public var node: String
            /// ONNX operator of this node; `Input` for a model input.
            public var `operator`: String
            /// Whether the value leaves the model.
            public var isOutput: Bool
            /// The quantized layer on the float model's inputs.
            public var own: Errors
            /// The quantized network.
            public var total: Errors
            /// Part of the total error power that the layer's own error does not explain, 0 to 1; absent without an error.
            public var inheritedShare: Double?
            /// Types of the quantizers; empty where nothing is quantized.
            public var quantizedTypes: [String]
            /// Share of the quantized elements that are clamped; absent where nothing is quantized.
            public var saturatedShare: Double?

            /// Makes an entry.
            public init(
                value: String, node: String, operator operatorName: String, isOutput: Bool, own: Errors, total: Errors,
                inheritedShare: Double?, quantizedTypes: [String], saturatedShare: Double?
            ) {
                self.value = value
                self.node = node
                self.operator = operatorName
                self.isOutput = isOutput
                self.own = own
                self.total = total
                self.inheritedShare = inheritedShare
                self.quantizedTypes = quantizedTypes
                self.saturatedShare = saturatedShare
            }
        }

        /// A value of the float model without a counterpart.
        public struct Unmatched: Codable, Sendable, Hashable {
            /// Name of the value.
            public var value: String
            /// Name of the node that makes it.
            public var node: String
            /// ONNX operator of the node.
            public var `operator`: String
            /// Why there is none.
            public var reason: String

            /// Makes an entry.
            public init(value: String, node: String, operator operatorName: String, reason: String) {
                self.value = value
                self.node = node
                self.operator = operatorName
                self.reason = reason
            }
        }

        /// How the models classify.
        public struct Classification: Codable, Sendable, Hashable {
            /// Samples for which both prefer the same class.
            public var agreeing: Int
            /// Samples for which one of them prefers no class, since a score is not a number; absent when there are none.
            public var withoutClass: Int?
            /// Samples that the float model classifies as their labels say; absent without labels.
            public var floatCorrect: Int?
            /// The same for the quantized model.
            public var quantizedCorrect: Int?

            /// Makes an entry.
            public init(agreeing: Int, withoutClass: Int? = nil, floatCorrect: Int?, quantizedCorrect: Int?) {
                self.agreeing = agreeing
                self.withoutClass = withoutClass
                self.floatCorrect = floatCorrect
                self.quantizedCorrect = quantizedCorrect
            }
        }

        /// `currentFormat`.
        public var format: String
        /// The float model.
        public var floatModel: File
        /// The quantized model.
        public var quantizedModel: File
        /// The samples.
        public var data: DataSummary
        /// How the work was cut.
        public var plan: Plan
        /// Instruction set that both models ran with.
        public var instructionSet: String?
        /// SHA-256 of the statistics; the same for any number of workers.
        public var statisticsSHA256: String
        /// Samples that were evaluated.
        public var samples: Int
        /// The layers in the order of the float graph, quantized inputs first.
        public var layers: [Layer]
        /// Values without a counterpart.
        public var unmatched: [Unmatched]
        /// Absent when the models are no classifiers.
        public var classification: Classification?

        /// Makes a report.
        public init(
            floatModel: File, quantizedModel: File, data: DataSummary, plan: Plan, instructionSet: String?,
            statisticsSHA256: String, samples: Int, layers: [Layer], unmatched: [Unmatched],
            classification: Classification?
        ) {
            format = Self.currentFormat
            self.floatModel = floatModel
            self.quantizedModel = quantizedModel
            self.data = data
            self.plan = plan
            self.instructionSet = instructionSet
            self.statisticsSHA256 = statisticsSHA256
            self.samples = samples
            self.layers = layers
            self.unmatched = unmatched
            self.classification = classification
        }
    }
}
