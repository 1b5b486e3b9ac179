import Conversion
import Graphs
import Tensors

/// A quantized state dictionary, to be loaded into the float model that it was made of.
struct QuantizedState {
    /// The dictionary.
    let state: StateDictionary

    /// Reads a `.pth` or `.safetensors` file.
    ///
    /// - Throws: `TensorFileError`.
    init(path: String) throws {
        state = try StateDictionary(path: try InputPath.existingFile(path, what: "The state dictionary"))
    }

    /// Converts a model for the device and loads the dictionary into it.
    ///
    /// Exactly the modules whose scale the dictionary holds are converted; all its keys must find their place.
    ///
    /// - Parameter model: The float model.
    /// - Returns: The model as the device runs it, and what a user should know.
    /// - Throws: `MLUConversionError`, naming missing and unexpected keys.
    func load(into model: Graph) throws -> (graph: Graph, warnings: [String]) {
        let loaded = try model.mluRunModel(loading: state, mapping: .everything(in: model))
        return (loaded.graph, loaded.report.warnings.map(\.description))
    }
}
