internal import Conversion
internal import Graphs
internal import Quantization
internal import Tensors

extension Network: CustomStringConvertible {
    /// The layers as a tree of their paths: names with their family, extents, and what QAT modules are made of.
    public var description: String {
        let root = LayerTree()
        var seen: Set<String> = []
        for node in graph.nodes {
            guard let path = node.module?.path, seen.insert(path).inserted else { continue }
            root.insert(path.split(separator: ".").map(String.init)[...], LayerDescription(node, in: graph).lines)
        }
        return (["Network("] + root.lines + [")"]).joined(separator: "\n")
    }
}

/// Layers below a common path.
private final class LayerTree {
    private var order: [String] = []
    private var children: [String: LayerTree] = [:]
    private var own: [String] = []

    func insert(_ path: ArraySlice<String>, _ lines: [String]) {
        guard let name = path.first else {
            own = lines
            return
        }
        if children[name] == nil {
            children[name] = LayerTree()
            order.append(name)
        }
        children[name]?.insert(path.dropFirst(), lines)
    }

    var lines: [String] {
        order.flatMap { name -> [String] in
            guard let child = children[name] else { return [] }
            var block = child.own.isEmpty ? ["Module("] + child.lines + [")"] : child.own
            block[0] = "(\(name)): \(block[0])"
            return block.map { "  " + $0 }
        }
    }
}

/// One layer.
private struct LayerDescription {
    let lines: [String]

    init(_ node: Node, in graph: Graph) {
        guard case .module(let module) = node.op else {
            lines = ["\(node.module?.className ?? node.op.name)()"]
            return
        }
        func shape(_ key: String) -> [Int]? {
            node.parameter(key).flatMap { graph.initializers[$0]?.shape.dimensions }
        }
        let prefix = module.kind.layerPrefix
        var weight = shape(prefix + "weight")
        if case .quantized = module.family {
            // As upstream writes it: a quantized Linear says nothing of its extents.
            if case .linear = module.kind { weight = nil } else { weight = shape("weight") }
        }
        let extents = Self.extents(module.kind, weight: weight)
        guard case .qat(let settings) = module.family else {
            lines = ["\(module.name)(\(extents))"]
            return
        }
        var inner: [String] = []
        if module.kind.fusion?.batchNormalization != nil {
            let channels = shape("bn.weight").map { "\($0[0])" } ?? ""
            inner.append("(\(prefix.dropLast())): \(Self.layerName(module.kind))(\(extents))")
            inner.append("(bn): \(module.kind.name.hasSuffix("1d") ? "BatchNorm1d" : "BatchNorm2d")(\(channels))")
        }
        for part in [ModulePart.activation, .weight] {
            let (observer, fakeQuant) = settings.qconfig[part]
            if let observer { inner.append("(\(part.rawValue)_observer): \(observer.className)()") }
            if let fakeQuant { inner.append("(\(part.rawValue)_fake_quant): \(fakeQuant.algorithm.rawValue)()") }
        }
        let own = module.kind.fusion?.batchNormalization == nil ? extents : ""
        lines = ["\(module.name)(\(own)"] + inner.map { "  " + $0 } + [")"]
    }

    private static func layerName(_ kind: ModuleKind) -> String {
        switch kind {
        case .transposedConvolution: "ConvTranspose2d"
        case .linear: "Linear"
        default: "Conv2d"
        }
    }

    private static func extents(_ kind: ModuleKind, weight: [Int]?) -> String {
        guard let weight else { return "" }
        switch kind {
        case .convolution(let attributes, _, _):
            return "\(weight[1] * attributes.groups), \(weight[0]), kernel_size=(\(weight[2]), \(weight[3]))"
        case .transposedConvolution(let attributes, _):
            return "\(weight[0]), \(weight[1] * attributes.convolution.groups), "
                + "kernel_size=(\(weight[2]), \(weight[3]))"
        case .linear: return "in_features=\(weight[1]), out_features=\(weight[0])"
        default: return ""
        }
    }
}
