internal import Conversion
internal import Foundation
internal import Graphs
internal import ONNXFormat
public import Tensors

/// A function of a network that is written down when it runs first, with its parameters as constants, and then exported.
///
/// ```swift
/// let infer = InferenceFunction(net) { $0.softmax() }
/// let probabilities = try infer(image)
/// try infer.dump(to: "model.onnx", argNames: ["data"])
/// ```
///
/// The network is run as after `eval`. What becomes of the network later does not change what was written down.
public final class InferenceFunction {
    /// Why there is nothing to export, or arguments do not fit.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// It was never called.
        case neverRun
        /// There are more or fewer names than arguments.
        case argumentCount(names: Int, arguments: Int)

        /// The thing, the reason and the remedy.
        public var description: String {
            switch self {
            case .neverRun: "The function was never called, so there is nothing to dump; call it once with an example"
            case .argumentCount(let names, let arguments):
                "There are \(names) names for \(arguments) arguments; give one for each"
            }
        }
    }

    private let network: Network
    private let finish: (Value) -> Value
    private var traced: Network?

    /// Makes a function of a network with one result.
    ///
    /// - Parameters:
    ///   - network: The network; usually quantized.
    ///   - finish: What is done with its result, such as a softmax.
    public init(_ network: Network, finish: @escaping (Value) -> Value = { $0 }) {
        self.network = network
        self.finish = finish
    }

    /// Computes the result of one batch.
    ///
    /// - Parameter inputs: One tensor for each input, in order.
    /// - Returns: The result.
    /// - Throws: `Failure.argumentCount`, `ExecutionError`, `ModuleError`.
    public func callAsFunction(_ inputs: Tensor...) throws -> Tensor {
        var network = traced ?? trace()
        guard inputs.count == network.graph.inputs.count else {
            throw Failure.argumentCount(names: network.graph.inputs.count, arguments: inputs.count)
        }
        let named = Dictionary(uniqueKeysWithValues: zip(network.graph.inputs.map(\.name), inputs))
        let outputs = try network.run(named)
        traced = network
        guard let result = outputs[network.graph.outputs[0].name] else { throw Failure.neverRun }
        return result
    }

    /// Writes the function as an ONNX model: quantized modules as QuantizeLinear and DequantizeLinear around float operators.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - argNames: Names of the inputs, in order; those of the network without.
    /// - Throws: `Failure`, `ModuleError`, `ONNXExportError`, `TensorFileError`; nothing is written then.
    public func dump(to path: String, argNames: [String]? = nil) throws {
        guard let traced else { throw Failure.neverRun }
        var graph = try traced.graph.loweredFromQuantized()
        if let argNames {
            guard argNames.count == graph.inputs.count else {
                throw Failure.argumentCount(names: argNames.count, arguments: graph.inputs.count)
            }
            for (index, name) in argNames.enumerated() { graph.renameInput(at: index, to: name) }
        }
        try ONNXModel.write(graph, to: URL(filePath: path))
    }

    private func trace() -> Network {
        var network = network
        network.eval()
        var graph = network.graph
        let tracer = Tracer(ParameterInitialization(), continuing: graph)
        let result = finish(Modules.Value(name: graph.outputs[0].name, tracer: tracer))
        graph.nodes += tracer.nodes
        graph.initializers.merge(tracer.initializers) { old, _ in old }
        graph.outputs[0].name = result.name
        graph.outputs[0].type.dimensions = nil
        network.graph = graph
        return network
    }
}

extension Graph {
    /// Gives an input another name.
    fileprivate mutating func renameInput(at index: Int, to name: String) {
        let old = inputs[index].name
        inputs[index].name = name
        for position in nodes.indices {
            nodes[position].inputs = nodes[position].inputs.map { $0 == old ? name : $0 }
        }
    }
}
