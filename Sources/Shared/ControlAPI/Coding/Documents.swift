internal import Foundation

/// A document of the control interface: an object in JSON, the same on HTTP, on the control socket and with `--json`.
public protocol ControlDocument: Codable, Hashable, Sendable {
    /// Checks what types cannot say: lengths, ranges, agreement of values.
    ///
    /// - Throws: A `DocumentError` that names the key.
    func validate() throws(DocumentError)
}

extension ControlDocument {
    /// Nothing to check.
    public func validate() throws(DocumentError) {}
}

/// Writing and reading documents.
///
/// A document's keys are sorted, values that are not there are left out, and the outermost object has `"version"`.
/// Reading is strict: an unknown key, a null or a value of another type is an error that names the key.
public enum Documents {
    /// The version of all documents.
    public static let version = 1

    /// The bytes of a document, without line breaks.
    ///
    /// - Throws: `unwritable` for a number that is not finite.
    public static func encode(_ document: some ControlDocument) throws(DocumentError) -> [UInt8] {
        try encode(document, formatting: [.sortedKeys, .withoutEscapingSlashes])
    }

    /// The text of a document for people: indented, without a line break at the end.
    ///
    /// - Throws: `unwritable` for a number that is not finite.
    public static func text(_ document: some ControlDocument) throws(DocumentError) -> String {
        let bytes = try encode(document, formatting: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a document.
    ///
    /// - Parameters:
    ///   - type: What it should be.
    ///   - bytes: JSON.
    ///   - limit: The most bytes it may have.
    /// - Returns: The document.
    /// - Throws: When it has too many bytes, or is no such document; the error names the key.
    public static func decode<Document: ControlDocument>(
        _ type: Document.Type, from bytes: [UInt8], limit: Int = ControlLimits.answerBytes
    ) throws(DocumentError) -> Document {
        guard bytes.count <= limit else { throw .tooLarge(bytes: bytes.count, limit: limit) }
        let data = Data(bytes)
        let tree = try decode(JSONTree.self, from: data)
        guard case .object(let members) = tree else { throw .notJSON(reason: "the outermost value is no object") }
        if let key = tree.firstNull() { throw .value(key: key, reason: "it is null; leave the key out instead") }
        guard let found = members[VersionKey.version.rawValue] else { throw .missing(key: VersionKey.version.rawValue) }
        guard found == .number(Double(version)) else {
            guard case .number(let number) = found, let whole = Int(exactly: number) else {
                throw .value(key: VersionKey.version.rawValue, reason: "it is not an integer")
            }
            throw .version(found: whole)
        }
        let document: Document
        do throws(DocumentError) {
            document = try decode(Document.self, from: data)
        } catch .notJSON {
            // It is JSON, the tree says so. Foundation says this of a number that does not fit, without its key.
            throw .value(key: "", reason: "A number is not of the kind, or not in the range, that its key needs")
        }
        // What the document would be written as has every key that it can have with these values.
        let known = try decode(JSONTree.self, from: Data(try encode(document)))
        if let key = tree.firstKey(notIn: known) { throw .unknown(key: key) }
        try document.validate()
        return document
    }

    private static func encode(
        _ document: some ControlDocument, formatting: JSONEncoder.OutputFormatting
    ) throws(DocumentError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        do {
            return Array(try encoder.encode(Versioned(document: document)))
        } catch EncodingError.invalidValue(let value, let context) {
            throw .unwritable(key: path(context.codingPath), reason: "\(value) is no JSON number")
        } catch {
            throw .unwritable(key: "", reason: "\(error)")
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws(DocumentError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw DocumentError(error)
        } catch {
            throw .notJSON(reason: "\(error)")
        }
    }

    static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { path, key in
            if let index = key.intValue { return "\(path)[\(index)]" }
            return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
        }
    }
}

extension KeyedDecodingContainer {
    /// Decodes an integer, and names its key when the number is none or does not fit.
    func decodeInteger<Value: FixedWidthInteger & Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        do {
            return try decode(type, forKey: key)
        } catch let error as DecodingError {
            throw error
        } catch {
            // Foundation's own error for a number that does not fit; it does not know the key.
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "it must be an integer from \(Value.min) to \(Value.max)")
        }
    }

    /// The same for a key that may be left out.
    func decodeIntegerIfPresent<Value: FixedWidthInteger & Decodable>(
        _ type: Value.Type, forKey key: Key
    ) throws -> Value? {
        contains(key) ? try decodeInteger(type, forKey: key) : nil
    }
}

private enum VersionKey: String, CodingKey {
    case version
}

/// A document with its version beside its own keys.
private struct Versioned<Document: ControlDocument>: Encodable {
    let document: Document

    func encode(to encoder: any Encoder) throws {
        try document.encode(to: encoder)
        var container = encoder.container(keyedBy: VersionKey.self)
        try container.encode(Documents.version, forKey: .version)
    }
}

extension DocumentError {
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context): self = .missing(key: Documents.path(context.codingPath + [key]))
        case .valueNotFound(_, let context):
            self = .value(key: Documents.path(context.codingPath), reason: "it is null; leave the key out instead")
        case .typeMismatch(let type, let context):
            self = .value(key: Documents.path(context.codingPath), reason: "it is not \(Self.name(of: type))")
        case .dataCorrupted(let context):
            let path = Documents.path(context.codingPath)
            self =
                path.isEmpty
                ? .notJSON(reason: Self.reason(context)) : .value(key: path, reason: context.debugDescription)
        @unknown default: self = .notJSON(reason: "\(error)")
        }
    }

    private static func reason(_ context: DecodingError.Context) -> String {
        guard let cause = context.underlyingError else { return context.debugDescription }
        return (cause as NSError).userInfo[NSDebugDescriptionErrorKey] as? String ?? context.debugDescription
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is Double.Type, is Float.Type: "a number"
        case is any FixedWidthInteger.Type: "an integer"
        case is any Sequence.Type: "a list or an object"
        default: "a \(type)"
        }
    }
}
