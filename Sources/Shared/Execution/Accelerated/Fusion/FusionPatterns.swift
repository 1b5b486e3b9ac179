import Graphs
import Tensors

/// Functions of one value that exporters spell out in several nodes.
extension FusionPlanner {
    /// The pattern whose first node is `index`, when its input is a value that stays.
    func patternStarting(at index: Int, taken: Set<Int>) -> FusedGroup? {
        for input in node(index).inputs where resolved.constants[input] == nil {
            guard let pattern = pattern(on: input, mayStay: true), pattern.nodes.contains(index),
                taken.isDisjoint(with: pattern.nodes)
            else { continue }
            return pattern
        }
        return nil
    }

    /// The pattern that is everything that happens to `value`, or, when the value may stay, something that happens to it.
    func pattern(on value: String, mayStay: Bool = false) -> FusedGroup? {
        guard resolved.types[value]?.elementType == .float32 else { return nil }
        let candidates: [Int]
        if let (first, second) = twoReaders(of: value) {
            candidates = [first, second]
        } else if mayStay {
            candidates = allReaders(of: value)
        } else {
            return nil
        }
        for first in candidates {
            guard let found = gated(value, by: first) ?? gelu(value, from: first) else { continue }
            // Every read of a value that disappears must lie in the pattern.
            if !mayStay, !Set(candidates).isSubset(of: found.nodes) { continue }
            return found
        }
        return nil
    }

    /// `x * sigmoid(x)` and `x * hardSigmoid(x)`.
    private func gated(_ value: String, by index: Int) -> FusedGroup? {
        let gate = node(index)
        let function: EltwiseFunction
        switch gate.op {
        case .unary(.sigmoid): function = .swish
        case .unary(.hardSigmoid(let alpha, let beta)) where alpha == Float(1) / 6 && beta == 0.5:
            function = .hardSwish
        default: return nil
        }
        guard let product = onlyReader(of: gate.outputs[0]), isProduct(node(product), of: value, and: gate.outputs[0])
        else { return nil }
        return group([index, product], input: value, function: function)
    }

    /// `x * (erf(x / sqrt(2)) + 1) * 0.5` in the orders in which exporters multiply.
    private func gelu(_ value: String, from index: Int) -> FusedGroup? {
        let scaling = node(index)
        let root = Float(2).squareRoot()
        let isScaled =
            switch scaling.op {
            case .binary(.divide): scaling.inputs[0] == value && isConstant(scaling.inputs[1], near: root)
            case .binary(.multiply): other(scaling, than: value).map { isConstant($0, near: 1 / root) } ?? false
            default: false
            }
        guard isScaled, let erf = onlyReader(of: scaling.outputs[0]), case .unary(.erf) = node(erf).op,
            let addition = onlyReader(of: node(erf).outputs[0]), case .binary(.add) = node(addition).op,
            let one = other(node(addition), than: node(erf).outputs[0]), isConstant(one, near: 1),
            let next = onlyReader(of: node(addition).outputs[0]), case .binary(.multiply) = node(next).op,
            let factor = other(node(next), than: node(addition).outputs[0])
        else { return nil }
        let start = [index, erf, addition, next]
        if factor == value {
            guard let last = onlyReader(of: node(next).outputs[0]), isHalving(node(last), of: node(next).outputs[0])
            else { return nil }
            return group(start + [last], input: value, function: .gelu)
        }
        if isConstant(factor, near: 0.5) {
            guard let last = onlyReader(of: node(next).outputs[0]),
                isProduct(node(last), of: value, and: node(next).outputs[0])
            else { return nil }
            return group(start + [last], input: value, function: .gelu)
        }
        // x / 2 was computed beside.
        guard let half = allReaders(of: value).first(where: { node($0).outputs.first == factor }),
            isHalving(node(half), of: value), onlyReader(of: factor) == next
        else { return nil }
        return group(start + [half], input: value, function: .gelu)
    }

    private func group(_ nodes: [Int], input: String, function: EltwiseFunction) -> FusedGroup? {
        let sorted = nodes.sorted()
        guard let first = sorted.first, let last = sorted.last, let output = node(last).outputs.first else {
            return nil
        }
        var group = FusedGroup(node: first)
        group.nodes = sorted
        group.operations = [.eltwise(function)]
        group.output = output
        group.patternInput = input
        return group
    }

    private func isHalving(_ node: Node, of value: String) -> Bool {
        switch node.op {
        case .binary(.multiply): other(node, than: value).map { isConstant($0, near: 0.5) } ?? false
        case .binary(.divide): node.inputs[0] == value && isConstant(node.inputs[1], near: 2)
        default: false
        }
    }

    private func isProduct(_ node: Node, of first: String, and second: String) -> Bool {
        guard case .binary(.multiply) = node.op else { return false }
        return node.inputs == [first, second] || node.inputs == [second, first]
    }

    /// The other operand of a binary node.
    private func other(_ node: Node, than value: String) -> String? {
        guard node.inputs.count == 2 else { return nil }
        if node.inputs[0] == value { return node.inputs[1] }
        return node.inputs[1] == value ? node.inputs[0] : nil
    }

    private func isConstant(_ name: String, near expected: Float) -> Bool {
        guard let value = resolved.constants[name]?.singleFloat else { return false }
        return abs(value - expected) <= 1e-6 * abs(expected)
    }
}
