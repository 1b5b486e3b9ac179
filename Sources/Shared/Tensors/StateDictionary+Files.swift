extension StateDictionary {
    /// Reads a file by its name's ending: `.safetensors`, or `.pth`, `.pt` and `.bin` of `torch.save`.
    ///
    /// - Throws: `TensorFileError`, `unsupported` for other endings.
    public init(path: String) throws(TensorFileError) {
        try self.init(path: path, format: StateFileFormat(path: path))
    }

    /// Reads a file of a format.
    ///
    /// - Throws: `TensorFileError`.
    public init(path: String, format: StateFileFormat) throws(TensorFileError) {
        switch format {
        case .safetensors: self.init(try Safetensors(path: path))
        case .pyTorch: self = try PyTorchFile.read(path: path)
        }
    }

    /// Writes a file by its name's ending, as `init(path:)` reads it.
    public func write(to path: String) throws(TensorFileError) {
        switch try StateFileFormat(path: path) {
        case .safetensors: try safetensors.write(to: path)
        case .pyTorch: try PyTorchFile.write(self, to: path)
        }
    }
}

/// The formats of state dictionaries.
public enum StateFileFormat: Sendable, Hashable {
    case safetensors
    case pyTorch

    /// The format that a file's name says.
    ///
    /// - Throws: `unsupported`, naming the endings that there are.
    public init(path: String) throws(TensorFileError) {
        let name = path.lowercased()
        if name.hasSuffix(".safetensors") {
            self = .safetensors
        } else if [".pth", ".pt", ".bin"].contains(where: name.hasSuffix) {
            self = .pyTorch
        } else {
            throw TensorFileError(
                path: path, reason: .unsupported("a state dictionary of this name; end it with .safetensors or .pth"))
        }
    }
}
