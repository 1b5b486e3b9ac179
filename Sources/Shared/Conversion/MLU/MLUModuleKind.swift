/// The kinds of layers that the simulated device computes with integers.
///
/// The raw values are the keys of a mapping; the guide's software calls the layers `nn.Linear`, `nn.Conv1d` and so on.
public enum MLUModuleKind: String, Sendable, Hashable, CaseIterable, Codable {
    case linear
    case conv1d
    case conv2d
    case conv3d

    /// The kind of a convolution whose weight has this rank; `nil` when there is none.
    init?(convolutionWeightRank rank: Int) {
        switch rank {
        case 3: self = .conv1d
        case 4: self = .conv2d
        case 5: self = .conv3d
        default: return nil
        }
    }

    /// The class of PyTorch, `Conv2d`.
    public var className: String {
        switch self {
        case .linear: "Linear"
        case .conv1d: "Conv1d"
        case .conv2d: "Conv2d"
        case .conv3d: "Conv3d"
        }
    }
}
