internal import Graphs

/// Operators that sample, pool and select regions of images.
enum VisionFamily {
    static let imports = [
        OperatorImport("GridSample", since: 16) { (node: inout NodeImport) throws(NodeRefusal) in
            .vision(
                .gridSample(
                    GridSampleAttributes(
                        mode: try node.attributes.choice("mode", from: node.opset < 20 ? oldModes : modes) ?? .linear,
                        padding: try node.attributes.choice("padding_mode", from: paddings) ?? .zeros,
                        alignsCorners: try node.attributes.flag("align_corners") ?? false)))
        },
        OperatorImport("AffineGrid", since: 20) { (node: inout NodeImport) throws(NodeRefusal) in
            .vision(.affineGrid(alignsCorners: try node.attributes.flag("align_corners") ?? false))
        },
        OperatorImport("RoiAlign", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            let hasHalfCenters =
                node.opset >= 16
                ? try node.attributes.choice("coordinate_transformation_mode", from: centers) ?? true : false
            return .vision(
                .regionAlign(
                    RegionAlignAttributes(
                        height: try extent(&node, "output_height"), width: try extent(&node, "output_width"),
                        averages: try node.attributes.choice("mode", from: [("avg", true), ("max", false)]) ?? true,
                        samplingRatio: try node.attributes.integer("sampling_ratio") ?? 0,
                        scale: try scale(&node),
                        pixelsHaveHalfCenters: hasHalfCenters)))
        },
        OperatorImport("MaxRoiPool") { (node: inout NodeImport) throws(NodeRefusal) in
            guard let shape = try node.attributes.integers("pooled_shape"), shape.count == 2,
                shape.allSatisfy({ (1...1 << 15).contains($0) })
            else { throw .attribute("pooled_shape", "it must be two extents from 1 to 32768") }
            return .vision(
                .maximumRegionPool(height: shape[0], width: shape[1], scale: try scale(&node)))
        },
        OperatorImport("Col2Im", since: 18) { (node: inout NodeImport) throws(NodeRefusal) in
            .vision(.columnsToImage(try window(&node, kernel: nil, groups: 1)))
        },
        OperatorImport("DeformConv", since: 19) { (node: inout NodeImport) throws(NodeRefusal) in
            let groups = try node.attributes.integer("group") ?? 1
            return .vision(
                .deformableConvolution(
                    try window(&node, kernel: try node.attributes.integers("kernel_shape"), groups: groups),
                    offsetGroups: try node.attributes.integer("offset_group") ?? 1))
        },
        OperatorImport("NonMaxSuppression", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            .vision(.nonMaximumSuppression(boxesAreCenters: try node.attributes.flag("center_point_box") ?? false))
        },
    ]

    private static func scale(_ node: inout NodeImport) throws(NodeRefusal) -> Float {
        let scale = try node.attributes.number("spatial_scale") ?? 1
        guard scale.isFinite else { throw .attribute("spatial_scale", "it should be finite but is \(scale)") }
        return scale
    }

    private static let oldModes: [(String, GridSampleAttributes.Mode)] = [
        ("bilinear", .linear), ("nearest", .nearest), ("bicubic", .cubic),
    ]
    fileprivate static let modes: [(String, GridSampleAttributes.Mode)] = [
        ("linear", .linear), ("nearest", .nearest), ("cubic", .cubic),
    ]
    fileprivate static let paddings: [(String, GridSampleAttributes.Padding)] = [
        ("zeros", .zeros), ("border", .border), ("reflection", .reflection),
    ]
    fileprivate static let centers = [("half_pixel", true), ("output_half_pixel", false)]

    private static func extent(_ node: inout NodeImport, _ name: String) throws(NodeRefusal) -> Int {
        let extent = try node.attributes.integer(name) ?? 1
        guard (1...1 << 15).contains(extent) else { throw .attribute(name, "it must be from 1 to 32768") }
        return extent
    }

    private static func window(
        _ node: inout NodeImport, kernel: [Int]?, groups: Int
    ) throws(NodeRefusal) -> ConvolutionAttributes {
        let pads = try node.attributes.integers("pads") ?? []
        guard pads.count.isMultiple(of: 2) else { throw .attribute("pads", "it must have two numbers for each axis") }
        return ConvolutionAttributes(
            kernelShape: kernel, strides: try node.attributes.integers("strides") ?? [],
            dilations: try node.attributes.integers("dilations") ?? [],
            padding: .explicit(
                before: Array(pads.prefix(pads.count / 2)), after: Array(pads.suffix(pads.count / 2))), groups: groups)
    }
}

extension VisionFamily {
    static func minimumOpset(_ op: VisionOperator) -> Int {
        switch op {
        case .gridSample, .affineGrid: 20
        case .deformableConvolution: 19
        case .columnsToImage: 18
        case .regionAlign: 16
        case .maximumRegionPool, .nonMaximumSuppression: 13
        }
    }

    static func export(_ op: VisionOperator, to node: inout NodeExport) {
        switch op {
        case .gridSample(let attributes):
            node.set("mode", attributes.mode, from: modes)
            node.set("padding_mode", attributes.padding, from: paddings)
            node.set("align_corners", attributes.alignsCorners)
        case .affineGrid(let alignsCorners): node.set("align_corners", alignsCorners)
        case .regionAlign(let attributes):
            node.set("output_height", attributes.height)
            node.set("output_width", attributes.width)
            node.set("mode", attributes.averages ? "avg" : "max")
            node.set("sampling_ratio", attributes.samplingRatio)
            node.set("spatial_scale", attributes.scale)
            node.set("coordinate_transformation_mode", attributes.pixelsHaveHalfCenters, from: centers)
        case .maximumRegionPool(let height, let width, let scale):
            node.set("pooled_shape", [height, width])
            node.set("spatial_scale", scale)
        case .columnsToImage(let window): export(window, to: &node)
        case .deformableConvolution(let window, let offsetGroups):
            export(window, to: &node)
            node.set("group", window.groups)
            node.set("offset_group", offsetGroups)
        case .nonMaximumSuppression(let boxesAreCenters): node.set("center_point_box", boxesAreCenters)
        }
    }

    private static func export(_ window: ConvolutionAttributes, to node: inout NodeExport) {
        if let kernel = window.kernelShape { node.set("kernel_shape", kernel) }
        if !window.strides.isEmpty { node.set("strides", window.strides) }
        if !window.dilations.isEmpty { node.set("dilations", window.dilations) }
        if case .explicit(let before, let after) = window.padding, !before.isEmpty { node.set("pads", before + after) }
    }
}
