/// Reads the attributes of one node by name and type, and remembers which were read.
struct AttributeReader {
    private var attributes: [String: Onnx_AttributeProto] = [:]
    private var read: Set<String> = []

    /// Indexes the attributes of a node.
    init(_ node: Onnx_NodeProto) throws(NodeRefusal) {
        for attribute in node.attribute {
            guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
                throw .attribute(attribute.name, "it is given twice")
            }
            guard attribute.refAttrName.isEmpty else {
                throw .attribute(attribute.name, "it refers to an attribute of a function")
            }
        }
    }

    /// Names of attributes that nobody read, sorted: the operator has no such attribute in this opset.
    var unread: [String] {
        attributes.keys.filter { !read.contains($0) }.sorted()
    }

    /// An attribute; old files have no type, so it is checked only when it is there.
    private mutating func attribute(
        _ name: String, _ type: Onnx_AttributeProto.AttributeType
    ) throws(NodeRefusal) -> Onnx_AttributeProto? {
        guard let attribute = attributes[name] else { return nil }
        read.insert(name)
        guard !attribute.hasType || attribute.type == type else {
            throw .attribute(name, "it should be of type \(type) but is of type \(attribute.type)")
        }
        return attribute
    }

    /// An integer.
    mutating func integer(_ name: String) throws(NodeRefusal) -> Int? {
        try attribute(name, .int).map { Int($0.i) }
    }

    /// A flag that is stored as 0 or 1.
    mutating func flag(_ name: String) throws(NodeRefusal) -> Bool? {
        guard let value = try integer(name) else { return nil }
        guard value == 0 || value == 1 else { throw .attribute(name, "it should be 0 or 1 but is \(value)") }
        return value == 1
    }

    /// A floating-point number.
    mutating func number(_ name: String) throws(NodeRefusal) -> Float? {
        try attribute(name, .float).map(\.f)
    }

    /// Text.
    mutating func text(_ name: String) throws(NodeRefusal) -> String? {
        guard let attribute = try attribute(name, .string) else { return nil }
        guard let text = String(validating: attribute.s, as: UTF8.self) else {
            throw .attribute(name, "it is not UTF-8")
        }
        return text
    }

    /// Integers.
    mutating func integers(_ name: String) throws(NodeRefusal) -> [Int]? {
        try attribute(name, .ints).map { $0.ints.map(Int.init) }
    }

    /// Floating-point numbers.
    mutating func numbers(_ name: String) throws(NodeRefusal) -> [Float]? {
        try attribute(name, .floats).map(\.floats)
    }

    /// Texts.
    mutating func texts(_ name: String) throws(NodeRefusal) -> [String]? {
        guard let attribute = try attribute(name, .strings) else { return nil }
        var texts: [String] = []
        for bytes in attribute.strings {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .attribute(name, "it is not UTF-8")
            }
            texts.append(text)
        }
        return texts
    }

    /// A tensor.
    mutating func tensor(_ name: String) throws(NodeRefusal) -> Onnx_TensorProto? {
        try attribute(name, .tensor).map(\.t)
    }

    /// An enumeration that is stored as text.
    mutating func choice<Value>(
        _ name: String, from choices: [(String, Value)]
    ) throws(NodeRefusal) -> Value? {
        guard let text = try text(name) else { return nil }
        guard let choice = choices.first(where: { $0.0 == text }) else {
            let known = choices.map { "'\($0.0)'" }.joined(separator: ", ")
            throw .attribute(name, "Tare knows \(known), not '\(text)'")
        }
        return choice.1
    }
}
