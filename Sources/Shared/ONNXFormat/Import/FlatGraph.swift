internal import Foundation
internal import Graphs
internal import Tensors

/// An operator that a model file defines by a graph.
struct LocalFunction: Hashable {
    /// Domain of the operator.
    let domain: String
    /// Name of the operator.
    let name: String
}

/// The nodes and constants of a graph message after `Constant` nodes became constants and every `If` whose condition is
/// known was replaced by the branch that it takes.
///
/// Nothing is decoded here but conditions: operators that Tare does not have are collected first.
struct FlatGraph {
    /// A node with its unique name.
    struct FlatNode {
        let name: String
        let proto: Onnx_NodeProto
        /// How it is converted; `nil` for one of `unsupported`.
        let conversion: OperatorImport?
    }

    /// The nodes in the order of the file.
    private(set) var nodes: [FlatNode] = []
    /// Constants by name.
    private(set) var constants: [String: Onnx_TensorProto] = [:]
    /// Names of the constants in the order of the file.
    private(set) var constantNames: [String] = []
    /// Operators that Tare does not have, in the order of their first node.
    private(set) var unsupported: [ONNXImportError.UnsupportedOperator] = []

    /// What is reported together.
    private struct UnsupportedKind: Hashable {
        let domain: String
        let opType: String
        let reason: String?
    }

    private var unsupportedPositions: [UnsupportedKind: Int] = [:]
    private let opsets: [String: Int]
    private let functions: Set<LocalFunction>
    private let valueNames: UniqueNames
    private let nodeNames: UniqueNames

    init(
        _ proto: Onnx_GraphProto, opsets: [String: Int], functions: Set<LocalFunction>, valueNames: UniqueNames
    ) throws(ONNXImportError) {
        self.opsets = opsets
        self.functions = functions
        self.valueNames = valueNames
        // Names that the file gives stay with the first node that has them, so generated ones must avoid them all.
        self.nodeNames = UniqueNames(taken: [])
        let given = Set(proto.node.map(\.name))
        try add(proto, scope: Scope(prefix: "", renamed: [:]), given: given)
    }

    /// How the names of a branch map to names of the flat graph.
    private struct Scope {
        /// Goes before node names.
        let prefix: String
        /// Values of the branch under their new names; others belong to the graph around it.
        var renamed: [String: String]

        func value(_ name: String) -> String { renamed[name] ?? name }
    }

    private mutating func add(
        _ graph: Onnx_GraphProto, scope: Scope, given: Set<String>
    ) throws(ONNXImportError) {
        if let sparse = graph.sparseInitializer.first {
            throw .invalidTensor(name: sparse.values.name, reason: "sparse constants are not handled; store it densely")
        }
        for tensor in graph.initializer {
            guard !tensor.name.isEmpty else { throw .invalidTensor(name: "", reason: "a constant has no name") }
            try addConstant(scope.value(tensor.name), tensor, producer: "an initializer")
        }
        let names = nodeNamesInOrder(of: graph, scope: scope, given: given)
        // Constants first, so that the condition of an `If` is known wherever its constant stands.
        for (node, name) in zip(graph.node, names) where Self.isStandard(node, "Constant") {
            try addConstantNode(node, name: name, scope: scope)
        }
        for (node, name) in zip(graph.node, names) where !Self.isStandard(node, "Constant") {
            try addNode(node, name: name, scope: scope)
        }
    }

    private func nodeNamesInOrder(of graph: Onnx_GraphProto, scope: Scope, given: Set<String>) -> [String] {
        var seen: Set<String> = []
        return graph.node.enumerated().map { position, node in
            if !node.name.isEmpty, seen.insert(node.name).inserted {
                return nodeNames.unique(scope.prefix + node.name)
            }
            var candidate = node.name.isEmpty ? "\(node.opType)_\(position)" : node.name + "_\(position)"
            while given.contains(candidate) { candidate += "_" }
            return nodeNames.unique(scope.prefix + candidate)
        }
    }

    private static func isStandard(_ node: Onnx_NodeProto, _ opType: String) -> Bool {
        GraphImporter.canonicalDomain(node.domain).isEmpty && node.opType == opType
    }

    private mutating func addConstant(
        _ name: String, _ tensor: Onnx_TensorProto, producer: String
    ) throws(ONNXImportError) {
        guard constants.updateValue(tensor, forKey: name) == nil else {
            throw .invalidGraph(.duplicateProducer(value: name, first: "a constant", second: producer))
        }
        constantNames.append(name)
    }

