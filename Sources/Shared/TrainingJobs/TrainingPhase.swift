internal import Conversion
internal import Graphs

/// What changes in the course of a training.
public struct TrainingPhase: Sendable, Hashable {
    /// Whether normalizations use the running statistics, which stay, instead of the batch's.
    public var hasFixedStatistics: Bool
    /// Whether observers look away: scales stay.
    public var hasFixedScales: Bool

    /// Makes a phase; the first one of most trainings by default.
    public init(hasFixedStatistics: Bool = false, hasFixedScales: Bool = false) {
        self.hasFixedStatistics = hasFixedStatistics
        self.hasFixedScales = hasFixedScales
    }
}

/// When the phases of a training begin.
public struct TrainingPhases: Sendable, Hashable {
    /// The first step whose normalizations use the running statistics; `nil` for none.
    public var fixedStatistics: Int?
    /// The first step without observers; `nil` for none.
    public var fixedScales: Int?

    /// Makes phases; one for all steps by default.
    public init(fixedStatistics: Int? = nil, fixedScales: Int? = nil) {
        self.fixedStatistics = fixedStatistics
        self.fixedScales = fixedScales
    }

    /// The phase of a step.
    public func phase(step: Int) -> TrainingPhase {
        TrainingPhase(
            hasFixedStatistics: fixedStatistics.map { step >= $0 } ?? false,
            hasFixedScales: fixedScales.map { step >= $0 } ?? false)
    }
}

extension Graph {
    /// The model as it is trained in a phase.
    func expandingModules(_ phase: TrainingPhase) throws(ModuleError) -> ExpandedModules {
        var graph = self
        if phase.hasFixedScales { graph.disableObserver() }
        return try graph.expandingModules(isTraining: !phase.hasFixedStatistics)
    }
}
