import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// Norms over windows and channels, computed in `Double` and rounded once, and the inverse of a maximum pooling.
    static func pooling(_ op: PoolingOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .norm(let attributes, let order):
            let data = try inputs.required(0)
            let geometry = try poolingGeometry(attributes, data)
            return try normPool(data, geometry, order: order).converted(to: data.elementType)
        case .globalNorm(let order):
            let data = try inputs.required(0)
            guard data.shape.rank >= 3 else {
                throw .shapeMismatch("pooling takes data [N, C, spatial...], not \(data.shape)")
            }
            return globalNormPool(data, order: order).converted(to: data.elementType)
        case .inverseOfMaximum(let kernelShape, let strides, let before, let after):
            return try maximumUnpool(
                inputs, kernelShape: kernelShape, strides: strides, padding: (before, after))
        }
    }

    /// A term of a norm.
    private static func power(_ value: Double, order: Int) -> Double {
        switch order {
        case 1: value.magnitude
        case 2: value * value
        default: pow(value.magnitude, Double(order))
        }
    }

    /// The norm from the sum of its terms.
    private static func root(_ sum: Double, order: Int) -> Double {
        switch order {
        case 1: sum
        case 2: sum.squareRoot()
        default: pow(sum, 1 / Double(order))
        }
    }

    private static func normPool(_ data: Tensor, _ geometry: WindowGeometry, order: Int) throws(KernelError) -> Tensor {
        let table = try WindowTable(geometry)
        let positions = geometry.output.reduce(1, &*)
        return try pool(data, geometry, Double.self) { plane, output in
            let terms = plane.indices.map { power(plane[$0], order: order) }
            for position in 0..<positions {
                var sum = 0.0
                for indices in table.indices where indices[position] >= 0 { sum += terms[Int(indices[position])] }
                output.append(root(sum, order: order))
            }
        }
    }

    private static func globalNormPool(_ data: Tensor, order: Int) -> Tensor {
        let channels = KernelShapes.count(data.shape.dimensions[..<2])
        let size = KernelShapes.count(data.shape.dimensions[2...])
        let norms = data.converted(to: .float64).withElements(as: Double.self) { elements in
            (0..<channels).map { channel in
                var sum = 0.0
                for index in channel * size..<(channel + 1) * size { sum += power(elements[index], order: order) }
                return root(sum, order: order)
            }
        }
        let dimensions = data.shape.dimensions.prefix(2) + data.shape.dimensions.dropFirst(2).map { _ in 1 }
        return Tensor(shape: Shape(Array(dimensions)), elements: norms)
    }

    /// Positions count the elements of the result, as `MaxPool` gives them; where one occurs twice the last element stays.
    private static func maximumUnpool(
        _ inputs: KernelInputs, kernelShape: [Int], strides: [Int], padding: (before: [Int], after: [Int])
    ) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let positions = try inputs.required(1)
        guard data.shape.rank == kernelShape.count + 2, positions.shape == data.shape else {
            throw .shapeMismatch(
                "data \(data.shape) and positions \(positions.shape) do not fit a kernel \(kernelShape)")
        }
        var dimensions = Array(data.shape.dimensions.prefix(2))
        let rank = kernelShape.count
        for axis in 0..<rank {
            let kernel = try WindowGeometry.element(
                kernelShape, axis, rank: rank, missing: 1, minimum: 1, "kernel shape")
            let stride = try WindowGeometry.element(strides, axis, rank: rank, missing: 1, minimum: 1, "stride")
            let before = try WindowGeometry.element(padding.before, axis, rank: rank, missing: 0, minimum: 0, "padding")
            let after = try WindowGeometry.element(padding.after, axis, rank: rank, missing: 0, minimum: 0, "padding")
            let (moved, overflow) = (data.shape[axis + 2] - 1).multipliedReportingOverflow(by: stride)
            guard !overflow, moved < Int.max / 2 else {
                throw .shapeMismatch("the data \(data.shape) with strides \(strides) are too large")
            }
            dimensions.append(moved + kernel - before - after)
        }
        if let given = try inputs.optionalIntegers(2) {
            guard given.count == dimensions.count, given.prefix(2) == dimensions.prefix(2) else {
                throw .shapeMismatch("an output shape \(given) does not fit the data \(data.shape)")
            }
            dimensions = given
        }
        let shape = try KernelShapes.output(dimensions, data.elementType)
        var targets: [Int] = []
        for position in positions.elements(as: Int64.self) {
            guard position >= 0, position < Int64(shape.elementCount) else {
                throw .invalidArgument("position \(position) lies outside a result of shape \(shape)")
            }
            targets.append(Int(position))
        }
        return ElementChoice.place(data, into: Tensor(zeros: shape, elementType: data.elementType), at: targets)
    }
}
