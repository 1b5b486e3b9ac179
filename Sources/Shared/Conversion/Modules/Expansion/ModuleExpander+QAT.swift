import Graphs
import Quantization
import Tensors

extension ModuleExpander {
    /// A QAT module: weight and bias are rounded, the layer computed, its activation applied, and the result observed and rounded.
    mutating func expandQAT(_ node: Node, _ kind: ModuleKind, _ settings: QATSettings) throws(ModuleError) {
        let path = node.modulePath
        let output = node.outputs[0]
        guard kind.hasActivation else {
            emit(.identity, [node.inputs[0]], path: path, as: output)
            return
        }
        let value: String
        switch kind {
        case .quantStub: value = node.inputs[0]
        case .elemwise, .concat:
            value = unused("\(path)/result")
            try expandFloat(node, kind, as: value)
        default: value = try expandWeighted(node, kind, settings)
        }
        let result = try quantize(value, .activation, node, settings, as: output)
        if result.value != output { emit(.identity, [result.value], path: path, as: output) }
        carried[output] = result.carried
    }

    /// The layer with rounded weight and bias, normalized and activated.
    private mutating func expandWeighted(
        _ node: Node, _ kind: ModuleKind, _ settings: QATSettings
    ) throws(ModuleError) -> String {
        let path = node.modulePath
        let data = Array(node.inputs.prefix(kind.dataCount))
        guard let plain = node.parameter(kind.layerPrefix + "weight") else {
            throw .missingParameter(path: path, key: kind.layerPrefix + "weight")
        }
        let bias = node.parameter(kind.layerPrefix + "bias")
        let result: String
        if let normalization = kind.fusion?.batchNormalization {
            let folding = fold(plain, kind, normalization, try normalizationParameters(node), path: path)
            let weight = try quantize(folding.weight, .weight, node, settings)
            if isTraining {
                let layer = ModuleLayer(kind: kind, path: path, data: data, weight: weight.value, bias: nil)
                // The layer's own result again, so that the batch's statistics normalize it.
                var value = emit(
                    .binary(.divide), [emitLayer(layer, as: nil), reshapedScale(folding.scale, kind, path: path)],
                    path: path)
                if let bias {
                    value = emit(.binary(.add), [value, channelsFirst(bias, kind, path: path)], path: path)
                }
                result = unused("\(path)/bn_output")
                normalize(value, normalization, try normalizationParameters(node), as: result, path: path)
            } else {
                let folded = foldedBias(bias, folding.scale, try normalizationParameters(node), path: path)
                let rounded = quantizeBias(folded, weight: weight.carried, data: data[0], settings, path: path)
                result = emitLayer(
                    ModuleLayer(kind: kind, path: path, data: data, weight: weight.value, bias: rounded), as: nil)
            }
        } else {
            let weight = try quantize(plain, .weight, node, settings)
            let rounded = bias.map {
                quantizeBias($0, weight: weight.carried, data: data[0], settings, path: path)
            }
            result = emitLayer(
                ModuleLayer(kind: kind, path: path, data: data, weight: weight.value, bias: rounded), as: nil)
        }
        guard kind.activation != .identity else { return result }
        let activated = unused("\(path)/activated")
        activate(result, kind.activation, path: path, as: activated)
        return activated
    }

    // MARK: Folding

    /// Weight times `gamma / sqrt(running variance + epsilon)` of each output channel, and this scale [M].
    private mutating func fold(
        _ weight: String, _ kind: ModuleKind, _ normalization: BatchNormalizationAttributes, _ parameters: [String],
        path: String
    ) -> (weight: String, scale: String) {
        let epsilon = constant(Tensor(scalar: normalization.epsilon), path: path)
        let deviation = emit(.unary(.sqrt), [emit(.binary(.add), [parameters[3], epsilon], path: path)], path: path)
        let scale = emit(.binary(.divide), [parameters[0], deviation], path: path)
        let rank = source.initializers[weight]?.shape.rank ?? 4
        var extents = [Int64](repeating: 1, count: rank)
        guard case .transposedConvolution(let attributes, _) = kind else {
            extents[0] = -1
            return (emit(.binary(.multiply), [weight, reshape(scale, extents, path: path)], path: path), scale)
        }
        let groups = attributes.convolution.groups
        extents[1] = -1
        guard groups > 1, let shape = source.initializers[weight]?.shape else {
            return (emit(.binary(.multiply), [weight, reshape(scale, extents, path: path)], path: path), scale)
        }
        // [C, M/groups, ...] is [groups, C/groups, M/groups, ...], and the scale [groups, 1, M/groups, 1...].
        let dimensions = shape.dimensions.map { Int64($0) }
        let split = [Int64(groups), dimensions[0] / Int64(groups)] + dimensions.dropFirst()
        let factors = reshape(
            scale, [Int64(groups), 1, dimensions[1]] + [Int64](repeating: 1, count: rank - 2), path: path)
        let product = emit(.binary(.multiply), [reshape(weight, split, path: path), factors], path: path)
        return (reshape(product, dimensions, path: path), scale)
    }

    /// `beta + scale * (bias - running mean)`.
    private mutating func foldedBias(
        _ bias: String?, _ scale: String, _ parameters: [String], path: String
    ) -> String {
        let shift =
            bias.map { emit(.binary(.subtract), [$0, parameters[2]], path: path) }
            ?? emit(.unary(.negate), [parameters[2]], path: path)
        return emit(
            .binary(.add), [parameters[1], emit(.binary(.multiply), [scale, shift], path: path)], path: path)
    }

    private mutating func reshape(_ value: String, _ extents: [Int64], path: String) -> String {
        let shape = constant(Tensor(shape: [extents.count], elements: extents), path: path)
        return emit(.reshape(allowZero: false), [value, shape], path: path)
    }

