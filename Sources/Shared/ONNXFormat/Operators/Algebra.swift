internal import Graphs

/// Products by an equation, determinants and remainders.
enum AlgebraFamily {
    static let imports = [
        OperatorImport("Einsum", since: 12) { (node: inout NodeImport) throws(NodeRefusal) in
            guard let text = try node.attributes.text("equation") else { throw .attribute("equation", "it is missing") }
            guard let equation = EinsumEquation(text) else {
                throw .attribute("equation", "'\(text)' is not letters and '...' per input with one '->' at most")
            }
            return .algebra(.einsum(equation))
        },
        OperatorImport("Det", since: 11, as: .algebra(.determinant)),
        OperatorImport("Mod", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            .algebra(.remainder(hasSignOfDividend: try node.attributes.flag("fmod") ?? false))
        },
    ]
}

extension AlgebraFamily {
    static func export(_ op: AlgebraOperator, to node: inout NodeExport) {
        switch op {
        case .einsum(let equation): node.set("equation", equation.text)
        case .determinant: break
        case .remainder(let hasSignOfDividend): node.set("fmod", hasSignOfDividend)
        }
    }
}
