import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A matrix product y = a * b with the operands as matrices of equal rank.
    private struct Product {
        let a: Int
        let b: Int
        let y: Int
        let left: StridedShape
        let right: StridedShape
        let result: StridedShape
        /// Whether the variable holds the transposed matrix.
        var leftIsTransposed = false
        var rightIsTransposed = false
        /// Factor of the product.
        var alpha: Float = 1
    }

    func gemm(_ node: Node, _ attributes: GemmAttributes) throws(TrainingError) {
        let a = try form(node.inputs[0], .rowMajor)
        let b = try form(node.inputs[1], .rowMajor)
        var addend: Int?
        if let name = node.input(2) { addend = try form(name, .rowMajor) }
        let y = try define(node.outputs[0], .rowMajor)
        let left = StridedShape(rowMajor: variables[a].shape.dimensions)
        let right = StridedShape(rowMajor: variables[b].shape.dimensions)
        let product = Product(
            a: a, b: b, y: y, left: attributes.transposeA ? left.transposed : left,
            right: attributes.transposeB ? right.transposed : right,
            result: StridedShape(rowMajor: variables[y].shape.dimensions), leftIsTransposed: attributes.transposeA,
            rightIsTransposed: attributes.transposeB, alpha: attributes.alpha)
        try emitForward(product)
        if let addend { try addBroadcast(addend, beta: attributes.beta, to: y) }
        onBackward(of: y) { (builder, dy) throws(TrainingError) in
            if let addend { builder.addendGradient(addend, beta: attributes.beta, dy, of: y) }
            try builder.productGradients(product, dy)
        }
    }

    /// y += beta * addend, broadcast.
    private func addBroadcast(_ addend: Int, beta: Float, to y: Int) throws(TrainingError) {
        var slot = variables[addend].slot
        if beta != 1 {
            let (scaled, count, plain) = (floats(variables[addend].count), variables[addend].count, slot)
            step([plain, scaled]) { memory in memory.scale(plain, by: beta, to: scaled, count: count) }
            slot = scaled
        }
        let target = variables[y]
        var addend = operand(variables[addend], to: target.shape, .rowMajor)
        addend.slot = slot
        step([target.slot, slot, addend.table]) { [addend] memory in
            memory.binary(
                ShimBinary(.add), .init(slot: target.slot), addend, to: target.slot, count: target.count)
        }
    }

    private func addendGradient(_ addend: Int, beta: Float, _ dy: Int, of y: Int) {
        guard variables[addend].needsGradient else { return }
        let (target, result) = (variables[addend], variables[y])
        let isRow = target.count == result.shape[1] && target.shape.dimensions.last == result.shape[1]
        if isRow, beta == 1, result.shape[0] > 0 {
            let (sums, work) = (floats(target.count), doubles(target.count))
            step([dy, sums, work]) { memory in
                memory.columnSums(dy, rows: result.shape[0], channels: result.shape[1], to: sums, work: work)
            }
            contribute(sums, to: addend)
        } else {
            contributeReduced(dy, factor: beta, shape: result.shape, .rowMajor, to: addend)
        }
    }

    func matMul(_ node: Node) throws(TrainingError) {
        let a = try form(node.inputs[0], .rowMajor)
        let b = try form(node.inputs[1], .rowMajor)
        let y = try define(node.outputs[0], .rowMajor)
        var left = variables[a].shape.dimensions
        var right = variables[b].shape.dimensions
        var result = variables[y].shape.dimensions
        if left.count == 1 {
            left.insert(1, at: 0)
            result.insert(1, at: max(result.count - (right.count > 1 ? 1 : 0), 0))
        }
        if right.count == 1 {
            right.append(1)
            result.append(1)
        }
        if right.count == 2 {
            // One matrix for the whole batch: its rows are rows of one product.
            left = [left.dropLast().reduce(1, *), left[left.count - 1]]
            result = [left[0], right[1]]
        }
        let rank = result.count
        left = [Int](repeating: 1, count: max(rank - left.count, 0)) + left
        right = [Int](repeating: 1, count: max(rank - right.count, 0)) + right
        guard rank <= StridedShape.maximumRank else { throw refusal("a product of rank \(rank)") }
        let product = Product(
            a: a, b: b, y: y, left: .init(rowMajor: left), right: .init(rowMajor: right),
            result: .init(rowMajor: result))
        try emitForward(product)
        onBackward(of: y) { (builder, dy) throws(TrainingError) in try builder.productGradients(product, dy) }
    }

    private func emitForward(_ product: Product) throws(TrainingError) {
        let slots = [variables[product.a].slot, variables[product.b].slot, variables[product.y].slot]
        let count = variables[product.y].count
        let primitive = try create { () throws(StepError) in
            try context.matmul(source: product.left, weights: product.right, destination: product.result)
        }
        step(slots) { (memory) throws(StepError) in
            try memory.execute(primitive, slots)
            if product.alpha != 1 { memory.scale(slots[2], by: product.alpha, to: slots[2], count: count) }
        }
    }

    private func productGradients(_ product: Product, _ gradient: Int) throws(TrainingError) {
        guard variables[product.a].needsGradient || variables[product.b].needsGradient else { return }
        var dy = gradient
        if product.alpha != 1 {
            let (scaled, count) = (floats(variables[product.y].count), variables[product.y].count)
            step([gradient, scaled]) { memory in memory.scale(gradient, by: product.alpha, to: scaled, count: count) }
            dy = scaled
        }
        // da = dy * b', db = a' * dy.
        if variables[product.a].needsGradient {
            try addProduct(
                to: product.a, from: (dy, product.result), (variables[product.b].slot, product.right.transposed),
                extents: product.left.extents, isTransposed: product.leftIsTransposed)
        }
        if variables[product.b].needsGradient {
            try addProduct(
                to: product.b, from: (variables[product.a].slot, product.left.transposed), (dy, product.result),
                extents: product.right.extents, isTransposed: product.rightIsTransposed)
        }
    }

    /// Adds the product of two matrices to the gradient of an operand, summed over the axes along which it was broadcast.
    private func addProduct(
        to operand: Int, from left: (slot: Int, matrix: StridedShape),
        _ right: (slot: Int, matrix: StridedShape), extents: [Int], isTransposed: Bool
    ) throws(TrainingError) {
        // The transposed product is the product of the transposed factors in the other order.
        let (first, second) = isTransposed ? (right, left) : (left, right)
        let factors =
            isTransposed
            ? (first.matrix.transposed, second.matrix.transposed) : (first.matrix, second.matrix)
        let extents = isTransposed ? [extents[1], extents[0]] : extents
        var full = extents
        for axis in 0..<extents.count - 2 { full[axis] = max(factors.0.extents[axis], factors.1.extents[axis]) }
        let destination = StridedShape(rowMajor: full)
        let primitive = try create { () throws(StepError) in
            try context.matmul(source: factors.0, weights: factors.1, destination: destination)
        }
        let slot = floats(full.reduce(1, *))
        let slots = [first.slot, second.slot, slot]
        step(slots) { (memory) throws(StepError) in try memory.execute(primitive, slots) }
        if full == extents {
            contribute(slot, to: operand)
        } else {
            contributeReduced(slot, factor: 1, shape: Shape(full), .rowMajor, to: operand, seenAs: Shape(extents))
        }
    }
}
