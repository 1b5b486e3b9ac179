import Graphs
import Tensors
import Testing

@testable import MLU

/// Both backends of the device give what the plain executor gives.
enum DeviceAgreement {
    /// Runs a loaded graph on both backends.
    ///
    /// Modules agree to the bit; float operators beside them may differ by rounding when they are fused, which the next
    /// module can turn into one step of its scale.
    static func expect(
        _ graph: Graph, _ inputs: [String: Tensor], output: String, equals expected: Tensor,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let isModulesOnly = graph.nodes.allSatisfy { if case .mlu = $0.op { true } else { false } }
        let eagerDevice = MLUDevice()
        let eager = try #require(EagerBackend(graph, on: eagerDevice).run(inputs).outputs[output])
        let tracedDevice = MLUDevice()
        let traced = try #require(
            TracedBackend(tracing: graph, on: tracedDevice, example: inputs).run(inputs).outputs[output])
        for result in [eager, traced] {
            #expect(result.shape == expected.shape, sourceLocation: sourceLocation)
            #expect(result.elementType == expected.elementType, sourceLocation: sourceLocation)
            if isModulesOnly { #expect(result == expected, sourceLocation: sourceLocation) }
            guard expected.elementType == .float32 else { continue }
            let norm = expected.elements(as: Float.self).reduce(0) { $0 + Double($1) * Double($1) }
            let difference = zip(result.elements(as: Float.self), expected.elements(as: Float.self)).reduce(0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }
            #expect(difference <= 1e-6 * norm, sourceLocation: sourceLocation)
        }
        #expect(
            eagerDevice.memory.blockCount == 0 && tracedDevice.memory.blockCount == 0, sourceLocation: sourceLocation)
    }
}
