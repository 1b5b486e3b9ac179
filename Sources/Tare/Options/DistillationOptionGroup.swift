import ArgumentParser
import Calibration

/// What a model in training learns from the float model.
struct DistillationOptionGroup: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Share of the loss, from 0 to 1, that is the divergence from the float model's scores; the rest is the cross-entropy with "
                + "the labels. With 1 no labels are needed.", valueName: "share"))
    var distill: Double = 0

    @Option(
        help: ArgumentHelp("What the scores of both models are divided by for --distill.", valueName: "temperature"))
    var distillTemperature: Double = 1

    func validate() throws {
        guard (0...1).contains(distill) else { throw ValidationError("--distill must be from 0 to 1.") }
        guard distillTemperature > 0, distillTemperature.isFinite else {
            throw ValidationError("--distill-temperature must be positive.")
        }
    }

    /// The distillation; `nil` for none.
    var distillation: TrainingOptions.Distillation? {
        distill > 0 ? .init(weight: distill, temperature: distillTemperature) : nil
    }
}
