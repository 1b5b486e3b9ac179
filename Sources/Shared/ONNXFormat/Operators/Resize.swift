internal import Graphs
internal import Tensors

/// `Resize` and its predecessor `Upsample`.
enum ResizeFamily {
    static let imports = [
        OperatorImport("Resize", since: 10, resize),
        OperatorImport("Upsample", end: (9, "Resize"), upsample),
    ]

    static let modes: [(String, ResizeAttributes.Mode)] = [
        ("nearest", .nearest), ("linear", .linear), ("cubic", .cubic),
    ]
    static let coordinates: [(String, ResizeAttributes.CoordinateTransformation)] = [
        ("half_pixel", .halfPixel), ("half_pixel_symmetric", .halfPixelSymmetric),
        ("pytorch_half_pixel", .pytorchHalfPixel), ("align_corners", .alignCorners), ("asymmetric", .asymmetric),
        ("tf_crop_and_resize", .cropAndResizeRegion),
    ]
    static let roundings: [(String, ResizeAttributes.NearestRounding)] = [
        ("round_prefer_floor", .roundPreferFloor), ("round_prefer_ceil", .roundPreferCeil), ("floor", .floor),
        ("ceil", .ceil),
    ]
    static let aspectRatios: [(String, ResizeAttributes.AspectRatio)] = [
        ("stretch", .stretch), ("not_larger", .notLarger), ("not_smaller", .notSmaller),
    ]

    @Sendable private static func resize(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset < 11 { return try scalesOnly(&node) }
        var attributes = ResizeAttributes(
            mode: try node.attributes.choice("mode", from: modes) ?? .nearest,
            coordinates: try node.attributes.choice("coordinate_transformation_mode", from: coordinates) ?? .halfPixel,
            nearestRounding: try node.attributes.choice("nearest_mode", from: roundings) ?? .roundPreferFloor,
            cubicCoefficient: try node.attributes.number("cubic_coeff_a") ?? -0.75,
            excludesOutside: try node.attributes.flag("exclude_outside") ?? false,
            extrapolationValue: try node.attributes.number("extrapolation_value") ?? 0)
        if node.opset >= 18 {
            attributes.antialias = try node.attributes.flag("antialias") ?? false
            attributes.axes = try node.attributes.integers("axes")
            attributes.aspectRatio =
                try node.attributes.choice("keep_aspect_ratio_policy", from: aspectRatios) ?? .stretch
        }
        try dropEmptyInputs(&node)
        return .resize(attributes)
    }

    /// Before opset 13 absent inputs were written as constants without elements.
    private static func dropEmptyInputs(_ node: inout NodeImport) throws(NodeRefusal) {
        for index in 1..<max(node.inputs.count, 1) {
            if let constant = node.constantInput(index), constant.elementCount == 0 { node.inputs[index] = "" }
        }
        node.trimInputs()
        guard node.hasInput(2) != node.hasInput(3) else {
            throw .input(2, "exactly one of scales and sizes must be given")
        }
    }

    /// `Upsample`, and `Resize` of opset 10: scales only, coordinates divided by the scale.
    private static func scalesOnly(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let mode: ResizeAttributes.Mode? = try node.attributes.choice(
            "mode", from: [("nearest", .nearest), ("linear", .linear)])
        node.inputs = [node.inputs.first ?? "", "", node.inputs.count > 1 ? node.inputs[1] : ""]
        return .resize(
            ResizeAttributes(mode: mode ?? .nearest, coordinates: .asymmetric, nearestRounding: .floor))
    }

    @Sendable private static func upsample(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset < 9 {
            guard let scales = try node.attributes.numbers("scales") else {
                throw .attribute("scales", "it is missing")
            }
            node.setInput(1, role: "scales", to: Tensor(shape: Shape([scales.count]), elements: scales))
        }
        return try scalesOnly(&node)
    }
}

extension ResizeFamily {
    static func minimumOpset(_ attributes: ResizeAttributes) -> Int {
        if attributes.coordinates == .halfPixelSymmetric { return 19 }
        let isNew = attributes.antialias || attributes.axes != nil || attributes.aspectRatio != .stretch
        return isNew ? 18 : 13
    }

    static func export(_ attributes: ResizeAttributes, to node: inout NodeExport) {
        node.set("mode", attributes.mode, from: modes)
        node.set("coordinate_transformation_mode", attributes.coordinates, from: coordinates)
        if attributes.mode == .nearest {
            node.set("nearest_mode", attributes.nearestRounding, from: roundings)
        }
        if attributes.mode == .cubic { node.set("cubic_coeff_a", attributes.cubicCoefficient) }
        if attributes.excludesOutside { node.set("exclude_outside", true) }
        if attributes.extrapolationValue != 0 { node.set("extrapolation_value", attributes.extrapolationValue) }
        guard node.opset >= 18 else { return }
        if attributes.antialias { node.set("antialias", true) }
        if let axes = attributes.axes { node.set("axes", axes) }
        if attributes.aspectRatio != .stretch {
            node.set("keep_aspect_ratio_policy", attributes.aspectRatio, from: aspectRatios)
        }
    }
}
