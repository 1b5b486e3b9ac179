/// MegEngine's names of the observers.
private enum ObserverClass: String, CaseIterable {
    case minMax = "MinMaxObserver"
    case syncMinMax = "SyncMinMaxObserver"
    case average = "ExponentialMovingAverageObserver"
    case syncAverage = "SyncExponentialMovingAverageObserver"
    case histogram = "HistogramObserver"
    case passive = "PassiveObserver"

    /// The settings beside those of all observers.
    var settings: [String] {
        switch self {
        case .minMax, .syncMinMax, .passive: []
        case .average, .syncAverage: ["momentum"]
        case .histogram: ["bins", "upsample_rate", "form"]
        }
    }
}

extension ObserverSpecification {
    /// MegEngine's name of the observer, for example `MinMaxObserver`.
    public var className: String { observerClass.rawValue }

    /// Reads a recipe.
    ///
    /// The keys are `class` (a name of MegEngine's), `dtype`, `narrow_range`, `mode` and `eps`, with `momentum` for moving averages and
    /// `bins`, `upsample_rate` and `form` for histograms. What is absent has MegEngine's default; a histogram of PyTorch's form has PyTorch's.
    ///
    /// - Throws: `DecodingError`, which names the key and what is accepted.
    public init(from decoder: any Decoder) throws {
        let recipe = try RecipeDecoder(decoder, name: "an observer: class, dtype, mode, ...")
        guard let observerClass = try recipe.choice("class", ObserverClass.self) else {
            let accepted = ObserverClass.allCases.map(\.rawValue).joined(separator: ", ")
            throw recipe.refusal("class", "is missing; use one of \(accepted)")
        }
        let common = ["class", "dtype", "narrow_range", "mode", "eps"]
        try recipe.checkKeys(common + observerClass.settings, of: observerClass.rawValue)
        let algorithm: Algorithm
        switch observerClass {
        case .minMax, .syncMinMax: algorithm = .minMax
        case .average, .syncAverage:
            algorithm = .exponentialMovingAverage(momentum: try recipe.number("momentum", in: 0...1) ?? 0.9)
        case .histogram:
            let form = try recipe.choice("form", HistogramForm.self) ?? .megengine
            algorithm = .histogram(
                bins: try recipe.integer("bins", in: HistogramRule.binCounts) ?? HistogramRule.defaultBinCount,
                upsampleRate: try recipe.integer("upsample_rate", in: HistogramRule.upsampleRates)
                    ?? form.defaultUpsampleRate,
                form: form)
        case .passive: algorithm = .passive
        }
        self.init(
            algorithm, dtype: try recipe.dtype(), mode: try recipe.choice("mode", QuantMode.self) ?? .symmetric,
            epsilon: try recipe.number("eps", in: 1e-30...1e30) ?? Self.defaultEpsilon,
            isSynchronized: observerClass == .syncMinMax || observerClass == .syncAverage)
    }

    /// Writes the recipe with all settings that it has; narrow integers as their dtype.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: RecipeKey.self)
        try container.encode(className, forKey: RecipeKey("class"))
        try container.encode(dtype, forKey: RecipeKey("dtype"))
        try container.encode(mode, forKey: RecipeKey("mode"))
        try container.encode(epsilon, forKey: RecipeKey("eps"))
        switch algorithm {
        case .minMax, .passive: break
        case .exponentialMovingAverage(let momentum): try container.encode(momentum, forKey: RecipeKey("momentum"))
        case .histogram(let bins, let upsampleRate, let form):
            try container.encode(bins, forKey: RecipeKey("bins"))
            try container.encode(upsampleRate, forKey: RecipeKey("upsample_rate"))
            try container.encode(form, forKey: RecipeKey("form"))
        }
    }

    private var observerClass: ObserverClass {
        switch algorithm {
        case .minMax: isSynchronized ? .syncMinMax : .minMax
        case .exponentialMovingAverage: isSynchronized ? .syncAverage : .average
        case .histogram: .histogram
        case .passive: .passive
        }
    }
}

extension FakeQuantSpecification {
    /// Reads a recipe: `class` (FakeQuantize, TQT or LSQ), `dtype`, `narrow_range`, and `eps` for LSQ.
    ///
    /// - Throws: `DecodingError`, which names the key and what is accepted.
    public init(from decoder: any Decoder) throws {
        let recipe = try RecipeDecoder(decoder, name: "a fake quantizer: class, dtype, ...")
        guard let algorithm = try recipe.choice("class", Algorithm.self) else {
            let accepted = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw recipe.refusal("class", "is missing; use one of \(accepted)")
        }
        try recipe.checkKeys(
            ["class", "dtype", "narrow_range"] + (algorithm == .lsq ? ["eps"] : []), of: algorithm.rawValue)
        self.init(
            algorithm, dtype: try recipe.dtype(), epsilon: try recipe.number("eps", in: 1e-30...1e30) ?? 1e-5)
    }

    /// Writes the recipe with all settings that it has; narrow integers as their dtype.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: RecipeKey.self)
        try container.encode(algorithm, forKey: RecipeKey("class"))
        try container.encode(dtype, forKey: RecipeKey("dtype"))
        if algorithm == .lsq { try container.encode(epsilon, forKey: RecipeKey("eps")) }
    }
}
