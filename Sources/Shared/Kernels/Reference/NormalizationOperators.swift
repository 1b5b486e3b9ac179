import Graphs
import Tensors

extension ReferenceKernels {
    /// Normalizations without a fast kernel; computed in `Double` and rounded once.
    static func normalization(_ op: NormalizationOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        switch op {
        case .instance(let epsilon):
            return try groupNormalization(data, inputs, groups: nil, epsilon: epsilon, scalesGroups: false)
        case .group(let count, let epsilon, let scalesGroups):
            return try groupNormalization(data, inputs, groups: count, epsilon: epsilon, scalesGroups: scalesGroups)
        case .rootMeanSquare(let axis, let epsilon):
            return try rootMeanSquare(data, try inputs.required(1), axis, epsilon)
        case .norm(let axis, let order): return try dividedByNorm(data, axis: axis, order: order)
        case .meanVariance(let axes): return try meanVariance(data, axes: axes)
        case .hardmax(let axis): return try hardmax(data, axis: axis)
        }
    }

    /// Without a number of groups each channel is one.
    private static func groupNormalization(
        _ data: Tensor, _ inputs: KernelInputs, groups: Int?, epsilon: Float, scalesGroups: Bool
    ) throws(KernelError) -> Tensor {
        guard data.shape.rank >= 2 else { throw .shapeMismatch("the data \(data.shape) has no batch and channels") }
        let channels = data.shape[1]
        let groups = groups ?? channels
        guard groups >= 1 || channels == 0, channels % max(groups, 1) == 0 else {
            throw .shapeMismatch("\(channels) channels do not divide into \(groups) groups")
        }
        var parameters: [[Double]] = []
        for index in 1...2 {
            let parameter = try inputs.required(index)
            guard parameter.shape.dimensions == [scalesGroups ? groups : channels] else {
                throw .shapeMismatch("input \(index) of shape \(parameter.shape) does not fit data \(data.shape)")
            }
            parameters.append(parameter.converted(to: .float64).elements(as: Double.self))
        }
        var values = data.converted(to: .float64).elements(as: Double.self)
        guard !values.isEmpty else { return data }
        let runs = data.shape[0] * groups
        standardize(&values, size: values.count / runs, count: runs) { 1 / ($0 + Double(epsilon)).squareRoot() }
        let scaled = scalesGroups ? groups : channels
        let size = values.count / (data.shape[0] * scaled)
        for part in 0..<data.shape[0] * scaled {
            let (scale, bias) = (parameters[0][part % scaled], parameters[1][part % scaled])
            for index in part * size..<(part + 1) * size { values[index] = values[index] * scale + bias }
        }
        return Tensor(shape: data.shape, elements: values).converted(to: data.elementType)
    }

    private static func rootMeanSquare(
        _ data: Tensor, _ scale: Tensor, _ axis: Int, _ epsilon: Float
    ) throws(KernelError) -> Tensor {
        let axis = try KernelShapes.axis(axis, rank: data.shape.rank)
        guard try Broadcasting.shape(of: [scale.shape, data.shape]) == data.shape.dimensions else {
            throw .shapeMismatch("the scale \(scale.shape) does not broadcast to the data \(data.shape)")
        }
        let size = KernelShapes.count(data.shape.dimensions[axis...])
        var values = data.converted(to: .float64).elements(as: Double.self)
        for start in stride(from: 0, to: values.count, by: max(size, 1)) {
            var squares = 0.0
            for index in start..<start + size { squares += values[index] * values[index] }
            let factor = 1 / (squares / Double(size) + Double(epsilon)).squareRoot()
            for index in start..<start + size { values[index] *= factor }
        }
        let result = Tensor(shape: data.shape, elements: values)
        return try combine(result, scale, Double.self, to: scale.elementType) { $0 * $1 }
    }

    private static func dividedByNorm(_ data: Tensor, axis: Int, order: Int) throws(KernelError) -> Tensor {
        let lines = try AxisLines(data.shape, axis: axis)
        var values = data.converted(to: .float64).elements(as: Double.self)
        for start in lines.starts {
            let indices = stride(from: start, to: start + lines.extent * lines.stride, by: lines.stride)
            var norm = 0.0
            for index in indices { norm += order == 1 ? values[index].magnitude : values[index] * values[index] }
            if order != 1 { norm = norm.squareRoot() }
            // What has no direction stays where it is.
            guard norm != 0 else { continue }
            for index in indices { values[index] /= norm }
        }
        return Tensor(shape: data.shape, elements: values).converted(to: data.elementType)
    }

    /// ONNX defines it with a small addend of the standard deviation, not of the variance.
    private static func meanVariance(_ data: Tensor, axes: [Int]) throws(KernelError) -> Tensor {
        let reduced = try KernelShapes.axes(axes, rank: data.shape.rank).sorted()
        let order = data.shape.dimensions.indices.filter { !reduced.contains($0) } + reduced
        let arranged = Shape(order.map { data.shape[$0] })
        let strides = data.shape.rowMajorStrides
        let runs = ElementMoves.gather(data, shape: arranged, strides: order.map { strides[$0] }, offset: 0)
        var values = runs.converted(to: .float64).elements(as: Double.self)
        guard !values.isEmpty else { return data }
        let size = KernelShapes.count(reduced.map { data.shape[$0] }[...])
        standardize(&values, size: size, count: values.count / size) { 1 / ($0.squareRoot() + 1e-9) }
        var back = [Int](repeating: 0, count: order.count)
        for (place, axis) in order.enumerated() { back[axis] = arranged.rowMajorStrides[place] }
        let result = Tensor(shape: arranged, elements: values).converted(to: data.elementType)
        return ElementMoves.gather(result, shape: data.shape, strides: back, offset: 0)
    }

    private static func hardmax(_ data: Tensor, axis: Int) throws(KernelError) -> Tensor {
        let lines = try AxisLines(data.shape, axis: axis)
        guard data.elementCount > 0 else { return data }
        let largest = RankingOperator.extremePosition(isMaximum: true, axis: axis, keepsAxis: true, selectsLast: false)
        let positions = try ranking(largest, KernelInputs(tensors: [data]))[0].elements(as: Int64.self)
        var values = [Float](repeating: 0, count: data.elementCount)
        for (start, position) in zip(lines.starts, positions) { values[start + Int(position) * lines.stride] = 1 }
        return Tensor(shape: data.shape, elements: values).converted(to: data.elementType)
    }
}
