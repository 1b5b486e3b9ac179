/// Why a model cannot be trained.
public enum TrainingJobError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A histogram observer follows whole tensors, which do not travel.
    case histogramObserver(path: String)
    /// The model returns nothing.
    case noOutput
    /// The model has no module that could be quantized.
    case noModules
    /// The extents of a normalized value do not follow from those of the inputs.
    case unknownShape(value: String)
    /// A checkpoint is of another model or job.
    case checkpoint(reason: String)
    /// A distillation has no teacher, or another loss has one.
    case teacher(isNeeded: Bool)
    /// The samples of an input cannot be changed at random.
    case augmentation(input: String, reason: String)
    /// A gradient is not finite: training has diverged.
    case notFinite(parameter: String, step: Int)

    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .histogramObserver(let path):
            "Observer '\(path)' keeps a histogram of whole tensors, which training does not gather; train with another QConfig, "
                + "such as ema_fakequant, or calibrate"
        case .noOutput: "The model has no output that a loss could read"
        case .noModules: "The model has no module that could be quantized; train it in floating point"
        case .unknownShape(let value):
            "The extents of '\(value)' do not follow from those of the inputs; training needs them"
        case .checkpoint(let reason): "The checkpoint does not fit: \(reason)"
        case .teacher(let isNeeded):
            isNeeded
                ? "A distillation compares with a teacher; name the model that teaches"
                : "The loss does not look at a teacher; use a distillation"
        case .augmentation(let input, let reason):
            "The samples of input '\(input)' cannot be augmented: \(reason)"
        case .notFinite(let parameter, let step):
            "The gradient of '\(parameter)' is not finite in step \(step): training has diverged; lower the learning rate"
        }
    }
}
