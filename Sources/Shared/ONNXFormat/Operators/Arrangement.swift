internal import Graphs
internal import Tensors

/// Operators that repeat, move and make elements by their position alone.
enum ArrangementFamily {
    static let imports = [
        OperatorImport("Tile", since: 6, as: .arrangement(.tile)),
        OperatorImport("DepthToSpace") { (node: inout NodeImport) throws(NodeRefusal) in
            let modes = [("DCR", true), ("CRD", false)]
            let blocksFirst = node.opset >= 11 ? try node.attributes.choice("mode", from: modes) ?? true : true
            return .arrangement(.depthToSpace(blockSize: try blockSize(&node), blocksFirst: blocksFirst))
        },
        OperatorImport("SpaceToDepth") { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(.spaceToDepth(blockSize: try blockSize(&node)))
        },
        OperatorImport("Trilu", since: 14) { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(.triangle(isUpper: try node.attributes.flag("upper") ?? true))
        },
        OperatorImport("ReverseSequence", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(
                .reverseSequence(
                    timeAxis: try node.attributes.integer("time_axis") ?? 0,
                    batchAxis: try node.attributes.integer("batch_axis") ?? 1))
        },
        OperatorImport("CenterCropPad", since: 18) { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(.centerCropOrPad(axes: try node.attributes.integers("axes")))
        },
        OperatorImport("EyeLike", since: 9) { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(
                .identityMatrix(
                    offset: try node.attributes.integer("k") ?? 0, elementType: try elementType(&node, "dtype")))
        },
        OperatorImport("Range", since: 11, as: .arrangement(.range)),
        OperatorImport("OneHot", since: 9) { (node: inout NodeImport) throws(NodeRefusal) in
            .arrangement(.oneHot(axis: try node.attributes.integer("axis") ?? -1))
        },
        OperatorImport("Size", as: .arrangement(.size)),
        OperatorImport("CastLike", since: 15) { (node: inout NodeImport) throws(NodeRefusal) in
            // How values beyond the range of an 8-bit float become one; there are no such types here.
            _ = try node.attributes.flag("saturate")
            _ = try node.attributes.text("round_mode")
            return .arrangement(.castLike)
        },
    ]

    private static func blockSize(_ node: inout NodeImport) throws(NodeRefusal) -> Int {
        guard let size = try node.attributes.integer("blocksize"), (1...1 << 15).contains(size) else {
            throw .attribute("blocksize", "it must be given, from 1 to 32768")
        }
        return size
    }

    private static func elementType(
        _ node: inout NodeImport, _ name: String
    ) throws(NodeRefusal) -> ElementType? {
        guard let code = try node.attributes.integer(name) else { return nil }
        guard let type = ElementType(onnxCode: code) else {
            throw .attribute(name, "Tare has no element type with the code \(code)")
        }
        return type
    }
}

extension ArrangementFamily {
    static func minimumOpset(_ op: ArrangementOperator) -> Int {
        switch op {
        case .centerCropOrPad: 18
        case .castLike: 15
        case .triangle: 14
        case .tile, .depthToSpace, .spaceToDepth, .reverseSequence, .identityMatrix, .range, .oneHot, .size: 13
        }
    }

    static func export(_ op: ArrangementOperator, to node: inout NodeExport) {
        switch op {
        case .depthToSpace(let size, let blocksFirst):
            node.set("blocksize", size)
            node.set("mode", blocksFirst ? "DCR" : "CRD")
        case .spaceToDepth(let size): node.set("blocksize", size)
        case .triangle(let isUpper): node.set("upper", isUpper)
        case .reverseSequence(let timeAxis, let batchAxis):
            node.set("time_axis", timeAxis)
            node.set("batch_axis", batchAxis)
        case .centerCropOrPad(let axes): if let axes { node.set("axes", axes) }
        case .identityMatrix(let offset, let type):
            node.set("k", offset)
            if let type { node.set("dtype", type.onnxCode) }
        case .oneHot(let axis): node.set("axis", axis)
        case .tile, .range, .size, .castLike: break
        }
    }
}
