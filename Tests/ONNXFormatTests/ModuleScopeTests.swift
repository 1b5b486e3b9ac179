import Graphs
import Testing

@testable import ONNXFormat

/// Modules as PyTorch's exporter names them in a node's properties.
@Suite struct ModuleScopeTests {
    private func origin(_ scopes: String?, _ classes: String?) throws -> ModuleOrigin? {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("y")
        model.node("Relu", ["x"], ["y"], name: "relu")
        for (key, value) in [("name_scopes", scopes), ("class_hierarchy", classes)] {
            guard let value else { continue }
            var entry = Onnx_StringStringEntryProto()
            entry.key = "pkg.torch.onnx.\(key)"
            entry.value = value
            model.proto.graph.node[0].metadataProps.append(entry)
        }
        return try model.load().nodes[0].module
    }

    @Test func theModuleIsTheLastScopeButTheOperator() throws {
        #expect(
            try origin(
                "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_1']",
                "['torchvision.models.resnet.ResNet', 'torch.nn.modules.container.Sequential', "
                    + "'torchvision.models.resnet.BasicBlock', 'torch.nn.modules.conv.Conv2d', 'aten.conv2d.default']")
                == ModuleOrigin(path: "layer1.0.conv1", className: "Conv2d", package: "torch.nn.modules.conv"))
        #expect(
            try origin("['', 'relu']", "['__main__.Net', 'aten.relu.default']")
                == ModuleOrigin(path: "", className: "Net", package: "__main__"))
        #expect(
            try origin("['', \"it's\", 'a\\\\b', 'op']", "['Net', 'x.Y', 'IConv', 'aten.f']")
                == ModuleOrigin(path: "a\\b", className: "IConv", package: ""))
    }

    @Test(
        arguments: [
            (nil, nil), ("['', 'a']", nil), ("['', 'a']", "['Net']"), ("['a']", "['Net']"), ("[]", "[]"),
            ("['', 'a'", "['N', 'f']"), ("['', 'a'] ", "['N', 'f']"), ("['', a]", "['N', 'f']"), ("", ""),
            ("['', 'a',]", "['N', 'f']"), ("['\\x41', 'a']", "['N', 'f']"), ("{'': 1}", "['N', 'f']"),
            ("['', 'a']", "['', 'f']"), ("['', 'a']", "['N.', 'f'"),
        ] as [(String?, String?)])
    func otherFormsAreIgnored(scopes: String?, classes: String?) throws {
        #expect(try origin(scopes, classes) == nil)
    }
}
