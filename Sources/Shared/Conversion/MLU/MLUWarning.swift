public import Quantization

/// Something about a conversion for the simulated device that a user should know.
public enum MLUWarning: Sendable, Hashable {
    /// A module stays in floating point although it could compute with integers.
    case moduleStaysFloat(node: String, className: String?, reason: String)
    /// A module's path was taken, so it got another.
    case renamedModule(node: String, path: String, wanted: String)
    /// `firstconv` was asked for, but there is no two-dimensional convolution to do it.
    case noFirstConvolution
    /// Values of the specification were given but are not used.
    case unusedOption(key: String, reason: String)
    /// Two modules share a weight; each got its own copy.
    case sharedParameter(name: String, paths: [String])
    /// A scale is 1 for want of a better one.
    case scale(path: String, parameter: String, reason: MLUScaleWarning)
    /// Calls after the limit were not recorded.
    case ignoredCalls(path: String, recorded: Int, ignored: Int)
    /// A file had no bias for the module, so it is zero.
    case zeroBias(path: String)
}

extension MLUWarning: CustomStringConvertible {
    /// The thing, what was done and what it means.
    public var description: String {
        switch self {
        case .moduleStaysFloat(let node, let className?, let reason):
            "Node '\(node)' (\(className)) stays in floating point: \(reason)"
        case .moduleStaysFloat(let node, nil, let reason): "Node '\(node)' stays in floating point: \(reason)"
        case .renamedModule(let node, let path, let wanted):
            "The module of node '\(node)' is '\(path)', because '\(wanted)' is another module's or value's name"
        case .noFirstConvolution:
            "firstconv has no effect: no two-dimensional convolution is converted"
        case .unusedOption(let key, let reason): "\(key) has no effect: \(reason)"
        case .sharedParameter(let name, let paths):
            "The parameter '\(name)' is shared by the modules \(paths.map { "'\($0)'" }.joined(separator: ", ")); "
                + "each has its own copy now"
        case .scale(let path, let parameter, let reason):
            "Module '\(path)': the \(parameter) has scale 1, because \(reason)"
        case .ignoredCalls(let path, let recorded, let ignored):
            "Module '\(path)': \(recorded) call(s) were recorded, \(ignored) more were ignored; raise iteration"
        case .zeroBias(let path): "Module '\(path)': the file has no bias, so it is zero"
        }
    }
}
