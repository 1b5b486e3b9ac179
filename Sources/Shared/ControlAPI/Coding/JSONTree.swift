/// Any JSON value: what is left when all types are forgotten.
enum JSONTree: Decodable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case text(String)
    case list([JSONTree])
    case object([String: JSONTree])

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) {
            nil
        }
    }

    /// Tries one kind after the other, the frequent ones first: a wrong guess costs more than a right one.
    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let boolean = try? value.decode(Bool.self) {
            self = .boolean(boolean)
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [JSONTree] = []
            while !container.isAtEnd { elements.append(try container.decode(JSONTree.self)) }
            self = .list(elements)
        } else {
            let container = try decoder.container(keyedBy: Key.self)
            var members: [String: JSONTree] = [:]
            for key in container.allKeys {
                members[key.stringValue] = try container.decode(JSONTree.self, forKey: key)
            }
            self = .object(members)
        }
    }

    /// The path of the first key, in sorted order, that this value has and `known` has not.
    func firstKey(notIn known: JSONTree, path: String = "") -> String? {
        switch (self, known) {
        case (.object(let members), .object(let others)):
            for key in members.keys.sorted() {
                let inner = path.isEmpty ? key : "\(path).\(key)"
                guard let member = members[key], let other = others[key] else { return inner }
                if let found = member.firstKey(notIn: other, path: inner) { return found }
            }
        case (.list(let elements), .list(let others)):
            for (index, pair) in zip(elements, others).enumerated() {
                if let found = pair.0.firstKey(notIn: pair.1, path: "\(path)[\(index)]") { return found }
            }
        default: break
        }
        return nil
    }

    /// The path of the first null, in sorted order of the keys.
    func firstNull(path: String = "") -> String? {
        switch self {
        case .null: return path
        case .object(let members):
            for key in members.keys.sorted() {
                if let found = members[key]?.firstNull(path: path.isEmpty ? key : "\(path).\(key)") { return found }
            }
        case .list(let elements):
            for (index, element) in elements.enumerated() {
                if let found = element.firstNull(path: "\(path)[\(index)]") { return found }
            }
        case .boolean, .number, .text: break
        }
        return nil
    }
}
