import Execution
public import Graphs
import Logging
public import Tensors

/// The traced backend (`magicmind`): a graph is compiled for the shapes of an example, and then runs as one launch.
///
/// Compiling folds constants, fuses operators into kernels, plans memory, and keeps the values between quantized modules as integers where
/// nobody else reads them. The numbers are those of the eager backend, bit for bit where modules are concerned. A
/// graph whose shapes depend on values is refused, naming the node; nodes without a kernel run on the host.
public final class TracedBackend {
    /// A node that the device does not compute.
    public struct Fallback: Sendable, Hashable {
        /// The node.
        public let node: String
        /// Its operator.
        public let operatorName: String
        /// Why.
        public let reason: String
    }

    /// The graph.
    public let graph: Graph
    /// The device.
    public let device: MLUDevice
    /// What runs on the host, in the order of the graph.
    public let fallbacks: [Fallback]
    /// Number of kernels that the device runs.
    public var kernelCount: Int { kernels.count { !$0.isOnHost } }

    private let executor: AcceleratedExecutor
    private let kernels: [TracedKernel]
    private let rawInputs: Set<String>
    private let shapes: [String: Shape]
    private let parameters: DeviceParameters

    /// Compiles a graph.
    ///
    /// - Parameters:
    ///   - graph: A valid graph in topological order.
    ///   - device: Where it runs.
    ///   - example: One tensor for each graph input; later inputs must have the same shapes.
    /// - Throws: `MLUError.untraceable`, `MLUError.notQuantized`, `MLUError.outOfMemory`, `MLUError.execution`.
    public init(tracing graph: Graph, on device: MLUDevice, example: [String: Tensor]) throws(MLUError) {
        self.graph = graph
        self.device = device
        let index = GraphIndex(graph)
        rawInputs = Set(graph.inputs.map(\.name).filter { graph.isReadByFirstconvOnly($0, index) })
        let inputs = try Self.floats(example, graph, rawInputs)
        shapes = inputs.mapValues(\.shape)
        let types = try Self.types(graph, inputs)
        parameters = try DeviceParameters(of: graph, on: device) { types[$0]?.elementType }
        let timer = StepTimer()
        do throws(ExecutionError) {
            executor = try AcceleratedExecutor(graph, options: .init(splitsBatches: false))
            _ = try executor.run(inputs, tap: nil, timer: timer)
        } catch {
            throw .execution(error)
        }
        let plan = TracedPlan(graph: graph, index: index, types: types, steps: timer.entries.map(\.nodes))
        kernels = plan.kernels
        fallbacks = plan.fallbacks
        let log = DeviceLog.traced()
        log.info(
            "\(graph.name): \(graph.nodes.count) nodes became \(kernelCount) kernels; int8 by \(IntegerArithmetic.int8Kernels)"
        )
        for fallback in fallbacks {
            log.warning("\(fallback.node) (\(fallback.operatorName)) runs on the host: \(fallback.reason)")
        }
    }

    /// The inputs as the graph declares them; raw pixels become float32.
    private static func floats(
        _ inputs: [String: Tensor], _ graph: Graph, _ raw: Set<String>
    ) throws(MLUError) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for input in graph.inputs {
            guard let tensor = inputs[input.name] else {
                throw .execution(.missingInput(name: input.name, available: inputs.keys.sorted()))
            }
            let isRaw = tensor.elementType == .uint8 && input.type.elementType == .float32 && raw.contains(input.name)
            result[input.name] = isRaw ? tensor.asFloat32 : tensor
        }
        return result
    }

    /// Types of all values; a shape that is not known before the graph runs cannot be compiled.
    private static func types(
        _ graph: Graph, _ inputs: [String: Tensor]
    ) throws(MLUError) -> [String: NodeWork.Operand] {
        let inferred: [String: TensorType]
        do throws(ShapeInferenceError) {
            inferred = try ShapeInference.infer(graph, inputTypes: inputs.mapValues(TensorType.init))
        } catch {
            throw .graph(reason: error.description)
        }
        var types: [String: NodeWork.Operand] = [:]
        for (name, type) in inferred {
            if let shape = type.shape { types[name] = NodeWork.Operand(elementType: type.elementType, shape: shape) }
        }
        for node in graph.nodes {
            for output in node.outputs where !output.isEmpty && types[output] == nil {
                throw .untraceable(
                    node: node.name, operatorName: node.op.name,
                    reason: "the shape of '\(output)' depends on values that are known only when the model runs")
            }
        }
        return types
    }

    /// Runs the compiled graph.
    ///
    /// - Parameter inputs: One tensor for each graph input, with the shapes of the example.
    /// - Returns: The outputs and where the cycles went.
    /// - Throws: `MLUError`.
    public func run(_ inputs: [String: Tensor]) throws(MLUError) -> DeviceOutcome {
        let started = device.currentCycle
        let values = try Self.floats(inputs, graph, rawInputs)
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            guard let tensor = values[name], tensor.shape != shape else { continue }
            throw .execution(
                .inputMismatch(
                    name: name, expected: "the traced shape \(shape)", actual: TensorType(tensor).description))
        }
        var rows: [CycleReport.Row] = []
        for input in graph.inputs {
            device.copy(input.name, bytes: inputs[input.name]?.byteCount ?? 0, .toDevice, into: &rows)
        }
        try TracedAccounting(device: device, kernels: kernels).run(&rows)
        let outputs: [String: Tensor]
        do throws(ExecutionError) {
            outputs = try executor.run(values, tap: nil)
        } catch {
            throw .execution(error)
        }
        for output in graph.outputs {
            device.copy(output.name, bytes: outputs[output.name]?.byteCount ?? 0, .toHost, into: &rows)
        }
        return DeviceOutcome(outputs: outputs, report: CycleReport(device: device, since: started, rows: rows))
    }
}
