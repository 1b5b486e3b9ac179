import ArgumentParser
import Calibration
import Training

/// How a model is trained; all of it decides the weights, except where checkpoints go.
struct TrainingOptionGroup: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The right class of each sample, as for 'tare evaluate': a file, the name of an array in the files of --data, or folders. "
                + "Not needed where the float model says all (--distill 1).", valueName: "file|name|folders"))
    var labels: String?

    @Option(help: ArgumentHelp("How often every sample is seen.", valueName: "n"))
    var epochs: Int = 10

    @Option(
        help: ArgumentHelp(
            "Samples of a step; what does not fill the last step of an epoch is left out.", valueName: "n"))
    var batchSize: Int = 64

    @Option(
        help: ArgumentHelp(
            "Parts of a step, each with batch statistics of its own; as many workers can compute at once.",
            valueName: "n"))
    var microBatches: Int = 4

    @Option(help: ArgumentHelp("sgd or adam.", valueName: "name"))
    var optimizer: OptimizerChoice = .sgd

    @Option(help: ArgumentHelp("Learning rate of the first step after warming up.", valueName: "rate"))
    var learningRate: Double = 0.05

    @Option(
        help: ArgumentHelp(
            "How the rate goes down: linear or cosine to 0, steps (--milestones), or constant.", valueName: "way"))
    var schedule: ScheduleChoice = .linear

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Epochs after which the rate is a tenth, for --schedule steps.", valueName: "epoch"))
    var milestones: [Int] = []

    @Option(help: ArgumentHelp("Steps in which the rate rises to its value.", valueName: "n"))
    var warmUp: Int = 0

    @Option(help: ArgumentHelp("Momentum of sgd.", valueName: "share"))
    var momentum: Double = 0.9

    @Option(help: ArgumentHelp("Weight decay.", valueName: "rate"))
    var weightDecay: Double = 1e-4

    @Flag(help: "Let only weights decay, not biases and normalizations.")
    var decayMatricesOnly = false

    @Option(help: ArgumentHelp("Share of each target that is spread over all classes.", valueName: "share"))
    var labelSmoothing: Double = 0

    @Option(
        help: ArgumentHelp(
            "Change images at random, otherwise in each epoch: any of flip (left to right), shift=PIXELS (the border is repeated) "
                + "and mixup (blend with another image; needs --distill 1), joined by commas.", valueName: "changes"))
    var augment: AugmentationChoice?

    @Option(
        name: .customLong("batch-norm-epochs"),
        help: ArgumentHelp(
            "Epochs in which normalizations use the statistics of the batch and follow them; later ones use the running statistics "
                + "as they are then. All epochs by default.", valueName: "n"))
    var batchNormalizationEpochs: Int?

    @Option(
        name: .customLong("order-seed"),
        help: ArgumentHelp("Seed of the order of the samples, and of --augment.", valueName: "n"))
    var orderSeed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Write a checkpoint here (.pth or .safetensors), in the end and while training.", valueName: "file"))
    var checkpoint: String?

    @Option(help: ArgumentHelp("Steps between two checkpoints; 0 writes only the last.", valueName: "n"))
    var checkpointEvery: Int = 200

    @Option(help: ArgumentHelp("Go on from this checkpoint.", valueName: "file"))
    var resume: String?

    @Option(help: ArgumentHelp("Begin with these parameters: a state dictionary or a checkpoint.", valueName: "file"))
    var initial: String?

    /// The two rules.
    enum OptimizerChoice: String, ExpressibleByArgument, CaseIterable {
        case sgd
        case adam
    }

    /// How the learning rate goes down.
    enum ScheduleChoice: String, ExpressibleByArgument, CaseIterable {
        case constant
        case linear
        case cosine
        case steps
    }

    /// What `--augment` says.
    struct AugmentationChoice: ExpressibleByArgument {
        let augmentation: Augmentation

        init?(argument: String) {
            var augmentation = Augmentation()
            var seen: Set<Substring> = []
            for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
                let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard seen.insert(words[0]).inserted else { return nil }
                switch (words[0], words.count) {
                case ("flip", 1): augmentation.flips = true
                case ("mixup", 1): augmentation.mixesUp = true
                case ("shift", 2):
                    guard let shift = Int(words[1]), (1...1024).contains(shift) else { return nil }
                    augmentation.shift = shift
                default: return nil
                }
            }
            self.augmentation = augmentation
        }
    }

    func validate() throws {
        func check(_ name: String, _ isRight: Bool, _ range: String) throws {
            if !isRight { throw ValidationError("\(name) must be \(range).") }
        }
        try check("--epochs", (1...100_000).contains(epochs), "from 1 to 100000")
        try check("--batch-size", (1...65_536).contains(batchSize), "from 1 to 65536")
        try check("--micro-batches", (1...1024).contains(microBatches), "from 1 to 1024")
        if batchSize % microBatches != 0 {
            throw ValidationError("--batch-size \(batchSize) does not divide into --micro-batches \(microBatches).")
        }
        try check("--learning-rate", learningRate > 0 && learningRate.isFinite, "positive")
        try check("--momentum", (0..<1).contains(momentum), "from 0 to below 1")
        try check("--weight-decay", weightDecay >= 0 && weightDecay.isFinite, "at least 0")
        try check("--label-smoothing", (0..<1).contains(labelSmoothing), "from 0 to below 1")
        try check("--batch-norm-epochs", batchNormalizationEpochs ?? 0 >= 0, "at least 0")
        try check("--warm-up", warmUp >= 0, "at least 0")
        try check("--checkpoint-every", checkpointEvery >= 0, "at least 0")
        if (schedule == .steps) == milestones.isEmpty {
            throw ValidationError("--milestones belongs to --schedule steps: give both or neither.")
        }
        if resume != nil, initial != nil { throw ValidationError("--resume has parameters: leave out --initial.") }
    }

    /// The rule with its numbers.
    var rule: Optimizer {
        Optimizer(
            optimizer == .sgd ? .sgd(momentum: Float(momentum)) : .adam(), weightDecay: Float(weightDecay),
            decaysMatricesOnly: decayMatricesOnly)
    }

    /// The learning rate of each step.
    func learningRates(stepsPerEpoch: Int) -> LearningRateSchedule {
        let decay: LearningRateSchedule.Decay =
            switch schedule {
            case .constant: .constant
            case .linear: .linear(total: epochs * stepsPerEpoch)
            case .cosine: .cosine(total: epochs * stepsPerEpoch)
            case .steps: .steps(milestones: milestones.map { $0 * stepsPerEpoch }, gamma: 0.1)
            }
        return LearningRateSchedule(base: learningRate, decay: decay, warmUp: warmUp)
    }
}
