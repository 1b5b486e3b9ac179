import CKernels
import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Finds the kernel of every live module, so that what comes before it knows which integers it reads.
    func prepareModules() throws(ExecutionError) {
        for index in resolved.liveNodes {
            let node = resolved.graph.nodes[index]
            for name in node.inputs where !name.isEmpty { modules.readers[name, default: []].append(index) }
            for name in node.outputs where !name.isEmpty { modules.producers[name] = index }
        }
        for index in resolved.liveNodes {
            guard case .mlu(let op) = resolved.graph.nodes[index].op else { continue }
            modules.kernels[index] = try kernel(of: index, op)
        }
    }

    /// The kernel of a module; `nil` when it is being calibrated or only the reference kernel takes it.
    private func kernel(of index: Int, _ op: MLUOperator) throws(ExecutionError) -> ModuleKernel? {
        let node = resolved.graph.nodes[index]
        var inputs: [Tensor?] = [nil]
        for name in node.inputs.dropFirst() {
            guard !name.isEmpty else {
                inputs.append(nil)
                continue
            }
            guard let constant = resolved.constants[name] else { return nil }
            inputs.append(constant)
        }
        let parameters: MLUParameters
        do throws(KernelError) {
            guard let checked = try MLUParameters(op, inputs: inputs, arithmetic: arithmetic) else { return nil }
            parameters = checked
        } catch {
            throw .node(name: node.name, operatorName: node.op.name, reason: error)
        }
        guard let data = floatShape(node.input(0)), let output = floatShape(node.outputs[0]), data.elementCount > 0,
            output.elementCount > 0, parameters.weight.elementCount > 0,
            constant(node.input(0)) == nil
        else { return nil }
        switch op {
        case .convolution(let attributes):
            return try convolutionKernel(index, attributes, parameters, data, output)
        case .linear:
            return try linearKernel(index, parameters, data, output)
        }
    }

    private func convolutionKernel(
        _ index: Int, _ attributes: ConvolutionAttributes, _ parameters: MLUParameters, _ data: Shape, _ output: Shape
    ) throws(ExecutionError) -> ModuleKernel? {
        let node = resolved.graph.nodes[index]
        let weight = parameters.weight
        let spatial = Array(output.dimensions.dropFirst(2))
        guard (3...5).contains(data.rank), weight.shape.rank == data.rank,
            let window = SlidingWindow(
                kernel: Array(weight.shape.dimensions.dropFirst(2)), strides: attributes.strides,
                dilations: attributes.dilations, padding: attributes.padding,
                input: Array(data.dimensions.dropFirst(2)), output: spatial),
            window.paddingBefore.allSatisfy({ $0 >= 0 })
        else { return nil }
        let source = QuantizedForm(
            value: node.inputs[0], scale: parameters.scales.input, elementType: parameters.scales.elementType,
            isChannelsLast: true)
        let bands = try convolutionBands(
            index, source, parameters, window: window, groups: attributes.groups, data: data, output: output)
        return ModuleKernel(
            parameters: parameters, bands: bands, source: source, output: output,
            rows: output.elementCount / output[1], node: index)
    }

    private func convolutionBands(
        _ index: Int, _ source: QuantizedForm, _ parameters: MLUParameters, window: SlidingWindow, groups: Int,
        data: Shape, output: Shape
    ) throws(ExecutionError) -> [ModuleBand] {
        let usesLibrary = source.elementType == .int8 && IntegerArithmetic.isLibraryExact
        let key = weights.key(of: index, isShared: hasSharedWeights(index))
        let isUnsigned = isNeverNegative(source.value) && parameters.mean == nil
        // Equal parts share a kernel.
        var primitives: [BandGeometry: OneDNNPrimitive] = [:]
        var bands: [ModuleBand] = []
        for (geometry, place) in BandGeometry.bands(
            data: data.dimensions, output: output.dimensions, window: window,
            bytesPerSum: source.elementType.sumByteCount)
        {
            var product = ModuleBand.Product.own(
                IntegerWindow(
                    window: geometry.window, groups: groups, data: Shape(geometry.source), outputChannels: output[1],
                    output: Array(geometry.destination.dropFirst(2))))
            if usesLibrary {
                let convolution = ConvolutionPrimitive(
                    source: StridedShape(channelsLast: geometry.source),
                    destination: StridedShape(channelsLast: geometry.destination), window: geometry.window,
                    groups: groups, isTransposed: false, weights: quantizedWeights(parameters, index), key: key,
                    bias: nil, postOperations: [])
                let primitive =
                    if let known = primitives[geometry] {
                        known
                    } else {
                        try create({ () throws(OneDNNError) in
                            try context.integerConvolution(convolution, sourceIsUnsigned: isUnsigned)
                        })
                    }
                if let primitive {
                    primitives[geometry] = primitive
                    product = .library(primitive)
                }
            }
            let rows = geometry.destination[0] * geometry.destination.dropFirst(2).reduce(1, *)
            bands.append(
                ModuleBand(
                    sourceOffset: place.sourceOffset, firstRow: place.firstRow, rows: rows, product: product))
        }
        return bands
    }

    private func linearKernel(
        _ index: Int, _ parameters: MLUParameters, _ data: Shape, _ output: Shape
    ) throws(ExecutionError) -> ModuleKernel? {
        let node = resolved.graph.nodes[index]
        guard data.rank >= 2, data.rank <= StridedShape.maximumRank else { return nil }
        let (inputs, outputs) = (data[data.rank - 1], output[output.rank - 1])
        let rows = data.elementCount / inputs
        let source = QuantizedForm(
            value: node.inputs[0], scale: parameters.scales.input, elementType: parameters.scales.elementType,
            isChannelsLast: false)
        var band = ModuleBand(
            sourceOffset: 0, firstRow: 0, rows: rows,
            product: .own(IntegerWindow(rows: rows, inputs: inputs, outputs: outputs)))
        if source.elementType == .int8, IntegerArithmetic.isLibraryExact {
            let quantized = quantizedWeights(parameters, index)
            let key = weights.key(of: index, isShared: hasSharedWeights(index))
            let isUnsigned = isNeverNegative(node.inputs[0])
            if let primitive = try create({ () throws(OneDNNError) in
                try context.integerMatmul(
                    source: StridedShape(rowMajor: [rows, inputs]),
                    destination: StridedShape(rowMajor: [rows, outputs]), weights: quantized, key: key,
                    sourceIsUnsigned: isUnsigned)
            }) {
                band.product = .library(primitive)
            }
        }
        return ModuleKernel(
            parameters: parameters, bands: [band], source: source, output: output, rows: rows, node: index)
    }

    /// The module's weights as integers.
    func quantizedWeights(_ parameters: MLUParameters, _ index: Int) -> Tensor {
        moduleWeights.quantized(parameters, position: index, isShared: hasSharedWeights(index))
    }

    /// Whether a module has the same integers as weights in all plans: neither they nor their scales follow from shapes.
    func hasSharedWeights(_ index: Int) -> Bool {
        let node = resolved.graph.nodes[index]
        return resolved.areInitializers([node.input(.weight), node.input(.scale), node.input(.quantizedMode)])
    }

    /// Whether no element of a value can be below zero; then its int8 form fits uint8.
    func isNeverNegative(_ value: String) -> Bool {
        guard let index = modules.producers[value] else { return false }
        let node = resolved.graph.nodes[index]
        switch node.op {
        case .unary(.relu): return true
        case .clip:
            // The upper bound wins when they cross.
            return isNotNegative(bound: node.input(1), whenAbsent: false)
                && isNotNegative(bound: node.input(2), whenAbsent: true)
        case .maxPool(let attributes):
            // The maximum of padding alone is minus infinity, as is that of nothing.
            guard integerPoolingWindow(node, attributes) != nil else { return false }
        case .globalMaxPool:
            guard let input = floatShape(node.input(0)), input.elementCount > 0 else { return false }
        case .averagePool, .globalAveragePool, .reshape, .flatten, .identity, .dropout, .transpose, .squeeze,
            .unsqueeze:
            break
        default: return false
        }
        return node.input(0).map { isNeverNegative($0) } ?? false
    }

    private func isNotNegative(bound name: String?, whenAbsent: Bool) -> Bool {
        guard let name else { return whenAbsent }
        return constant(name)?.singleFloat.map { $0 >= 0 } ?? false
    }
}

extension ElementType {
    /// Bytes of a sum of products of integers of this type.
    var sumByteCount: Int { self == .int16 ? MemoryLayout<Int64>.stride : MemoryLayout<Int32>.stride }
}