    private mutating func addConstantNode(
        _ node: Onnx_NodeProto, name: String, scope: Scope
    ) throws(ONNXImportError) {
        func refused(_ refusal: NodeRefusal) -> ONNXImportError {
            .unsupportedAttributes([
                .init(node: name, operatorName: "Constant", attribute: refusal.subject, reason: refusal.reason)
            ])
        }
        guard node.output.count == 1, !node.output[0].isEmpty else {
            throw refused(.output(0, "a constant has exactly one output"))
        }
        let tensor: Onnx_TensorProto
        do {
            tensor = try ConstantNode.tensor(of: node)
        } catch {
            throw refused(error)
        }
        try addConstant(scope.value(node.output[0]), tensor, producer: "node '\(name)'")
    }

    private mutating func addNode(
        _ node: Onnx_NodeProto, name: String, scope: Scope
    ) throws(ONNXImportError) {
        let domain = GraphImporter.canonicalDomain(node.domain)
        var flat = node
        flat.input = node.input.map(scope.value)
        flat.output = node.output.map(scope.value)
        if Self.isStandard(node, "If") {
            if let branch = try takenBranch(of: flat, name: name) {
                return try inline(branch, of: flat, name: name, in: scope)
            }
            return addUnsupported(
                flat, name: name, domain: domain,
                reason: "its condition is computed at run time; export the model without control flow")
        }
        if node.attribute.contains(where: { $0.hasG || !$0.graphs.isEmpty }) {
            return addUnsupported(
                flat, name: name, domain: domain,
                reason: "it holds a graph of its own; export the model without control flow")
        }
        if functions.contains(LocalFunction(domain: domain, name: node.opType)) {
            return addUnsupported(
                flat, name: name, domain: domain,
                reason: "the model defines it as a function; inline functions first, for example with onnx.inliner")
        }
        guard domain.isEmpty, let opset = opsets[""],
            let conversion = OperatorTable.entry(node.opType, opset: opset)
        else { return addUnsupported(flat, name: name, domain: domain, reason: nil) }
        nodes.append(FlatNode(name: name, proto: flat, conversion: conversion))
    }

    private mutating func addUnsupported(_ node: Onnx_NodeProto, name: String, domain: String, reason: String?) {
        nodes.append(FlatNode(name: name, proto: node, conversion: nil))
        let kind = UnsupportedKind(domain: domain, opType: node.opType, reason: reason)
        if let known = unsupportedPositions[kind] {
            unsupported[known].nodes.append(name)
        } else {
            unsupportedPositions[kind] = unsupported.count
            unsupported.append(
                .init(domain: domain, name: node.opType, opset: opsets[domain], nodes: [name], reason: reason))
        }
    }

    /// The branch that an `If` takes; `nil` when its condition is not a constant.
    private func takenBranch(
        of node: Onnx_NodeProto, name: String
    ) throws(ONNXImportError) -> Onnx_GraphProto? {
        guard let condition = node.input.first, let proto = constants[condition] else { return nil }
        let tensor = try TensorDecoder(externalData: nil).tensor(from: proto, name: condition)
        guard tensor.elementType == .bool, tensor.elementCount == 1 else {
            throw .invalidTensor(name: condition, reason: "the condition of '\(name)' should be one bool")
        }
        let taken = tensor.elements(as: Bool.self) == [true] ? "then_branch" : "else_branch"
        guard let attribute = node.attribute.first(where: { $0.name == taken }), attribute.hasG,
            attribute.g.output.count >= node.output.count
        else {
            throw .unsupportedAttributes([
                .init(
                    node: name, operatorName: "If", attribute: "attribute '\(taken)'",
                    reason: "it is missing or has fewer outputs than the node")
            ])
        }
        return attribute.g
    }

    /// Puts the nodes of a branch in place of the `If`.
    private mutating func inline(
        _ branch: Onnx_GraphProto, of node: Onnx_NodeProto, name: String, in outer: Scope
    ) throws(ONNXImportError) {
        // A branch sees the values around it. Its own are visible only in it, so their names may also occur elsewhere.
        var scope = Scope(prefix: name + "/", renamed: outer.renamed)
        var own: Set<String> = []
        for value in branch.initializer.map(\.name) + branch.node.flatMap(\.output)
        where !value.isEmpty && own.insert(value).inserted {
            scope.renamed[value] = valueNames.unique("\(name)/\(value)")
        }
        try add(branch, scope: scope, given: Set(branch.node.map(\.name)))
        for (output, result) in zip(node.output, branch.output) where !output.isEmpty {
            var identity = Onnx_NodeProto()
            identity.opType = "Identity"
            identity.input = [scope.value(result.name)]
            identity.output = [output]
            let identityName = nodeNames.unique("\(name)/\(result.name)")
            let conversion = OperatorTable.entry(identity.opType, opset: opsets[""] ?? 1)
            nodes.append(FlatNode(name: identityName, proto: identity, conversion: conversion))
        }
    }
}
