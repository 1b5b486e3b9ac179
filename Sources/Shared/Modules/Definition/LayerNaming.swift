/// Finds the layers of a model by looking at its properties.
enum LayerNaming {
    /// Visits each layer with its path, in the order of the properties; a layer that lies at two places is visited twice.
    static func forEachLayer(in value: Any, path: String, _ body: (Layer, String) -> Void) {
        if let layer = value as? Layer {
            body(layer, path)
            return
        }
        if let chain = value as? Sequential {
            for (index, module) in chain.modules.enumerated() {
                forEachLayer(in: module, path: join(path, String(index)), body)
            }
            return
        }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            for child in mirror.children { forEachLayer(in: child.value, path: path, body) }
        case .collection:
            for (index, child) in mirror.children.enumerated() {
                forEachLayer(in: child.value, path: join(path, String(index)), body)
            }
        case .dictionary:
            forEachEntry(of: mirror, path: path, body)
        case .struct, .class, .tuple, .enum:
            for child in properties(of: mirror) {
                forEachLayer(in: child.value, path: join(path, child.label ?? ""), body)
            }
        default: break
        }
    }

    /// Dictionaries have no order of their own: entries come in that of their keys.
    private static func forEachEntry(of mirror: Mirror, path: String, _ body: (Layer, String) -> Void) {
        let entries = mirror.children.compactMap { child -> (key: String, value: Any)? in
            let pair = Mirror(reflecting: child.value).children.map(\.value)
            return pair.count == 2 ? (String(describing: pair[0]), pair[1]) : nil
        }
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            forEachLayer(in: value, path: join(path, key), body)
        }
    }

    /// Those of base classes first.
    private static func properties(of mirror: Mirror) -> [Mirror.Child] {
        (mirror.superclassMirror.map(properties) ?? []) + Array(mirror.children)
    }

    private static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
    }
}
