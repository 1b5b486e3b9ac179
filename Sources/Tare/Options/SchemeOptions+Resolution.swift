import Conversion
import Quantization

extension SchemeOptions {
    /// The observer and the schemes that the flags ask for, on top of the preset or the defaults.
    struct Resolved {
        /// How ranges follow from statistics.
        var method: CalibrationMethod
        /// What is quantized to what.
        var options: QuantizationOptions
        /// How modules of the simulated device are made; `nil` for other presets.
        var device: DeviceScheme?
    }

    /// What the presets of the simulated device decide.
    struct DeviceScheme {
        /// `int8` or `int16`.
        var type: MLUDataType
        /// The guide's choices.
        var specification: MLUQuantizationSpecification
        /// What is converted; `nil` for all that can be.
        var mapping: MLUMapping?
        /// Types of single modules.
        var mixedTypes: [String: String]
    }

    /// The presets of the simulated device.
    private static let deviceTypes: [String: MLUDataType] = ["mlu": .int8, "mlu-int16": .int16]

    /// Whether the preset is one of the simulated device.
    var isForDevice: Bool { qconfig.map { Self.deviceTypes[$0] != nil } ?? false }

    /// Refuses a state dictionary of other presets than those of the simulated device.
    func check(stateDictionary: String?) throws {
        guard stateDictionary != nil, !isForDevice else { return }
        throw CommandFailure(
            .usage, "--state-dict belongs to the presets mlu and mlu-int16; add --qconfig mlu")
    }

    /// Refuses to compare a model that takes raw pixels with the float model on the same, normalized data.
    func check(evaluates: Bool) throws {
        guard evaluates, isForDevice, mlu.firstConvolution else { return }
        throw CommandFailure(
            .usage,
            "--evaluate cannot be combined with --firstconv: the quantized model takes raw pixels, the calibration data are "
                + "normalized; run 'tare evaluate MODEL STATE.pth --data RAW' with the file of --state-dict")
    }

    /// Applies the flags to the preset or the defaults.
    ///
    /// - Throws: `QConfigError` for an unknown preset, and for a recipe that only training can follow; `CommandFailure` for a recipe that
    ///   observes nothing without `--observer`, and for a combination that no quantized model can express.
    func resolved() throws -> Resolved {
        if let qconfig, let type = Self.deviceTypes[qconfig] { return try resolved(for: type) }
        guard mlu.given.isEmpty else {
            throw CommandFailure(
                .usage,
                "\(mlu.given.joined(separator: ", ")) belong to the presets mlu and mlu-int16; add --qconfig mlu")
        }
        let preset = try qconfig.map { try RecipeArgument(text: $0).configuration() } ?? .standard
        guard let method = observer ?? preset.activationMethod else { throw Self.withoutMethod(qconfig ?? "") }
        var activations = preset.activation
        if let activationType { activations.type = activationType }
        switch symmetry {
        case .symmetric: activations.isSymmetric = true
        case .asymmetric: activations.isSymmetric = false
        // An unsigned type with a symmetric preset would waste half its integers without anybody having asked for it.
        case nil: if activationType != nil { activations.isSymmetric = activations.type.isSigned }
        }
        var weights = preset.weight
        if let weightGranularity { weights.granularity = weightGranularity }
        return Resolved(
            method: method,
            options: QuantizationOptions(
                activations: activations, weights: weights,
                recipes: try recipes(weightGranularity: weights.granularity), skippedOperators: skippedOperators,
                skippedNodes: skippedNodes.map(NodeNamePattern.init), quantizesOutputs: !hasFloatOutputs))
    }

    /// The recipes of some nodes; they say nothing of the weights' granularity, so that is the whole model's.
    private func recipes(weightGranularity: QuantizationGranularity) throws -> [NodeRecipe] {
        try qconfigFor.map { text in
            let other = try RecipeOverride(text)
            guard Self.deviceTypes[other.recipe.text] == nil else {
                throw CommandFailure(
                    .usage,
                    "--qconfig-for \(text): the simulated device quantizes whole models; use --qconfig mlu, and --mixed-layer for "
                        + "single modules")
            }
            let configuration = try other.recipe.configuration()
            guard let method = configuration.activationMethod ?? observer else { throw Self.withoutMethod(text) }
            var weights = configuration.weight
            weights.granularity = weightGranularity
            return NodeRecipe(
                pattern: NodeNamePattern(other.pattern), activations: configuration.activation, weights: weights,
                method: method)
        }
    }

    private static func withoutMethod(_ recipe: String) -> CommandFailure {
        CommandFailure(.usage, "'\(recipe)' does not say how ranges are chosen; add --observer METHOD")
    }

    /// The same without files, for another machine.
    func withoutFiles() throws -> SchemeOptions {
        var options = self
        options.qconfig = try qconfig.map { try RecipeArgument(text: $0).withoutFile().text }
        options.qconfigFor = try qconfigFor.map { try RecipeOverride($0).textWithoutFile() }
        return options
    }

    /// Refuses files with recipes.
    ///
    /// - Throws: `CommandFailure` that names the file.
    func checkWithoutFiles() throws {
        let others = try qconfigFor.map { try RecipeOverride($0).recipe }
        for recipe in [qconfig.map(RecipeArgument.init(text:))].compactMap({ $0 }) + others where recipe.isFile {
            throw CommandFailure(
                .refused,
                "The coordinator reads no recipes from '\(recipe.text)'; submit the job with this version of 'tare'")
        }
    }

    /// The presets of the simulated device have one observer, one type for all, symmetric ranges and float outputs.
    private func resolved(for type: MLUDataType) throws -> Resolved {
        let preset = qconfig ?? ""
        func refusal(_ option: String, _ reason: String) -> CommandFailure {
            CommandFailure(.usage, "\(option) cannot be combined with --qconfig \(preset): \(reason)")
        }
        if let observer, observer != .minmax { throw refusal("--observer \(observer)", "it only has minmax") }
        if let activationType, activationType != type.quantizedType {
            throw refusal("--activation-type \(activationType.rawValue)", "it is \(type); use mlu or mlu-int16")
        }
        if let first = qconfigFor.first { throw refusal("--qconfig-for \(first)", "use --mixed-layer") }
        if symmetry == .asymmetric { throw refusal("--asymmetric", "its ranges are symmetric") }
        var specification = try mlu.specification()
        switch weightGranularity {
        case .perChannel: specification.isPerChannel = true
        case .perTensor where specification.isPerChannel:
            throw refusal("--weight-granularity per-tensor", "--per-channel was given")
        case .perTensor, nil: break
        }
        let scheme = QuantizationScheme(type: type.quantizedType, isSymmetric: true)
        var weights = scheme
        weights.granularity = specification.isPerChannel ? .perChannel : .perTensor
        return Resolved(
            method: .minmax,
            options: QuantizationOptions(
                activations: scheme, weights: weights, operators: [.convolution, .gemm, .matMul],
                skippedOperators: skippedOperators, skippedNodes: skippedNodes.map(NodeNamePattern.init),
                quantizesOutputs: false),
            device: DeviceScheme(
                type: type, specification: specification,
                mapping: mlu.mapping.isEmpty ? nil : MLUMapping(names: mlu.mapping),
                mixedTypes: try mlu.mixedTypes()))
    }
}
