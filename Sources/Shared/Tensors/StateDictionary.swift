/// The parameters of a model by name, in an order: what PyTorch calls a state dict.
public struct StateDictionary: Sendable, Hashable {
    /// One parameter.
    public struct Entry: Sendable, Hashable {
        /// Name: the module's path, a dot, and the parameter's own name.
        public var name: String
        /// The values.
        public var tensor: Tensor

        /// Makes an entry.
        public init(name: String, tensor: Tensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    /// The entries in order; no two have the same name.
    public private(set) var entries: [Entry] = []
    private var positions: [String: Int] = [:]

    /// Makes an empty dictionary.
    public init() {}

    /// Makes a dictionary.
    ///
    /// - Precondition: No two entries have the same name.
    public init(_ entries: some Sequence<Entry>) {
        for entry in entries {
            precondition(positions[entry.name] == nil, "Two parameters have the name '\(entry.name)'")
            self[entry.name] = entry.tensor
        }
    }

    /// The names in order.
    public var names: [String] { entries.map(\.name) }

    /// Number of entries.
    public var count: Int { entries.count }

    /// Whether there is no entry.
    public var isEmpty: Bool { entries.isEmpty }

    /// The tensor of a name; a new name goes to the end, `nil` removes the entry.
    public subscript(name: String) -> Tensor? {
        get { positions[name].map { entries[$0].tensor } }
        set {
            switch (positions[name], newValue) {
            case (let position?, let tensor?): entries[position].tensor = tensor
            case (nil, let tensor?):
                positions[name] = entries.count
                entries.append(Entry(name: name, tensor: tensor))
            case (let position?, nil):
                entries.remove(at: position)
                positions = [:]
                for (position, entry) in entries.enumerated() { positions[entry.name] = position }
            case (nil, nil): break
            }
        }
    }
}

extension StateDictionary {
    /// The metadata of a safetensors file under which the names stand in their order, one in a line.
    private static let orderKey = "order"

    /// Makes a dictionary of the tensors of a safetensors file.
    ///
    /// The format keeps no order; files written here say it in their metadata. In others names ascend.
    public init(_ file: Safetensors) {
        let ascending = file.tensors.keys.inByteOrder()
        let said = (file.metadata[Self.orderKey] ?? "").split(separator: "\n").map(String.init)
        let names = said.count == ascending.count && Set(said) == Set(ascending) ? said : ascending
        self.init(names.compactMap { name in file.tensors[name].map { Entry(name: name, tensor: $0) } })
    }

    /// The same tensors as a safetensors file, with the mark by which programs of the PyTorch world know it.
    public var safetensors: Safetensors {
        var tensors: [String: Tensor] = [:]
        for entry in entries { tensors[entry.name] = entry.tensor }
        return Safetensors(
            tensors: tensors, metadata: ["format": "pt", Self.orderKey: names.joined(separator: "\n")])
    }
}
