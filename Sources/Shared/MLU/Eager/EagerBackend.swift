import Execution
public import Graphs
public import Kernels
public import Tensors

/// The eager backend (`cnnl`): runs a graph on a device operator by operator, as a PyTorch model runs without tracing.
///
/// Every operator is one launch; observers see each call with its arguments and its result. What the device has no kernel for
/// (float64, convolutions and linear layers that were not quantized) runs on the host, with copies both ways. Arithmetic on shapes
/// never leaves the host and is no operator.
public final class EagerBackend {
    /// A value while the graph runs.
    private struct Value {
        let tensor: Tensor
        /// `nil` on the host.
        let block: DeviceMemory.Block?
    }

    /// The graph.
    public let graph: Graph
    /// The device.
    public let device: MLUDevice
    private let arithmetic: MLUArithmetic
    private let log = OperatorLog(logger: DeviceLog.eager())
    private let index: GraphIndex
    /// For each node, the values that nobody reads after it.
    private let dead: [[String]]
    /// By node, not by name: the small operators of an LSTM differ with the number of steps.
    private var kernels: [Node: NodeKernel] = [:]
    private let parameters: DeviceParameters

    // State of one run.
    private var values: [String: Value] = [:]
    private var rows: [CycleReport.Row] = []
    private var observers: [any OperatorObserver] = []

    /// Loads a graph's parameters into the device.
    ///
    /// - Parameters:
    ///   - graph: A valid graph in topological order; constants are folded or are initializers.
    ///   - device: Where it runs.
    ///   - arithmetic: `.positions` reproduces the powers of two of the real backend instead of the stored scales.
    /// - Throws: `MLUError.notQuantized` for a module without a scale, `MLUError.outOfMemory`, `MLUError.graph`.
    public init(_ graph: Graph, on device: MLUDevice, arithmetic: MLUArithmetic = .exact) throws(MLUError) {
        self.graph = graph
        self.device = device
        self.arithmetic = arithmetic
        index = GraphIndex(graph)
        dead = graph.lastReads()
        do throws(GraphValidationError) {
            try graph.validate()
        } catch {
            throw .graph(reason: error.description)
        }
        parameters = try DeviceParameters(of: graph, on: device)
    }

    /// Runs the graph.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each graph input; where only firstconv modules read it, raw pixels as uint8 are taken
    ///     too, and a quarter of the bytes goes over the link.
    ///   - observers: Told of every operator, after the device log and the process's Dumper.
    /// - Returns: The outputs and where the cycles went.
    /// - Throws: `MLUError`; the device's memory is then as before the run.
    public func run(
        _ inputs: [String: Tensor], observers: [any OperatorObserver] = []
    ) throws(MLUError) -> DeviceOutcome {
        let started = device.currentCycle
        self.observers = [log] + (Dumper.current.map { [$0] } ?? []) + observers
        rows = []
        defer { releaseValues() }
        try copyInputs(inputs)
        for (position, node) in graph.nodes.enumerated() {
            try execute(node)
            for name in dead[position] { release(name) }
        }
        var outputs: [String: Tensor] = [:]
        for output in graph.outputs {
            guard let tensor = tensor(output.name) else { throw .graph(reason: "nothing makes '\(output.name)'") }
            if values[output.name]?.block != nil {
                device.copy(output.name, bytes: tensor.byteCount, .toHost, into: &rows)
            }
            outputs[output.name] = tensor
        }
        return DeviceOutcome(outputs: outputs, report: CycleReport(device: device, since: started, rows: rows))
    }

    // MARK: Values

    private func copyInputs(_ inputs: [String: Tensor]) throws(MLUError) {
        for input in graph.inputs {
            guard let tensor = inputs[input.name] else {
                throw .execution(.missingInput(name: input.name, available: inputs.keys.sorted()))
            }
            let isRaw =
                tensor.elementType == .uint8 && input.type.elementType == .float32
                && graph.isReadByFirstconvOnly(input.name, index)
            var type = input.type
            if isRaw { type.elementType = .uint8 }
            guard type.accepts(tensor) else {
                throw .execution(
                    .inputMismatch(
                        name: input.name, expected: input.type.description, actual: TensorType(tensor).description))
            }
            device.copy(input.name, bytes: tensor.byteCount, .toDevice, into: &rows)
            let value = isRaw ? tensor.asFloat32 : tensor
            values[input.name] = Value(
                tensor: value, block: try device.allocate(value.byteCount, label: input.name))
        }
    }

    private func tensor(_ name: String) -> Tensor? {
        values[name]?.tensor ?? graph.initializers[name]
    }

    private func release(_ name: String) {
        if let block = values.removeValue(forKey: name)?.block { device.release(block) }
    }

    private func releaseValues() {
        for name in values.keys.sorted() { release(name) }
    }

    // MARK: Operators

    private func execute(_ node: Node) throws(MLUError) {
        if isShapeArithmetic(node) {
            for (name, result) in zip(node.outputs, try kernel(node).compute(tensor)) {
                if let result { values[name] = Value(tensor: result, block: nil) }
            }
            return
        }
        if case .lstm(let attributes) = node.op, let steps = composed(node, attributes) {
            return try execute(steps)
        }
        try call(node)
    }

