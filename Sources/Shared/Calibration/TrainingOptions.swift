public import Quantization

/// What makes a job a training: its shards are micro-batches, its rounds steps.
///
/// The job's samples are places in the order of all steps: place `p` of step `s` is `(s - firstStep) * batchSize + p`. Which sample
/// lies at a place follows from the order.
public struct TrainingOptions: Hashable, Sendable, Codable {
    /// The recipes of quantization-aware training; `nil` trains in floating point.
    public var qconfig: QConfig?
    /// Recipes of modules that match a pattern; the first match counts.
    public var overrides: [Override]
    /// Paths of modules that stay in floating point.
    public var floatPaths: [String]
    /// Digest of the labels: a safetensors file with `labels`, int64 [samples]; `nil` when the loss needs none.
    public var labels: ContentDigest?
    /// Number of samples of an epoch.
    public var sampleCount: Int
    /// Samples of a step.
    public var batchSize: Int
    /// Seed of the order.
    public var seed: UInt64
    /// The first step of this job; later than 0 when it goes on from a checkpoint.
    public var firstStep: Int
    /// Share of each target that is spread over all classes.
    public var labelSmoothing: Double
    /// What the imported model teaches; `nil` trains with labels alone.
    public var distillation: Distillation?
    /// How samples are changed; `nil` takes them as they are.
    public var augmentation: Augmentation?
    /// The first step whose normalizations use the running statistics; `nil` for none.
    public var firstStepOfFixedStatistics: Int?
    /// The first step without observers; `nil` for none.
    public var firstStepWithoutObservers: Int?

    /// How much of the loss is the divergence from the imported model's scores.
    public struct Distillation: Hashable, Sendable, Codable {
        /// The share of the loss, above 0 and at most 1.
        public var weight: Double
        /// What both models' logits are divided by.
        public var temperature: Double

        /// Makes a distillation.
        public init(weight: Double, temperature: Double) {
            self.weight = weight
            self.temperature = temperature
        }
    }

    /// Recipes of some modules.
    public struct Override: Hashable, Sendable, Codable {
        /// A path with `*` and `?`, or a module name.
        public var pattern: String
        /// Their recipes.
        public var qconfig: QConfig

        /// Makes an override.
        public init(pattern: String, qconfig: QConfig) {
            self.pattern = pattern
            self.qconfig = qconfig
        }
    }

    /// Makes options.
    public init(
        qconfig: QConfig?, overrides: [Override] = [], floatPaths: [String] = [], labels: ContentDigest?,
        sampleCount: Int, batchSize: Int, seed: UInt64, firstStep: Int = 0, labelSmoothing: Double = 0
    ) {
        self.qconfig = qconfig
        self.overrides = overrides
        self.floatPaths = floatPaths
        self.labels = labels
        self.sampleCount = sampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.firstStep = firstStep
        self.labelSmoothing = labelSmoothing
    }
}
