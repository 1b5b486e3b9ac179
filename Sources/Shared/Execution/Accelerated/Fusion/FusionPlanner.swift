import Graphs
import Tensors

/// Finds nodes that oneDNN computes together.
///
/// A value disappears only when it is neither observed nor a graph output and nothing else reads it.
struct FusionPlanner {
    /// The graph.
    let resolved: ResolvedGraph
    private let kept: Set<String>
    /// Positions of the live nodes that read each value, one entry per read.
    private var readers: [String: [Int]] = [:]

    /// Prepares the search.
    init(resolved: ResolvedGraph, observed: Set<String>) {
        self.resolved = resolved
        kept = observed.union(resolved.graph.outputs.map(\.name))
        for index in resolved.liveNodes {
            for name in resolved.graph.nodes[index].inputs where !name.isEmpty {
                readers[name, default: []].append(index)
            }
        }
    }

    /// All live nodes, in the order in which their steps run.
    func groups() -> [FusedGroup] {
        var taken: Set<Int> = []
        var groups: [FusedGroup] = []
        // Convolutions and products first, backwards: of two that meet in an addition the later one takes it, because
        // the other operand is then there already.
        for index in resolved.liveNodes.reversed() where acceptance(of: node(index)).isProduct {
            var group = FusedGroup(node: index)
            extend(&group, taken: taken)
            taken.formUnion(group.nodes)
            groups.append(group)
        }
        for index in resolved.liveNodes where !taken.contains(index) {
            var group = FusedGroup(node: index)
            if let pattern = quantizationPair(startingAt: index, taken: taken)
                ?? patternStarting(at: index, taken: taken)
            {
                group = pattern
            } else {
                extend(&group, taken: taken)
            }
            taken.formUnion(group.nodes)
            groups.append(group)
        }
        return groups.sorted { ($0.nodes.last ?? 0) < ($1.nodes.last ?? 0) }
    }

    /// The node at a position.
    func node(_ index: Int) -> Node { resolved.graph.nodes[index] }

    /// The only read of a value that may disappear.
    func onlyReader(of value: String) -> Int? {
        guard !kept.contains(value), let all = readers[value], all.count == 1 else { return nil }
        return all[0]
    }

    /// The two reads of a value that may disappear, ascending.
    func twoReaders(of value: String) -> (Int, Int)? {
        guard !kept.contains(value), let all = readers[value], all.count == 2, all[0] != all[1] else { return nil }
        return (all[0], all[1])
    }

    /// All live reads of a value.
    func allReaders(of value: String) -> [Int] { readers[value] ?? [] }

    // MARK: Chains

    private enum Acceptance {
        case nothing
        case relu
        case eltwise
        /// What follows the integers of a module of the simulated device: clamps and one addition.
        case clampsAndAddition
        case everything

        /// Whether the node is a convolution or a matrix product.
        var isProduct: Bool { self == .everything || self == .clampsAndAddition }
    }

    private func acceptance(of node: Node) -> Acceptance {
        switch node.op {
        case .convolution, .transposedConvolution, .matMul, .gemm: .everything
        case .mlu: node.input(.scale) == nil ? .everything : .clampsAndAddition
        case .binary, .variadic: .eltwise
        case .batchNormalization: .relu
        default: .nothing
        }
    }

    private func extend(_ group: inout FusedGroup, taken: Set<Int>) {
        let anchor = node(group.anchor)
        let accepted = acceptance(of: anchor)
        guard accepted != .nothing, anchor.outputs.count == 1 || anchor.outputs.dropFirst().allSatisfy(\.isEmpty),
            var current = anchor.outputs.first, resolved.types[current]?.elementType == .float32
        else { return }
        while let next = nextOperation(after: current, group: group, accepted: accepted),
            taken.isDisjoint(with: next.nodes), accepted == .clampsAndAddition || !repeatsFunction(of: group, in: next)
        {
            group.nodes += next.nodes
            if let normalization = next.batchNormalization { group.batchNormalization = normalization }
            group.operations += next.operations
            current = next.output
        }
        group.nodes.sort()
        group.output = current
    }

    /// oneDNN 2.6 gives the second of two functions of one kind (say, relu and leaky relu after one convolution) the
    /// parameters of the first.
    private func repeatsFunction(of group: FusedGroup, in next: FusedGroup) -> Bool {
        func codes(_ operations: [FusedGroup.Operation]) -> Set<Int32> {
            Set(operations.compactMap { if case .eltwise(let function) = $0 { function.code } else { nil } })
        }
        return !codes(group.operations).isDisjoint(with: codes(next.operations))
    }

