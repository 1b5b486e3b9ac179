public import Conversion
public import Execution
public import Graphs
public import Quantization
public import Tensors

/// The generate flow: runs a converted model on a host, follows the inputs of its modules, and gives the quantized state
/// dictionary.
///
/// Each run is one call of every module (several for a module that the graph uses several times). Outputs are those of
/// the float graph to the bit. Scales are computed when the dictionary is taken, not while the model runs.
public final class MLUCalibration {
    /// The model that is calibrated.
    public let conversion: MLUConversion
    private let executor: any GraphExecutor
    private let tap = CallRangeTap()
    private var observers: [String: MLURangeObserver] = [:]

    /// Prepares the oneDNN executor for a model.
    ///
    /// - Throws: `ExecutionError` when the graph cannot be run.
    public convenience init(_ conversion: MLUConversion) throws(ExecutionError) {
        try self.init(conversion) { (graph, observed) throws(ExecutionError) in
            try AcceleratedExecutor(graph, observing: observed)
        }
    }

    /// Prepares a model.
    ///
    /// - Parameters:
    ///   - conversion: A conversion with `genQuant`.
    ///   - makeExecutor: Makes the executor of a graph that observes these values.
    /// - Throws: `ExecutionError` when the graph cannot be run.
    public init(
        _ conversion: MLUConversion,
        makeExecutor: (Graph, [String]) throws(ExecutionError) -> any GraphExecutor
    ) throws(ExecutionError) {
        self.conversion = conversion
        executor = try makeExecutor(conversion.calibrationGraph, conversion.observedTensors)
        for module in conversion.modules { observers[module.path] = conversion.specification.observer }
    }

    /// Runs the model on a batch and records what its modules read.
    ///
    /// - Parameter inputs: One tensor for each input of the graph, already normalized when `firstconv` is set.
    /// - Returns: The outputs of the float model.
    /// - Throws: `ExecutionError`; nothing is recorded then.
    public func run(_ inputs: [String: Tensor]) throws(ExecutionError) -> [String: Tensor] {
        tap.ranges = [:]
        let outputs = try executor.run(inputs, tap: tap)
        for module in conversion.modules {
            for call in module.calls {
                guard let range = tap.ranges[call.data] else { continue }
                observers[module.path]?.record(range)
            }
        }
        return outputs
    }

    /// What was observed at the input of a module so far; `nil` when there is no such module.
    public func observer(of path: String) -> MLURangeObserver? { observers[path] }

    /// The quantized state dictionary of what was observed so far, and what a user should know.
    public func stateDictionary() -> (state: StateDictionary, warnings: [MLUWarning]) {
        conversion.stateDictionary(observers: observers)
    }
}

/// Gathers the range of each observed value of one run.
private final class CallRangeTap: TensorTap {
    var ranges: [String: CallRange] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        ranges[value, default: CallRange()].include(elements)
    }
}
