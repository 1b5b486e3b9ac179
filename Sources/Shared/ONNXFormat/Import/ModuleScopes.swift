internal import Graphs

/// The module of a node as PyTorch's exporter writes it into the node's properties.
///
/// `pkg.torch.onnx.name_scopes` and `pkg.torch.onnx.class_hierarchy` are Python lists of equal length from the whole model
/// to the operator itself: `['', 'layer1', 'layer1.conv', 'conv2d']` and `['net.Net', 'torch.nn.modules.container.Sequential',
/// 'torch.nn.modules.conv.Conv2d', 'aten.conv2d.default']`. The module is the last entry but one.
enum ModuleScopes {
    /// A longer property is no list of modules.
    private static let maximumByteCount = 1 << 16

    /// The module; `nil` when the node does not say, or says it in another form.
    static func origin(of proto: Onnx_NodeProto) -> ModuleOrigin? {
        guard let scopes = list("pkg.torch.onnx.name_scopes", of: proto),
            let classes = list("pkg.torch.onnx.class_hierarchy", of: proto), scopes.count == classes.count,
            scopes.count >= 2
        else { return nil }
        let qualified = classes[classes.count - 2]
        let name = qualified.split(separator: ".").last.map(String.init) ?? ""
        guard !name.isEmpty else { return nil }
        return ModuleOrigin(
            path: scopes[scopes.count - 2], className: name,
            package: String(qualified.dropLast(min(name.count + 1, qualified.count))))
    }

    private static func list(_ key: String, of proto: Onnx_NodeProto) -> [String]? {
        guard let text = proto.metadataProps.first(where: { $0.key == key })?.value,
            text.utf8.count <= maximumByteCount
        else { return nil }
        return PythonTextList.parse(text)
    }
}

/// Reads a Python list of texts as `str(list)` writes it: `['a', "it's"]`.
enum PythonTextList {
    /// The texts; `nil` for anything else.
    ///
    /// Of escapes, only those of quotes and backslashes are known.
    static func parse(_ text: String) -> [String]? {
        var rest = Substring(text)
        func skipSpaces() { rest = rest.drop { $0 == " " } }
        guard rest.popFirst() == "[" else { return nil }
        var texts: [String] = []
        skipSpaces()
        if rest.first == "]" { return rest.dropFirst().isEmpty ? [] : nil }
        while true {
            skipSpaces()
            guard let element = string(&rest) else { return nil }
            texts.append(element)
            skipSpaces()
            switch rest.popFirst() {
            case ",": continue
            case "]": return rest.isEmpty ? texts : nil
            default: return nil
            }
        }
    }

    private static func string(_ rest: inout Substring) -> String? {
        guard let quote = rest.popFirst(), quote == "'" || quote == "\"" else { return nil }
        var result = ""
        while let character = rest.popFirst() {
            if character == quote { return result }
            guard character == "\\" else {
                result.append(character)
                continue
            }
            guard let escaped = rest.popFirst(), escaped == "\\" || escaped == "'" || escaped == "\"" else {
                return nil
            }
            result.append(escaped)
        }
        return nil
    }
}
