import Graphs

#if canImport(Glibc)
import Glibc
#endif

/// An activation function of a recurrent operator, with its parameters.
struct RecurrentActivation {
    private let function: (Double) -> Double

    /// The value at `x`, rounded once.
    func callAsFunction<T: Lane & BinaryFloatingPoint>(_ x: T) -> T {
        T(function(Double(x)))
    }

    /// The activations of every direction: `count` per direction, the defaults where the attributes name none.
    static func resolve(
        _ attributes: RecurrentAttributes, directions: Int, defaults: [String]
    ) throws(KernelError) -> [[RecurrentActivation]] {
        let names =
            attributes.activations.isEmpty
            ? [[String]](repeating: defaults, count: directions).flatMap { $0 } : attributes.activations
        guard names.count == defaults.count * directions else {
            throw .invalidArgument("\(names.count) activations where \(defaults.count * directions) are needed")
        }
        var alphas = attributes.activationAlphas[...]
        var betas = attributes.activationBetas[...]
        var activations: [RecurrentActivation] = []
        for name in names { activations.append(try RecurrentActivation(name, &alphas, &betas)) }
        return (0..<directions).map { direction in
            Array(activations[direction * defaults.count..<(direction + 1) * defaults.count])
        }
    }

    /// Makes an activation, taking its parameters from the front of the lists.
    private init(
        _ name: String, _ alphas: inout ArraySlice<Float>, _ betas: inout ArraySlice<Float>
    ) throws(KernelError) {
        func take(_ list: inout ArraySlice<Float>, _ missing: Double?) throws(KernelError) -> Double {
            if let value = list.popFirst() { return Double(value) }
            guard let missing else { throw .invalidArgument("the activation \(name) needs its parameters") }
            return missing
        }
        switch name.lowercased() {
        case "sigmoid": function = { 1 / (1 + exp(-$0)) }
        case "tanh": function = { tanh($0) }
        case "relu": function = { max($0, 0) }
        case "softsign": function = { $0 / (1 + $0.magnitude) }
        case "softplus": function = { max($0, 0) + log1p(exp(-$0.magnitude)) }
        case "affine":
            let (alpha, beta) = (try take(&alphas, nil), try take(&betas, nil))
            function = { alpha * $0 + beta }
        case "scaledtanh":
            let (alpha, beta) = (try take(&alphas, nil), try take(&betas, nil))
            function = { alpha * tanh(beta * $0) }
        case "hardsigmoid":
            let (alpha, beta) = (try take(&alphas, 0.2), try take(&betas, 0.5))
            function = { max(0, min(1, alpha * $0 + beta)) }
        case "leakyrelu":
            let alpha = try take(&alphas, 0.01)
            function = { $0 < 0 ? alpha * $0 : $0 }
        case "thresholdedrelu":
            let alpha = try take(&alphas, 1)
            function = { $0 > alpha ? $0 : 0 }
        case "elu":
            let alpha = try take(&alphas, 1)
            function = { $0 < 0 ? alpha * expm1($0) : $0 }
        default: throw .unsupported("the activation \(name) has no kernel")
        }
    }
}
