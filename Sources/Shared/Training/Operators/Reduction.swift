import Graphs
import Tensors

extension PlanBuilder {
    func reduce(_ node: Node, _ attributes: ReductionAttributes) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let x = variables[input]
        let axes = try reducedAxes(node, attributes, rank: x.shape.rank)
        guard !axes.isEmpty else { return try alias(node.outputs[0], input) }
        let y = try define(node.outputs[0], .rowMajor)
        let result = variables[y]
        let groups = result.count
        let table = table("groups \(x.shape) \(x.layout) \(axes.sorted())") {
            IndexTable.groups(x.shape, x.layout, reducing: axes)
        }
        switch attributes.function {
        case .maximum, .minimum:
            let positions = addSlot(.arena, byteCount: groups * MemoryLayout<Int32>.stride)
            let smallest = attributes.function == .minimum
            step([x.slot, table, result.slot, positions]) { memory in
                memory.groupExtremes(
                    x.slot, table: table, smallest: smallest, to: result.slot, positions: positions, count: x.count,
                    groups: groups)
            }
            onBackward(of: y) { (builder, dy) in
                let dx = builder.floats(x.count)
                builder.step([positions, dy, dx]) { memory in
                    memory.place(dy, positions: positions, to: dx, groups: groups, count: x.count)
                }
                builder.contribute(dx, to: input)
            }
        default:
            let factor = attributes.function == .mean ? Double(groups) / Double(x.count) : 1
            let sums = doubles(groups)
            step([x.slot, table, sums, result.slot]) { memory in
                memory.groupSums(
                    x.slot, table: table, factor: factor, sums: sums, to: result.slot, count: x.count, groups: groups)
            }
            onBackward(of: y) { (builder, dy) in
                let dx = builder.floats(x.count)
                builder.step([dy, table, dx]) { memory in
                    memory.gather(dy, table: table, to: dx, count: x.count)
                    if factor != 1 { memory.scale(dx, by: Float(factor), to: dx, count: x.count) }
                }
                builder.contribute(dx, to: input)
            }
        }
    }

    private func reducedAxes(
        _ node: Node, _ attributes: ReductionAttributes, rank: Int
    ) throws(TrainingError) -> Set<Int> {
        var given: [Int] = []
        if let name = node.input(1) {
            guard let tensor = constants[name], tensor.elementType == .int64 else {
                throw .unknownShape(node: node.name, operatorName: node.op.name)
            }
            given = tensor.elements(as: Int64.self).map { Int($0) < 0 ? Int($0) + rank : Int($0) }
        }
        if given.isEmpty { return attributes.emptyAxesMeansNone ? [] : Set(0..<rank) }
        return Set(given)
    }
}
