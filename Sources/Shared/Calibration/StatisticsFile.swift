public import Tensors

/// A safetensors file with statistics: its metadata say which ones and in which version of the format.
public struct StatisticsFile: Sendable {
    /// What a file holds.
    public struct Format: Sendable, Hashable {
        /// Stands in the metadata entry `format`.
        public let name: String
        /// Stands in the metadata entry `version`.
        public let version: String
        /// What the statistics are, in messages.
        public let subject: String

        /// Names a format.
        public init(name: String, version: String, subject: String) {
            self.name = name
            self.version = version
            self.subject = subject
        }

        /// Whether a safetensors file says that it has this format, in whatever version.
        public func isFound(in file: Safetensors) -> Bool { file.metadata[Metadata.format] == name }
    }

    private enum Metadata {
        static let format = "format"
        static let version = "version"
    }

    /// What the file holds.
    public let format: Format
    private let content: Safetensors

    /// Makes a file to be written; the format is added to the metadata.
    public init(_ format: Format, tensors: [String: Tensor], metadata: [String: String]) {
        self.format = format
        let own = [Metadata.format: format.name, Metadata.version: format.version]
        content = Safetensors(tensors: tensors, metadata: metadata.merging(own) { _, own in own })
    }

    /// Takes an open file.
    ///
    /// - Throws: `StatisticsFileError.unknownFormat` when it is of another format or version.
    public init(_ format: Format, _ content: Safetensors) throws(StatisticsFileError) {
        let name = content.metadata[Metadata.format] ?? "none"
        let version = content.metadata[Metadata.version] ?? "none"
        guard name == format.name, version == format.version else {
            throw .unknownFormat(expected: "\(format.name) \(format.version)", found: "\(name) \(version)")
        }
        self.format = format
        self.content = content
    }

    /// Opens a file.
    public init(_ format: Format, path: String) throws(StatisticsFileError) {
        let content: Safetensors
        do {
            content = try Safetensors(path: path)
        } catch {
            throw .unreadable(error)
        }
        try self.init(format, content)
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    public init(_ format: Format, decoding bytes: [UInt8], name: String) throws(StatisticsFileError) {
        let content: Safetensors
        do {
            content = try Safetensors(decoding: bytes, name: name)
        } catch {
            throw .unreadable(error)
        }
        try self.init(format, content)
    }

    /// The canonical bytes.
    public func encoded() throws(StatisticsFileError) -> [UInt8] {
        do {
            return try content.encoded()
        } catch {
            throw .unreadable(error)
        }
    }

    /// Writes the canonical bytes to a file, whole or not at all.
    public func write(to path: String) throws(StatisticsFileError) {
        do {
            try content.write(to: path)
        } catch {
            throw .unreadable(error)
        }
    }

    /// The text of an entry of the metadata.
    public func metadata(_ key: String) throws(StatisticsFileError) -> String {
        guard let text = content.metadata[key] else { throw .missingMetadata(key) }
        return text
    }

    /// Whether the file has an entry.
    public func hasEntry(_ key: String) -> Bool { content.tensors[key] != nil }

    /// Finds the names NAME of the entries NAME.KIND.
    ///
    /// - Parameters:
    ///   - others: Entries without a kind.
    ///   - isKind: Whether a text is a kind.
    /// - Returns: The names, ascending.
    /// - Throws: `StatisticsFileError.unexpectedEntry` when an entry is neither.
    public func names(
        besides others: Set<String> = [], isKind: (String) -> Bool
    ) throws(StatisticsFileError) -> [String] {
        var names: Set<String> = []
        for key in content.tensors.keys.sorted() where !others.contains(key) {
            guard let dot = key.lastIndex(of: "."), isKind(String(key[key.index(after: dot)...])) else {
                throw .unexpectedEntry(key, subject: format.subject)
            }
            names.insert(String(key[..<dot]))
        }
        return names.sorted()
    }

    /// The tensor of an entry.
    public func tensor(_ key: String) throws(StatisticsFileError) -> Tensor {
        guard let tensor = content.tensors[key] else { throw .missingEntry(key) }
        return tensor
    }

    /// The elements of an entry, after its type and shape (one-dimensional when none is given) were checked.
    public func elements<Element: TensorElement>(
        _ key: String, as type: Element.Type, shape: Shape? = nil
    ) throws(StatisticsFileError) -> [Element] {
        let tensor = try tensor(key)
        guard tensor.elementType == Element.elementType,
            shape == nil ? tensor.shape.rank == 1 : tensor.shape == shape
        else { throw .malformedEntry(key) }
        return tensor.elements(as: Element.self)
    }
}
