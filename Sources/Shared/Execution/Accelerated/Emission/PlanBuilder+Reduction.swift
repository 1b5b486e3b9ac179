import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Mean, sum, maximum or minimum along constant axes.
    func emitReduction(_ node: Node, _ attributes: ReductionAttributes) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]), input.rank >= 1,
            let axes = reducedAxes(node, attributes, rank: input.rank), !axes.isEmpty
        else { return false }
        if attributes.function == .maximum || attributes.function == .minimum {
            return try emitExtremes(
                node, isMaximum: attributes.function == .maximum, axes: axes, input: input, output: output)
        }
        guard let algorithm = ReductionAlgorithm(attributes.function) else { return false }
        let isGlobalMean =
            (3...5).contains(input.rank) && axes == Set(2..<input.rank) && algorithm == .mean
        if isGlobalMean {
            let layout = StridedShape(rowMajor: output.dimensions)
            return try emitPooling(
                node, .whole(Array(input.dimensions.dropFirst(2))), .average, input, output, resultLayout: layout)
        }
        let source = try rowMajorForm(of: node.inputs[0])
        let extents = input.dimensions.indices.map { axes.contains($0) ? 1 : input[$0] }
        let reduced = StridedShape(rowMajor: extents)
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.reduction(algorithm, source: source.layout, destination: reduced)
            })
        else { return false }
        let target = newForm(StridedShape(rowMajor: output.dimensions))
        append(.primitive(primitive, [source.position, target.position]))
        try define(node.outputs[0], [target])
        return true
    }

    /// The largest or smallest elements: one step for each group of neighbouring axes, the last group first.
    private func emitExtremes(
        _ node: Node, isMaximum: Bool, axes: Set<Int>, input: Shape, output: Shape
    ) throws(ExecutionError) -> Bool {
        guard axes.allSatisfy(input.dimensions.indices.contains) else { return false }
        var (extents, remaining) = (input.dimensions, axes.sorted())
        var form = try rowMajorForm(of: node.inputs[0])
        while let last = remaining.popLast() {
            var first = last
            while remaining.last == first - 1 { first = remaining.removeLast() }
            let count = extents[first...last].reduce(1, *)
            let inner = extents[(last + 1)...].reduce(1, *)
            for axis in first...last { extents[axis] = 1 }
            let target = newForm(StridedShape(rowMajor: remaining.isEmpty ? output.dimensions : extents))
            append(
                .extremes(
                    ExtremesStep(
                        source: form.position, result: target.position, isMaximum: isMaximum,
                        outer: extents[..<first].reduce(1, *), count: count, inner: inner)))
            form = target
        }
        try define(node.outputs[0], [form])
        return true
    }

    private func reducedAxes(_ node: Node, _ attributes: ReductionAttributes, rank: Int) -> Set<Int>? {
        guard node.input(1) != nil else {
            return attributes.emptyAxesMeansNone ? [] : Set(0..<rank)
        }
        guard let axes = constant(node.input(1))?.integers else { return nil }
        if axes.isEmpty { return attributes.emptyAxesMeansNone ? [] : Set(0..<rank) }
        return Set(axes.map { $0 < 0 ? $0 + rank : $0 })
    }

    /// Nearest or linear interpolation of the spatial axes where the library's coordinates are ONNX's.
    func emitResize(_ node: Node, _ attributes: ResizeAttributes) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            (3...5).contains(input.rank), input[0] == output[0], input[1] == output[1], attributes.axes == nil,
            attributes.aspectRatio == .stretch, !attributes.antialias, !attributes.excludesOutside
        else { return false }
        let isFollowed = (2..<input.rank).allSatisfy { axis in
            followsLibrary(attributes, input: input[axis], output: output[axis])
        }
        guard isFollowed, scalesAreRatios(node, input: input, output: output) else { return false }
        let source = try channelsLastForm(of: node.inputs[0])
        let layout = StridedShape(channelsLast: output.dimensions)
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.resampling(
                    source: source.layout, destination: layout, linear: attributes.mode == .linear)
            })
        else { return false }
        let target = newForm(layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(node.outputs[0], [target])
        return true
    }

    /// Whether half-pixel coordinates with the library's rounding select what ONNX selects along one axis.
    private func followsLibrary(_ attributes: ResizeAttributes, input: Int, output: Int) -> Bool {
        if input == output { return true }
        switch attributes.mode {
        case .linear:
            return attributes.coordinates == .halfPixel
                || attributes.coordinates == .pytorchHalfPixel && output > 1
        case .nearest:
            // Enlarging by a whole factor never meets a tie: every rule gives the containing element.
            guard output % input == 0 else { return false }
            switch (attributes.coordinates, attributes.nearestRounding) {
            case (.asymmetric, .floor): return true
            case (.halfPixel, .roundPreferFloor), (.halfPixel, .roundPreferCeil): return true
            case (.asymmetric, .roundPreferFloor): return output / input == 2
            default: return false
            }
        case .cubic: return false
        }
    }

    /// Whether the scales are exactly the ratios of the extents, which the library uses.
    private func scalesAreRatios(_ node: Node, input: Shape, output: Shape) -> Bool {
        if node.input(3) != nil { return true }
        guard let scales = constant(node.input(2)), scales.elementType == .float32 else { return false }
        let values = scales.elements(as: Float.self)
        guard values.count == input.rank else { return false }
        return input.dimensions.indices.allSatisfy { Float(input[$0]) * values[$0] == Float(output[$0]) }
    }
}

extension ReductionAlgorithm {
    /// The library's form of a reduction; `nil` when it has none.
    init?(_ function: ReductionFunction) {
        switch function {
        case .mean: self = .mean
        case .sum: self = .sum
        case .minimum, .maximum, .l2Norm, .sumOfSquares, .l1Norm, .product, .logarithmOfSum,
            .logarithmOfSumOfExponentials:
            return nil
        }
    }
}
