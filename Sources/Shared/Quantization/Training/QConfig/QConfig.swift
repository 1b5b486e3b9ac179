/// What the modules of a network observe and round: four recipes, each of which may be absent.
///
/// A recipe makes an observer or fake quantizer for each module, so modules never share one.
public struct QConfig: Sendable, Hashable, Codable {
    /// Follows weights.
    public var weightObserver: ObserverSpecification?
    /// Follows activations.
    public var actObserver: ObserverSpecification?
    /// Rounds weights.
    public var weightFakeQuant: FakeQuantSpecification?
    /// Rounds activations.
    public var actFakeQuant: FakeQuantSpecification?

    /// Makes a configuration.
    public init(
        weightObserver: ObserverSpecification?, actObserver: ObserverSpecification?,
        weightFakeQuant: FakeQuantSpecification?, actFakeQuant: FakeQuantSpecification?
    ) {
        self.weightObserver = weightObserver
        self.actObserver = actObserver
        self.weightFakeQuant = weightFakeQuant
        self.actFakeQuant = actFakeQuant
    }
}

extension ObserverSpecification {
    /// The last parts of the names of its state in a state dictionary, in the order of an observe node's inputs.
    ///
    /// Each is a float32 tensor [1], the histogram one of its bins (int64 [4097] for the form `exact`); `ObserverState.tensors` gives
    /// them. The scale of a passive observer is among them, because scale and zero point are all it knows.
    public var stateKeys: [String] {
        switch algorithm {
        case .minMax: ["min_val", "max_val"]
        case .exponentialMovingAverage: ["min_val", "max_val", "momentum", "runtime_momentum"]
        case .histogram: ["min_val", "max_val", "histogram"]
        case .passive: ["scale", "zero_point"]
        }
    }
}

extension FakeQuantSpecification {
    /// The last parts of the names of its parameters in a state dictionary; the first is the one that is trained.
    public var stateKeys: [String] {
        switch algorithm {
        case .fakeQuantize: []
        case .tqt: ["scale"]
        case .lsq: ["step_size", "zero_point", "grad_scale"]
        }
    }
}
