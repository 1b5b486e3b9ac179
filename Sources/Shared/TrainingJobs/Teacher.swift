internal import Conversion
internal import Graphs
internal import Tensors
internal import Training

/// A model whose scores another one learns: computed as training computes, on one thread and in a fixed order.
struct Teacher {
    private let executor: TrainingExecutor
    private let output: String

    /// Prepares a model in inference; its first output holds the scores.
    init(_ model: Graph) throws {
        guard let output = model.outputs.first else { throw TrainingJobError.noOutput }
        var graph = try model.expandingModules(isTraining: false).graph
        graph.outputs = [output]
        self.output = output.name
        executor = try TrainingExecutor(graph, trained: [], lossInput: output.name)
    }

    /// The scores of a batch.
    func scores(of inputs: [String: Tensor]) throws(TrainingError) -> Tensor {
        guard let scores = try executor.forward(inputs: inputs)[output] else { throw .unknownValue(name: output) }
        return scores
    }
}
