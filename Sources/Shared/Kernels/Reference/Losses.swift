import Graphs
import Tensors

extension ReferenceKernels {
    /// Losses of classes, summed in `Double` over samples and positions in row-major order.
    static func loss(_ op: LossOperator, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        let scores = try inputs.required(0)
        let classes = try inputs.required(1)
        let shape = scores.shape
        guard shape.rank >= 2,
            classes.shape.dimensions == Array(shape.dimensions[..<1] + shape.dimensions[2...])
        else { throw .shapeMismatch("classes \(classes.shape) do not fit scores \(shape)") }
        let weights = inputs.optional(2)
        if let weights, weights.shape.dimensions != [shape[1]] {
            throw .shapeMismatch("weights \(weights.shape) are not one for each of \(shape[1]) classes")
        }
        var logarithms = scores.converted(to: .float64)
        if case .crossEntropy = op {
            logarithms = try softmax(axis: 1, logarithm: true, KernelInputs(tensors: [logarithms]))
        }
        let losses = try losses(
            logarithms, classes: classes.converted(to: .int64).elements(as: Int64.self),
            weights: weights?.converted(to: .float64).elements(as: Double.self), ignoredClass: op.ignoredClass)
        let result =
            switch op.reduction {
            case .none: Tensor(shape: classes.shape, elements: losses.each)
            case .sum: Tensor(scalar: losses.each.reduce(0, +))
            case .mean: Tensor(scalar: losses.each.reduce(0, +) / losses.weight)
            }
        return [result.converted(to: scores.elementType), logarithms.converted(to: scores.elementType)]
    }

    /// The weighted losses, 0 for the ignored class, and the sum of the weights of the others.
    private static func losses(
        _ logarithms: Tensor, classes: [Int64], weights: [Double]?, ignoredClass: Int?
    ) throws(KernelError) -> (each: [Double], weight: Double) {
        let count = logarithms.shape[1]
        let inner = KernelShapes.count(logarithms.shape.dimensions[2...])
        let values = logarithms.elements(as: Double.self)
        var each: [Double] = []
        var total = 0.0
        for (place, given) in classes.enumerated() {
            if let ignoredClass, given == Int64(ignoredClass) {
                each.append(0)
                continue
            }
            guard given >= 0, given < Int64(count) else {
                throw .invalidArgument("class \(given) lies outside \(count) classes and is not ignored")
            }
            let weight = weights?[Int(given)] ?? 1
            let position = (place / inner * count + Int(given)) * inner + place % inner
            each.append(-weight * values[position])
            total += weight
        }
        return (each, total)
    }
}