    private mutating func reshapedScale(_ scale: String, _ kind: ModuleKind, path: String) -> String {
        channelsFirst(scale, kind, path: path)
    }

    /// One element per channel, so that it broadcasts to the layer's result.
    private mutating func channelsFirst(_ value: String, _ kind: ModuleKind, path: String) -> String {
        if case .linear = kind { return value }
        return reshape(value, [1, -1, 1, 1], path: path)
    }
}

// MARK: Rounding

extension ModuleExpander {
    /// What of a module is observed and rounded.
    enum Part: String {
        case weight
        case activation = "act"
    }

    /// Observes and rounds a value.
    ///
    /// - Returns: What computing goes on with, and its scale.
    mutating func quantize(
        _ value: String, _ part: Part, _ node: Node, _ settings: QATSettings, as output: String? = nil
    ) throws(ModuleError) -> (value: String, carried: Carried?) {
        let path = node.modulePath
        let recipe = settings[part]
        var scale: String?
        var zeroPoint: String?
        var carried: Carried?
        if let observer = recipe.observer {
            let prefix = "\(part.rawValue)_observer"
            let outputs = ["scale", "zero_point", "minimum", "maximum"].map { unused("\(path)/\(prefix).\($0)") }
            let state = try parameters(observer.stateKeys.map { "\(prefix).\($0)" }, node)
            let attributes = ObserveAttributes(observer, isEnabled: recipe.observerIsEnabled)
            append(.observe(attributes), [value] + state, outputs: outputs, path: path)
            if recipe.observerIsEnabled, observer.algorithm != .passive {
                note(
                    .observer(
                        path: "\(path).\(prefix)", observer, minimum: outputs[2], maximum: outputs[3], source: value))
            }
            scale = outputs[0]
            if observer.mode == .asymmetric { zeroPoint = outputs[1] }
            carried = Carried(scale: outputs[0], dtype: observer.dtype, mode: observer.mode)
        }
        guard let fakeQuant = recipe.fakeQuant else { return (value, carried) }
        let own = try parameters(fakeQuant.stateKeys.map { "\(part.rawValue)_fake_quant.\($0)" }, node)
        if let parameter = own.first {
            carried = Carried(
                scale: emitScale(parameter, fakeQuant, path: path), dtype: fakeQuant.dtype, mode: .symmetric)
            zeroPoint = fakeQuant.dtype.isUnsigned && own.count > 1 ? own[1] : nil
            scale = parameter
        }
        guard recipe.fakeQuantIsEnabled else { return (value, carried) }
        guard let scale else { throw .noScale(path: path, part: part == .weight ? "weight" : "activation") }
        var inputs = [value, scale] + (zeroPoint.map { [$0] } ?? [])
        if fakeQuant.algorithm == .lsq, own.count > 2 {
            // The factor of the step's gradient comes behind a zero point that may be absent.
            inputs = [value, scale, zeroPoint ?? "", own[2]]
        }
        return (emit(.fakeQuantize(FakeQuantizeAttributes(fakeQuant)), inputs, path: path, as: output), carried)
    }

    private func parameters(_ keys: [String], _ node: Node) throws(ModuleError) -> [String] {
        var result: [String] = []
        for key in keys {
            guard let name = node.parameter(key) else { throw .missingParameter(path: node.modulePath, key: key) }
            result.append(name)
        }
        return result
    }

    /// The scale of a fake quantizer that has its own.
    private mutating func emitScale(_ parameter: String, _ fakeQuant: FakeQuantSpecification, path: String) -> String {
        switch fakeQuant.algorithm {
        case .fakeQuantize: return parameter
        case .tqt:
            return emit(.binary(.power), [constant(Tensor(scalar: Float(2)), path: path), parameter], path: path)
        case .lsq:
            let magnitude = emit(.unary(.absolute), [parameter], path: path)
            return emit(
                .binary(.add), [magnitude, constant(Tensor(scalar: fakeQuant.epsilon), path: path)], path: path)
        }
    }

    /// A bias rounded to multiples of the product of the scales, where the quantized module will do so too.
    ///
    /// Only when both fake quantizers are at work, the data came straight from a QAT module, and all is symmetric in 8 bits.
    private mutating func quantizeBias(
        _ bias: String, weight: Carried?, data: String, _ settings: QATSettings, path: String
    ) -> String {
        guard settings.qconfig.weightFakeQuant != nil, settings.weightFakeQuantIsEnabled,
            settings.qconfig.actFakeQuant != nil, settings.actFakeQuantIsEnabled,
            let weight, let data = carried[data],
            [weight, data].allSatisfy({ $0.mode == .symmetric && [.qint8, .qint8Narrow].contains($0.dtype) })
        else { return bias }
        let scale = emit(.binary(.multiply), [data.scale, weight.scale], path: path)
        return emit(
            .fakeQuantize(FakeQuantizeAttributes(FakeQuantSpecification(dtype: .qint32))), [bias, scale], path: path)
    }
}

extension QATSettings {
    /// The recipes of one part of a module.
    fileprivate subscript(part: ModuleExpander.Part) -> (
        observer: ObserverSpecification?, observerIsEnabled: Bool, fakeQuant: FakeQuantSpecification?,
        fakeQuantIsEnabled: Bool
    ) {
        switch part {
        case .weight:
            (qconfig.weightObserver, weightObserverIsEnabled, qconfig.weightFakeQuant, weightFakeQuantIsEnabled)
        case .activation: (qconfig.actObserver, actObserverIsEnabled, qconfig.actFakeQuant, actFakeQuantIsEnabled)
        }
    }
}
