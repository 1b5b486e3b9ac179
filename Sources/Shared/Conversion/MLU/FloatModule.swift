public import Graphs
public import Tensors

/// A float layer of a graph that could become a module of the simulated device.
public struct FloatModule: Sendable {
    /// The module's path, `layer1.0.conv1`; unique in the graph.
    public internal(set) var path: String
    /// What it is.
    public let kind: MLUModuleKind
    /// Name of the class in the program that the graph was exported from; `nil` when unknown.
    public let className: String?
    /// Whether that class is not PyTorch's own class of this kind.
    public let isUserDefined: Bool
    /// What the device is to compute.
    public let op: MLUOperator
    /// float32 [M, C/groups, kernel...] or [N, K].
    public let weight: Tensor
    /// float32 [M] or [N].
    public let bias: Tensor?
    /// float32 [1, C, 1, 1] in units of 0...255, for the convolution that `firstconv` chose.
    public internal(set) var inputMean: Tensor?
    /// The same for the deviation.
    public internal(set) var inputStd: Tensor?
    /// Where the graph calls it, in node order; several times when its parameters are used more than once.
    var calls: [Call]

    /// One use of the layer.
    struct Call: Sendable, Hashable {
        /// Position of the node that multiplies.
        var node: Int
        /// Position of the node that adds the bias, when it is one of its own.
        var addition: Int?
        /// Name of the activation.
        var data: String
        /// Name of the result.
        var output: String
    }

    /// Channels of the data that a convolution takes; the last extent that a linear layer takes.
    public var inputChannels: Int {
        switch op {
        case .convolution(let attributes): weight.shape[1] * attributes.groups
        case .linear: weight.shape[1]
        }
    }
}

/// A node that computes what a layer computes, before it is known which layer it belongs to.
struct FloatModuleCandidate {
    let kind: MLUModuleKind
    let op: MLUOperator
    let weightName: String
    let weight: Tensor
    let biasName: String?
    let bias: Tensor?
    let origin: ModuleOrigin?
    let call: FloatModule.Call

    /// What two calls of one module have in common.
    struct Identity: Hashable {
        let path: String
        let op: MLUOperator
        let weight: String
        let bias: String?
    }

    func identity(path: String) -> Identity {
        Identity(path: path, op: op, weight: weightName, bias: biasName)
    }

    /// Whether the class is not PyTorch's own of this kind; unknown classes are taken for PyTorch's.
    var isUserDefined: Bool {
        guard let origin else { return false }
        return origin.className != kind.className
            || !(origin.package.isEmpty || origin.package == "torch.nn" || origin.package.hasPrefix("torch.nn."))
    }
}
