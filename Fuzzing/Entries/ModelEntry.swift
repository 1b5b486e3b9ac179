import Conversion
import Foundation
import Graphs
import ONNXFormat

/// What happens to a model file before it runs.
enum ModelEntry {
    /// Imports, checks, prepares and plans.
    static func read(_ bytes: [UInt8]) {
        Refusal.expect {
            let graph = try ONNXModel.load(from: Data(bytes), baseDirectory: nil).graph
            try graph.validate()
            _ = try ShapeInference.infer(graph)
            let prepared = try PreparedGraph(graph)
            _ = try QuantizationPlan(prepared, options: QuantizationOptions())
            _ = try graph.preparedForMLU()
        }
    }
}