    private func nextOperation(after current: String, group: FusedGroup, accepted: Acceptance) -> FusedGroup? {
        if accepted != .relu, accepted != .clampsAndAddition, let pattern = pattern(on: current) { return pattern }
        guard let index = onlyReader(of: current) else { return nil }
        let reader = node(index)
        guard let output = reader.outputs.first, reader.outputs.count == 1 else { return nil }
        var next = FusedGroup(node: index)
        next.output = output
        switch reader.op {
        case .batchNormalization(let attributes):
            guard accepted == .everything, group.nodes.count == 1, !attributes.trainingMode,
                isFoldable(reader, into: node(group.anchor))
            else { return nil }
            next.batchNormalization = index
        case .unary, .element, .clip:
            guard let function = eltwiseFunction(of: reader) else { return nil }
            if accepted == .relu, function != .relu { return nil }
            if accepted == .clampsAndAddition, !takesClamp(function, after: group.operations) { return nil }
            next.operations = [.eltwise(function)]
        case .binary, .variadic:
            guard accepted.isProduct, let operation = combination(in: reader, with: current, group: group)
            else { return nil }
            if accepted == .clampsAndAddition {
                guard case .value(.add, _) = operation else { return nil }
            }
            next.operations = [operation]
        default: return nil
        }
        return next
    }

    /// Whether a module's integers can be clamped by a function: once before and once after the addition.
    private func takesClamp(_ function: EltwiseFunction, after operations: [FusedGroup.Operation]) -> Bool {
        if case .eltwise? = operations.last { return false }
        return function.clampBounds != nil
    }

    private func isFoldable(_ normalization: Node, into anchor: Node) -> Bool {
        switch anchor.op {
        case .convolution, .transposedConvolution, .mlu(.convolution): break
        default: return false
        }
        guard let weights = anchor.input(1).flatMap({ resolved.constants[$0] }), weights.elementType == .float32
        else { return false }
        if let bias = anchor.input(2), resolved.constants[bias] == nil { return false }
        return (1...4).allSatisfy { index in
            normalization.input(index).flatMap { resolved.constants[$0] }?.elementType == .float32
        }
    }

    private func combination(in reader: Node, with current: String, group: FusedGroup) -> FusedGroup.Operation? {
        guard reader.inputs.count == 2, let algorithm = reader.op.binaryAlgorithm,
            let shape = resolved.types[current]?.shape
        else { return nil }
        let currentIsFirst = reader.inputs[0] == current
        let isCommutative = algorithm != .subtract && algorithm != .divide
        guard currentIsFirst || isCommutative else { return nil }
        let other = reader.inputs[currentIsFirst ? 1 : 0]
        guard let type = resolved.types[other], type.elementType == .float32 else { return nil }
        if let constant = resolved.constants[other] {
            guard shape.isBroadcastTarget(of: constant.shape) else { return nil }
            if let value = constant.singleFloat {
                switch algorithm {
                case .add: return .eltwise(.linear(scale: 1, shift: value))
                case .subtract: return .eltwise(.linear(scale: 1, shift: -value))
                case .multiply: return .eltwise(.linear(scale: value, shift: 0))
                default: break
                }
            }
            return .constant(algorithm, other)
        }
        let hasValue = group.operations.contains { if case .value = $0 { true } else { false } }
        guard type.shape == shape, !hasValue else { return nil }
        return .value(algorithm, other)
    }

    /// The function of a unary or clip node, when oneDNN has it.
    func eltwiseFunction(of node: Node) -> EltwiseFunction? {
        switch node.op {
        case .unary(let function): return EltwiseFunction(function)
        case .element(let function): return EltwiseFunction(function)
        case .clip:
            guard let data = node.input(0), resolved.types[data]?.elementType == .float32 else { return nil }
            var bounds: (lower: Float, upper: Float) = (-.infinity, .infinity)
            if let name = node.input(1) {
                guard let value = resolved.constants[name]?.singleFloat else { return nil }
                bounds.lower = value
            }
            if let name = node.input(2) {
                guard let value = resolved.constants[name]?.singleFloat else { return nil }
                bounds.upper = value
            }
            // oneDNN takes no bounds that cross.
            guard bounds.lower <= bounds.upper else { return nil }
            return .clip(lower: bounds.lower, upper: bounds.upper)
        default: return nil
        }
    }
}

extension Operator {
    /// The function of two elements that a binary or variadic operator with two inputs computes.
    var binaryAlgorithm: BinaryAlgorithm? {
        switch self {
        case .binary(let function):
            switch function {
            case .add: .add
            case .subtract: .subtract
            case .multiply: .multiply
            case .divide: .divide
            case .power, .parametricRelu: nil
            }
        case .variadic(let function):
            switch function {
            case .sum: .add
            case .minimum: .minimum
            case .maximum: .maximum
            case .mean: nil
            }
        default: nil
        }
    }
}

extension Shape {
    /// Whether a tensor of `shape` broadcasts to this shape.
    func isBroadcastTarget(of shape: Shape) -> Bool {
        guard shape.rank <= rank else { return false }
        return zip(shape.dimensions.reversed(), dimensions.reversed()).allSatisfy { $0 == 1 || $0 == $1 }
    }
}
