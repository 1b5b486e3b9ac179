import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Whole models: those of our own, and third-party ones where the shared folder is present.
@Suite struct SharedModelTests {
    static let fixtureNames = ["fmnist_resnet", "fmnist_mobile", "fmnist_lstm", "fmnist_vit"]
    static let sharedNames = ["cifar_resnet20", "ort_mnist_cntk", "ultraface_version-RFB-320", "yunet_n_dynamic"]

    static func fixture(_ name: String) -> URL {
        Fixtures.directory.appending(path: "models/\(name).onnx")
    }

    @Test(arguments: fixtureNames) func ownModelGetsFixedShapesFromAFixedInput(name: String) throws {
        try Self.expectFixedShapes(Self.fixture(name))
    }

    @Test(arguments: sharedNames) func thirdPartyModelGetsFixedShapesFromAFixedInput(name: String) throws {
        guard let url = Fixtures.shared("models/\(name).onnx") else { return }
        try Self.expectFixedShapes(url)
    }

    static func expectFixedShapes(_ url: URL) throws {
        let model = try ONNXModel.load(from: url)
        try model.graph.validate()
        var inputTypes: [String: TensorType] = [:]
        for input in model.graph.inputs {
            let extents = try #require(input.type.dimensions).map {
                $0.fixedValue.map(Graphs.Dimension.fixed) ?? extent($0)
            }
            inputTypes[input.name] = TensorType(elementType: input.type.elementType, dimensions: extents)
        }
        let types = try ShapeInference.infer(model.graph, inputTypes: inputTypes)
        for name in types.keys.sorted() {
            let type = try #require(types[name])
            #expect(type.shape != nil, "\(name) is \(type)")
        }
    }

    /// An extent for each symbol of the models.
    private static func extent(_ dimension: Graphs.Dimension) -> Graphs.Dimension {
        switch dimension.description {
        case "height": 160
        case "width": 192
        default: 2
        }
    }
}
