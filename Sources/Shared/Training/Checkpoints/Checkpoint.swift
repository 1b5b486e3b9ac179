public import Tensors

/// All that training needs to go on: how far it is, the parameters, and what the optimizer knows.
///
/// Files: `.pth` with the dictionary `{step, seed, state_dict, optimizer: {step, state}}`, which
/// `torch.load(path, weights_only=True)` opens, or `.safetensors` with the same names joined by dots. A file with parameters
/// only is read as well. Equal checkpoints give equal bytes.
public struct Checkpoint: Sendable, Hashable {
    /// Steps that were made; 0 when the file does not say it.
    public var step: Int
    /// What the order of the samples follows from, when the file says it.
    public var seed: UInt64?
    /// The parameters, and the state of observers and normalization.
    public var parameters: StateDictionary
    /// Steps that the optimizer made.
    public var optimizerStep: Int
    /// The optimizer's tensors by name: those of `Optimizer.state`.
    public var optimizerState: [String: Tensor]

    /// Makes a checkpoint.
    public init(
        step: Int, seed: UInt64? = nil, parameters: StateDictionary, optimizerStep: Int = 0,
        optimizerState: [String: Tensor] = [:]
    ) {
        self.step = step
        self.seed = seed
        self.parameters = parameters
        self.optimizerStep = optimizerStep
        self.optimizerState = optimizerState
    }

    private static let parameterPrefix = "state_dict."
    private static let optimizerPrefix = "optimizer.state."

    /// Reads a checkpoint, or a bare state dictionary, by its name's ending.
    ///
    /// Entries under `state_dict` make it a checkpoint; what else such a file has is left out.
    ///
    /// - Throws: `TensorFileError`; `malformed` when a step is no whole number, or the optimizer's state is not float32.
    public init(path: String) throws(TensorFileError) {
        let file = try StateDictionary(path: path)
        let names = file.names
        guard names.contains(where: { $0.hasPrefix(Self.parameterPrefix) }) else {
            self.init(step: 0, parameters: file)
            return
        }
        self.init(step: try Self.integer("step", file, path).map(Int.init) ?? 0, parameters: StateDictionary())
        seed = try Self.integer("seed", file, path).map { UInt64(bitPattern: $0) }
        optimizerStep = try Self.integer("optimizer.step", file, path).map(Int.init) ?? 0
        for entry in file.entries {
            if entry.name.hasPrefix(Self.parameterPrefix) {
                parameters[String(entry.name.dropFirst(Self.parameterPrefix.count))] = entry.tensor
            } else if entry.name.hasPrefix(Self.optimizerPrefix) {
                guard entry.tensor.elementType == .float32 else {
                    throw TensorFileError(
                        path: path, member: entry.name, reason: .malformed("state of type \(entry.tensor.elementType)"))
                }
                optimizerState[String(entry.name.dropFirst(Self.optimizerPrefix.count))] = entry.tensor
            }
        }
    }

    /// Writes the file by its name's ending, all at once: an older file of this name is replaced or as it was.
    ///
    /// - Throws: `TensorFileError`.
    public func write(to path: String) throws(TensorFileError) {
        switch try StateFileFormat(path: path) {
        case .safetensors:
            var file = StateDictionary()
            Self.flatten(items, prefix: "", into: &file)
            try file.write(to: path)
        case .pyTorch: try PyTorchFile.write(items, to: path)
        }
    }

    /// The entries of the file; the seed's bits are those of a signed number.
    private var items: [PyTorchFile.Item] {
        var items = [PyTorchFile.Item("step", .integer(Int64(step)))]
        if let seed { items.append(PyTorchFile.Item("seed", .integer(Int64(bitPattern: seed)))) }
        items.append(
            PyTorchFile.Item(
                "state_dict", .dictionary(parameters.entries.map { PyTorchFile.Item($0.name, .tensor($0.tensor)) })))
        let state = optimizerState.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let optimizer = [
            PyTorchFile.Item("step", .integer(Int64(optimizerStep))),
            PyTorchFile.Item("state", .dictionary(state.map { PyTorchFile.Item($0.key, .tensor($0.value)) })),
        ]
        return items + [PyTorchFile.Item("optimizer", .dictionary(optimizer))]
    }

    private static func flatten(_ items: [PyTorchFile.Item], prefix: String, into file: inout StateDictionary) {
        for item in items {
            switch item.value {
            case .tensor(let tensor): file[prefix + item.name] = tensor
            case .integer(let value): file[prefix + item.name] = Tensor(scalar: value)
            case .real(let value): file[prefix + item.name] = Tensor(scalar: value)
            case .dictionary(let items): flatten(items, prefix: "\(prefix)\(item.name).", into: &file)
            }
        }
    }

    private static func integer(
        _ name: String, _ file: StateDictionary, _ path: String
    ) throws(TensorFileError) -> Int64? {
        guard let tensor = file[name] else { return nil }
        guard tensor.elementCount == 1, tensor.elementType == .int64 else {
            throw TensorFileError(
                path: path, member: name,
                reason: .malformed("it is \(tensor.elementType)\(tensor.shape), not a whole number"))
        }
        return tensor.elements(as: Int64.self)[0]
    }
}
