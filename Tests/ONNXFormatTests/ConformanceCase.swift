import Execution
import Foundation
import Graphs
import SwiftProtobuf
import Tensors
import TestSupport

@testable import ONNXFormat

/// One single-operator case of ONNX's backend tests.
struct ConformanceCase: Decodable {
    /// Name, type and shape of an input or output.
    struct Value: Decodable {
        let name: String
        let typeCode: Int

        init(from decoder: any Swift.Decoder) throws {
            var fields = try decoder.unkeyedContainer()
            name = try fields.decode(String.self)
            typeCode = try fields.decode(Int.self)
        }
    }

    let name: String
    /// Folder of the operator's family in the archive.
    let category: String
    let operatorName: String
    /// What ONNX Runtime makes of it: `pass`, `pass@OPSET` when it was declared older, or why not.
    let runtimeVerdict: String
    let relativeTolerance: Double
    let absoluteTolerance: Double
    let inputs: [Value]
    let outputs: [Value]

    private enum CodingKeys: String, CodingKey {
        case name
        case category = "cat"
        case operatorName = "op"
        case runtimeVerdict = "ort"
        case relativeTolerance = "rtol"
        case absoluteTolerance = "atol"
        case inputs
        case outputs
    }

    /// The newest opset that Tare reads.
    ///
    /// Newer ones (27 and 28) only add element types to the operators of these cases, so their models are declared as
    /// this one.
    private static let newestOpset = Int64(ONNXModel.supportedOpsets.upperBound)

    /// Whether Tare has the types of all inputs and outputs (codes of ONNX's `TensorProto.DataType`); it lacks strings,
    /// float8, float4, the integers of 4 and 2 bits, sequences and optionals.
    var hasKnownTypes: Bool {
        (inputs + outputs).allSatisfy { [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16].contains($0.typeCode) }
    }

    /// The case's graph.
    func graph(in archive: URL) throws -> Graph {
        let bytes = try Data(contentsOf: folder(in: archive).appending(path: "model.onnx"))
        var model = try Onnx_ModelProto(serializedBytes: bytes)
        for index in model.opsetImport.indices where model.opsetImport[index].domain.isEmpty {
            model.opsetImport[index].version = min(model.opsetImport[index].version, Self.newestOpset)
        }
        return try ONNXModel.load(from: try model.serializedData(), baseDirectory: nil).graph
    }

    /// The inputs by name.
    func inputTensors(in archive: URL) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (index, input) in inputs.enumerated() {
            tensors[input.name] = try tensor("input_\(index)", in: archive)
        }
        return tensors
    }

    /// The expected outputs in order.
    func expectedTensors(in archive: URL) throws -> [Tensor] {
        try outputs.indices.map { try tensor("output_\($0)", in: archive) }
    }

    private func tensor(_ file: String, in archive: URL) throws -> Tensor {
        try TensorMessage.read(folder(in: archive).appending(path: "test_data_set_0/\(file).pb"))
    }

    private func folder(in archive: URL) -> URL {
        archive.appending(path: "onnx-node/\(category)/\(name)")
    }
}

/// A file that holds one ONNX tensor.
enum TensorMessage {
    static func read(_ url: URL) throws -> Tensor {
        let message = try Onnx_TensorProto(serializedBytes: try Data(contentsOf: url))
        return try TensorDecoder(externalData: nil).tensor(from: message, name: url.lastPathComponent)
    }
}

/// An executor that the conformance cases run on.
enum ConformanceExecutor: String, CaseIterable {
    case reference
    case accelerated

    func run(_ graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        switch self {
        case .reference: try ReferenceExecutor(graph).run(inputs)
        case .accelerated: try AcceleratedExecutor(graph).run(inputs)
        }
    }

    /// The topologies of ONNX's backend tests that run in reasonable time.
    var topologies: [String] {
        [
            "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet",
            "vgg19", "zfnet512",
        ]
    }
}

/// Compares tensors as ONNX's test runner does.
enum ConformanceComparison {
    /// What differs, or `nil`: shapes and types exactly, integers exactly, floats within
    /// `absolute + relative * |expected|`, NaN with NaN.
    static func difference(
        _ actual: Tensor, _ expected: Tensor, relative: Double, absolute: Double
    ) throws -> String? {
        guard actual.elementType == expected.elementType else {
            return "type \(actual.elementType), expected \(expected.elementType)"
        }
        guard actual.shape == expected.shape else { return "shape \(actual.shape), expected \(expected.shape)" }
        guard actual.elementType.isFloatingPoint else { return actual == expected ? nil : "integers differ" }
        // Two units in the last place of bfloat16.
        let relative = actual.elementType == .bfloat16 ? max(relative, 0x1p-6) : relative
        for (index, pair) in zip(doubles(actual), doubles(expected)).enumerated() {
            let (value, wanted) = pair
            if value == wanted || (value.isNaN && wanted.isNaN) { continue }
            guard (value - wanted).magnitude <= absolute + relative * wanted.magnitude else {
                return "element \(index) is \(value), expected \(wanted)"
            }
        }
        return nil
    }

    private static func doubles(_ tensor: Tensor) -> [Double] {
        switch tensor.elementType {
        case .float32: tensor.elements(as: Float.self).map(Double.init)
        case .float16: tensor.elements(as: Float16.self).map(Double.init)
        case .bfloat16: tensor.elements(as: BFloat16.self).map { Double(Float($0)) }
        case .float64: tensor.elements(as: Double.self)
        default: []
        }
    }
}
