public import Graphs
public import Tensors

/// What a node asks of the device, counted from shapes alone.
public struct NodeWork: Sendable, Hashable {
    /// The number formats in which products are made.
    public enum Arithmetic: String, Sendable, Hashable, Codable {
        case int8
        case int16
        case float32
    }

    /// Products with accumulation.
    public var products = 0
    /// Their format.
    public var arithmetic = Arithmetic.float32
    /// Elements that float operators touch.
    public var elements = 0
    /// Bytes read from memory.
    public var bytesRead = 0
    /// Bytes written to memory.
    public var bytesWritten = 0

    /// No work.
    public init() {}

    /// Counts the work of a node.
    ///
    /// Products: those of convolutions, matrix products and recurrent layers. Elements: those of the result for element-wise
    /// operators and copies, window elements for pooling, four per element for normalizations and softmax. Bytes: all inputs
    /// and outputs once; weights of quantized modules with 1 or 2 bytes each.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - inputs: Types of its inputs; `nil` is an absent one.
    ///   - outputs: Types of its outputs; `nil` is one that nobody wants.
    ///   - arithmetic: The format of its products.
    public init(_ node: Node, inputs: [Operand?], outputs: [Operand?], arithmetic: Arithmetic) {
        self.arithmetic = arithmetic
        let result = outputs.first.flatMap { $0 }?.shape ?? []
        let data = inputs.first.flatMap { $0 }?.shape ?? []
        let weight = inputs.count > 1 ? inputs[1]?.shape : nil
        bytesRead = inputs.reduce(0) { $0 + ($1?.byteCount ?? 0) }
        bytesWritten = outputs.reduce(0) { $0 + ($1?.byteCount ?? 0) }
        switch node.op {
        case .convolution, .mlu(.convolution):
            products = result.elementCount * (weight.map { $0.elementCount / max($0[0], 1) } ?? 0)
        case .transposedConvolution:
            products = data.elementCount * (weight.map { $0.elementCount / max($0[0], 1) } ?? 0)
        case .mlu(.linear), .gemm, .matMul:
            products = result.elementCount * Self.innerExtent(node.op, data: data)
        case .lstm, .gru, .rnn:
            let recurrence = inputs.count > 2 ? inputs[2]?.shape.elementCount ?? 0 : 0
            let steps = data.rank == 3 ? data[0] * data[1] : 0
            products = steps * ((weight?.elementCount ?? 0) + recurrence)
            elements = 8 * result.elementCount
        case .averagePool(let attributes), .maxPool(let attributes):
            elements = result.elementCount * attributes.kernelShape.reduce(1, *)
        case .globalAveragePool, .globalMaxPool, .reduce:
            elements = data.elementCount
        case .batchNormalization, .layerNormalization, .localResponseNormalization, .softmax, .logSoftmax:
            elements = 4 * result.elementCount
        default:
            elements = result.elementCount
        }
        if case .mlu = node.op {
            // The module quantizes its input and dequantizes its result; weights lie on the device as integers.
            elements += data.elementCount + result.elementCount
            let width = arithmetic == .int16 ? 2 : 1
            if let weight, let stored = inputs[1] { bytesRead += weight.elementCount * width - stored.byteCount }
        }
    }

    /// Length of the sums of a matrix product.
    private static func innerExtent(_ op: Operator, data: Shape) -> Int {
        guard data.rank >= 1 else { return 0 }
        if case .gemm(let attributes) = op, attributes.transposeA { return data[0] }
        return data[data.rank - 1]
    }

    /// Type and shape of a value.
    public struct Operand: Sendable, Hashable {
        /// Type of the elements.
        public var elementType: ElementType
        /// Extents.
        public var shape: Shape

        /// Describes a value.
        public init(elementType: ElementType, shape: Shape) {
            self.elementType = elementType
            self.shape = shape
        }

        /// The type of a tensor.
        public init(_ tensor: Tensor) {
            self.init(elementType: tensor.elementType, shape: tensor.shape)
        }

        /// Size of all elements.
        public var byteCount: Int { shape.elementCount * elementType.byteCount }
    }

    /// Cycles for the products and elements.
    public func computeCycles(on model: DeviceModel) -> Int {
        let rate =
            switch arithmetic {
            case .int8: model.int8ProductsPerCycle
            case .int16: model.int16ProductsPerCycle
            case .float32: model.float32ProductsPerCycle
            }
        return Int((Double(products) / rate + Double(elements) / model.elementsPerCycle).rounded(.up))
    }

    /// Cycles for the bytes.
    public func memoryCycles(on model: DeviceModel) -> Int {
        Int((Double(bytesRead + bytesWritten) / model.memoryBytesPerCycle).rounded(.up))
    }

    /// What the device does in one kernel: computing and memory traffic overlap.
    public func cycles(on model: DeviceModel) -> Int {
        max(computeCycles(on: model), memoryCycles(on: model))
    }

    /// Cycles in which the multipliers would be busy if nothing else limited them.
    public func productCycles(on model: DeviceModel) -> Double {
        var productsOnly = self
        productsOnly.elements = 0
        return Double(productsOnly.computeCycles(on: model))
    }
}
