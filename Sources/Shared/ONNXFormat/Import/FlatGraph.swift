internal import Foundation
internal import Graphs
internal import Tensors

/// The nodes and constants of a graph message after `Constant` nodes became constants, calls of the model's functions
/// were replaced by the functions' bodies, and every `If` whose condition is known by the branch that it takes.
///
/// Nothing is decoded here but conditions: operators that Tare does not have are collected first.
struct FlatGraph {
    /// A node with its unique name.
    struct FlatNode {
        let name: String
        let proto: Onnx_NodeProto
        /// Version of the node's domain.
        let opset: Int
        /// How it is converted; `nil` for one of `unsupported`.
        let conversion: OperatorImport?
        /// The graphs inside the node.
        var bodies: [FlatBody] = []
        /// The inputs of a node with graphs, without what its graphs read from outside.
        var formalInputs: [String] = []
    }

    /// A graph inside a node.
    ///
    /// Its constants are among those of the flat graph, and all its values have names that no other value has.
    struct FlatBody {
        let name: String
        let inputs: [String]
        let nodes: [FlatNode]
        let outputs: [String]
        /// What the file says about the outputs.
        let outputTypes: [TensorType?]
        /// Whether it may be that the graph never runs.
        let isBranch: Bool
    }

    /// The nodes in the order of the file.
    var nodes: [FlatNode] = []
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
        let opset: Int?
        let reason: String?
    }

    private var unsupportedPositions: [UnsupportedKind: Int] = [:]
    private let functions: FunctionLibrary
    /// Names of values; all of the flat graph are different.
    let valueNames: UniqueNames
    /// Names of nodes; all of the flat graph are different.
    let nodeNames: UniqueNames
    /// Nodes and constants of functions that were visited so far, those of graphs inside of them included.
    var expandedCount = 0

    init(
        _ proto: Onnx_GraphProto, opsets: [String: Int], functions: FunctionLibrary, valueNames: UniqueNames
    ) throws(ONNXImportError) {
        self.functions = functions
        self.valueNames = valueNames
        // Names that the file gives stay with the first node that has them, so generated ones must avoid them all.
        self.nodeNames = UniqueNames(taken: [])
        try add(proto, scope: NameScope(prefix: "", opsets: opsets))
    }

    mutating func add(_ graph: Onnx_GraphProto, scope: NameScope) throws(ONNXImportError) {
        if let sparse = graph.sparseInitializer.first {
            throw .invalidTensor(name: sparse.values.name, reason: "sparse constants are not handled; store it densely")
        }
        try countExpanded(graph.initializer.count, in: scope)
        for tensor in graph.initializer {
            guard !tensor.name.isEmpty else { throw .invalidTensor(name: "", reason: "a constant has no name") }
            try addConstant(scope.value(tensor.name), tensor, producer: "an initializer")
        }
        try add(graph.node, scope: scope)
    }

    mutating func add(_ protos: [Onnx_NodeProto], scope: NameScope) throws(ONNXImportError) {
        try countExpanded(protos.count, in: scope)
        let names = nodeNamesInOrder(of: protos, scope: scope)
        // Constants first, so that the condition of an `If` is known wherever its constant stands.
        for (node, name) in zip(protos, names) where Self.isStandard(node, "Constant") {
            try addConstantNode(node, name: name, scope: scope)
        }
        for (node, name) in zip(protos, names) where !Self.isStandard(node, "Constant") {
            try addNode(node, name: name, scope: scope)
        }
    }

    private func nodeNamesInOrder(of nodes: [Onnx_NodeProto], scope: NameScope) -> [String] {
        let given = Set(nodes.map(\.name))
        var seen: Set<String> = []
        return nodes.enumerated().map { position, node in
            if !node.name.isEmpty, seen.insert(node.name).inserted {
                return nodeNames.unique(scope.prefixed(node.name))
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
        _ node: Onnx_NodeProto, name: String, scope: NameScope
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
            tensor = try ConstantNode.tensor(of: scope.withAttributes(node))
        } catch {
            throw refused(error)
        }
        try addConstant(scope.value(node.output[0]), tensor, producer: "node '\(name)'")
    }

    private mutating func addNode(
        _ node: Onnx_NodeProto, name: String, scope: NameScope
    ) throws(ONNXImportError) {
        let flat = scope.resolved(node)
        if Self.isStandard(node, "If") {
            if let branch = try takenBranch(of: flat, name: name) {
                return try inline(branch, of: flat, name: name, in: scope)
            }
        }
        if GraphImporter.canonicalDomain(node.domain).isEmpty,
            let attributes = ControlFamily.graphAttributes(of: node.opType), let opset = scope.opsets[""]
        {
            return try addControl(flat, name: name, graphAttributes: attributes, opset: opset, scope: scope)
        }
        if flat.attribute.contains(where: { $0.hasG || !$0.graphs.isEmpty }) {
            return addUnsupported(
                flat, name: name, scope: scope,
                reason: "it holds a graph of its own; export the model without control flow")
        }
        if let function = functions.function(calledBy: node) {
            return try expand(function.proto, function.key, calledBy: flat, name: name, in: scope)
        }
        let domain = GraphImporter.canonicalDomain(node.domain)
        guard let opset = scope.opsets[domain],
            let conversion = OperatorTable.entry(node.opType, domain: domain, opset: opset)
        else {
            let reason = OperatorTable.refusal(of: node.opType, domain: domain)
            return addUnsupported(flat, name: name, scope: scope, reason: reason)
        }
        nodes.append(FlatNode(name: name, proto: flat, opset: opset, conversion: conversion))
    }

    mutating func addUnsupported(
        _ node: Onnx_NodeProto, name: String, scope: NameScope, reason: String?
    ) {
        let domain = GraphImporter.canonicalDomain(node.domain)
        let opset = scope.opsets[domain]
        nodes.append(FlatNode(name: name, proto: node, opset: opset ?? 0, conversion: nil))
        let kind = UnsupportedKind(domain: domain, opType: node.opType, opset: opset, reason: reason)
        if let known = unsupportedPositions[kind] {
            unsupported[known].nodes.append(name)
        } else {
            unsupportedPositions[kind] = unsupported.count
            unsupported.append(
                .init(domain: domain, name: node.opType, opset: opset, nodes: [name], reason: reason))
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
        _ branch: Onnx_GraphProto, of node: Onnx_NodeProto, name: String, in outer: NameScope
    ) throws(ONNXImportError) {
        // A branch sees the values around it. Its own are visible only in it, so their names may also occur elsewhere.
        var scope = outer.inner(prefix: name + "/")
        let initializers = branch.initializer.map(\.name)
        rename(initializers + branch.node.flatMap(\.output), in: &scope)
        try add(branch, scope: scope)
        for (output, result) in zip(node.output, branch.output) where !output.isEmpty {
            addIdentity(from: scope.value(result.name), to: output, name: "\(name)/\(result.name)", scope: scope)
        }
    }

    /// Gives values of the body of a node names of their own.
    func rename(_ values: [String], in scope: inout NameScope) {
        var own: Set<String> = []
        for value in values where !value.isEmpty && own.insert(value).inserted {
            scope.renamed[value] = valueNames.unique(scope.prefixed(value))
        }
    }

    mutating func addIdentity(from source: String, to output: String, name: String, scope: NameScope) {
        var identity = Onnx_NodeProto()
        identity.opType = "Identity"
        identity.input = [source]
        identity.output = [output]
        nodes.append(
            FlatNode(
                name: nodeNames.unique(name), proto: identity, opset: scope.opsets[""] ?? 1,
                conversion: OperatorTable.entry(identity.opType, domain: "", opset: 1)))
    }
}