    /// Works on what the host knows without the device: shapes and what follows from them.
    private func isShapeArithmetic(_ node: Node) -> Bool {
        if case .shape = node.op { return true }
        return node.inputs.allSatisfy { name in
            name.isEmpty || (values[name].map { $0.block == nil } ?? (graph.initializers[name]?.elementType == .int64))
        }
    }

    /// The small operators of an LSTM when large ones are off and small ones possible.
    private func composed(_ node: Node, _ attributes: RecurrentAttributes) -> ComposedLSTM? {
        guard !MLUFusion.enabled, let data = tensor(node.inputs[0]) else { return nil }
        return ComposedLSTM(node, attributes, data: data.shape, constants: graph.initializers)
    }

    private func execute(_ steps: ComposedLSTM) throws(MLUError) {
        for name in steps.constants.keys.sorted() {
            guard let tensor = steps.constants[name] else { continue }
            let isHost = tensor.elementType == .int64
            values[name] = Value(
                tensor: tensor, block: isHost ? nil : try device.allocate(tensor.byteCount, label: name))
        }
        for node in steps.nodes { try call(node) }
        let wanted = Set(graph.nodes.flatMap(\.inputs)).union(graph.outputs.map(\.name))
        for name in steps.constants.keys.sorted() + steps.nodes.flatMap(\.outputs) where !wanted.contains(name) {
            release(name)
        }
    }

    private func kernel(_ node: Node) -> NodeKernel {
        if let kernel = kernels[node] { return kernel }
        let kernel = NodeKernel(node, constants: graph.initializers, arithmetic: arithmetic)
        kernels[node] = kernel
        return kernel
    }

    /// One operator: told, computed, accounted, told.
    private func call(_ node: Node) throws(MLUError) {
        let call = OperatorCall(node, value: tensor)
        for observer in observers { observer.begin(call) }
        do throws(MLUError) {
            if case .binary = node.op, let scalar = scalarOperand(node) { observeScalar(scalar) }
            let isOnDevice =
                node.hostReason(in: index, graph: graph, elementType: { tensor($0)?.elementType }) == nil
            if !isOnDevice { moveInputsToHost(node) }
            let results = try kernel(node).compute(tensor)
            if isOnDevice {
                launch(node, results, name: call.name)
            } else {
                rows.append(.init(hostNode: node.name, operation: call.name))
            }
            try define(node, results, copied: !isOnDevice)
            tell(call, node, results, origin: isOnDevice ? .library : .host)
        } catch {
            for observer in observers { observer.fail(call, error) }
            throw error
        }
    }

    private func tell(_ call: OperatorCall, _ node: Node, _ results: [Tensor?], origin: OperatorResultOrigin) {
        let given = results.compactMap { $0 }
        let result = OperatorValue(results: given)
        for observer in observers {
            observer.end(call, result: result, origin: origin) { try self.onHost(node, count: given.count) }
        }
    }

    /// The same on the host, in float32 where the device computes with integers.
    private func onHost(_ node: Node, count: Int) throws -> OperatorValue {
        OperatorValue(results: try HostComparison(node: node, value: tensor).compute(outputCount: count))
    }

    private func moveInputsToHost(_ node: Node) {
        for name in node.inputs {
            guard let value = values[name], value.block != nil else { continue }
            device.copy(name, bytes: value.tensor.byteCount, .toHost, into: &rows)
        }
    }

    private func launch(_ node: Node, _ results: [Tensor?], name: String) {
        let work = NodeWork(
            node, inputs: node.inputs.map { tensor($0).map(NodeWork.Operand.init) },
            outputs: results.map { $0.map(NodeWork.Operand.init) }, arithmetic: node.arithmetic(index, graph))
        let row = CycleReport.Row(node.name, operation: name, work: work, model: device.model)
        device.launch(cycles: row.cycles, after: device.model.launchCycles)
        rows.append(row)
    }

    private func define(_ node: Node, _ results: [Tensor?], copied isCopied: Bool) throws(MLUError) {
        for (name, result) in zip(node.outputs, results) {
            guard let result, !name.isEmpty else { continue }
            let block = try device.allocate(result.byteCount, label: name)
            values[name] = Value(tensor: result, block: block)
            if isCopied { device.copy(name, bytes: result.byteCount, .toDevice, into: &rows) }
        }
    }

    // MARK: Scalars

    /// The number behind a rank-0 constant operand of `add` and its like.
    private func scalarOperand(_ node: Node) -> Tensor? {
        guard let name = node.input(1), let tensor = graph.initializers[name], tensor.shape.rank == 0 else {
            return nil
        }
        return tensor
    }

    /// The library makes a tensor of a number with `fill_` and reads it back with `local_scalar_dense`.
    private func observeScalar(_ scalar: Tensor) {
        let fill = OperatorCall(name: "fill_", arguments: [("self", .tensor(scalar)), ("value", .tensor(scalar))])
        let read = OperatorCall(name: "local_scalar_dense", arguments: [("self", .tensor(scalar))])
        for call in [fill, read] {
            for observer in observers { observer.begin(call) }
            for observer in observers {
                observer.end(call, result: .tensor(scalar), origin: .library) { .tensor(scalar) }
            }
        }
    }
}
