/// A key of a recipe in a file.
struct RecipeKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Reads a recipe from a file; every error names the key and says what is accepted.
struct RecipeDecoder {
    private let container: KeyedDecodingContainer<RecipeKey>
    private let name: String

    /// Opens a recipe.
    ///
    /// - Parameters:
    ///   - decoder: Where the recipe is.
    ///   - name: What messages call it.
    /// - Throws: `DecodingError` when there is no dictionary.
    init(_ decoder: any Decoder, name: String) throws {
        do {
            container = try decoder.container(keyedBy: RecipeKey.self)
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "\(Self.text(decoder.codingPath)) has to be \(name)"))
        }
        self.name = name
    }

    /// Refuses all keys but these.
    func checkKeys(_ accepted: [String], of name: String) throws {
        for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue })
        where !accepted.contains(key.stringValue) {
            throw refusal(key.stringValue, "is no setting of \(name); use \(accepted.joined(separator: ", "))")
        }
    }

    /// One of some names; `nil` when absent.
    func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _ type: Value.Type) throws -> Value?
    where Value.RawValue == String {
        guard let text = try value(key, String.self, "a name") else { return nil }
        guard let value = Value(rawValue: text) else {
            let accepted = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal(key, "cannot be '\(text)'; use one of \(accepted)")
        }
        return value
    }

    /// A number in a range; `nil` when absent.
    func number(_ key: String, in range: ClosedRange<Double>) throws -> Float? {
        guard let value = try value(key, Double.self, "a number") else { return nil }
        guard range.contains(value) else {
            throw refusal(key, "cannot be \(value); use a number in \(range.lowerBound)...\(range.upperBound)")
        }
        return Float(value)
    }

    /// An integer in a range; `nil` when absent.
    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = try value(key, Int.self, "an integer") else { return nil }
        guard range.contains(value) else { throw refusal(key, "cannot be \(value); use an integer in \(range)") }
        return value
    }

    /// The integers that `dtype` and `narrow_range` name; qint8 when absent.
    func dtype() throws -> QuantDtype {
        let dtype = try choice("dtype", QuantDtype.self) ?? .qint8
        guard let isNarrow = try value("narrow_range", Bool.self, "true or false") else { return dtype }
        do {
            return try dtype.withNarrowRange(isNarrow)
        } catch {
            throw refusal("narrow_range", "does not fit: \(error.description)")
        }
    }

    /// Another recipe below this one; `nil` when absent or null.
    func recipe<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value? {
        try container.decodeIfPresent(type, forKey: RecipeKey(key))
    }

    /// Why a key was refused.
    func refusal(_ key: String, _ reason: String) -> DecodingError {
        let path = container.codingPath + [RecipeKey(key)]
        return .dataCorrupted(
            DecodingError.Context(codingPath: path, debugDescription: "\(Self.text(path)) \(reason)"))
    }

    private func value<Value: Decodable>(_ key: String, _ type: Value.Type, _ description: String) throws -> Value? {
        do {
            return try container.decodeIfPresent(type, forKey: RecipeKey(key))
        } catch {
            throw refusal(key, "has to be \(description)")
        }
    }

    private static func text(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "The value" : "'" + path.map(\.stringValue).joined(separator: ".") + "'"
    }
}
