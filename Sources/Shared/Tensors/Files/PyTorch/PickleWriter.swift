/// Writes the pickle of a state dictionary as `torch.save` does: protocol 2, an OrderedDict of tensors.
///
/// Nothing is memorized, so equal dictionaries give equal bytes.
struct PickleWriter {
    private(set) var bytes: [UInt8] = []
    /// The tensors in the order of their storages' keys: 0, 1, ...
    private(set) var tensors: [Tensor] = []

    /// - Parameter entries: The root dictionary.
    init(_ entries: [PyTorchFile.Item]) {
        bytes += [0x80, 2]
        append(entries)
        bytes.append(UInt8(ascii: "."))
    }

    private mutating func append(_ items: [PyTorchFile.Item]) {
        callOrderedDictionary()
        bytes.append(UInt8(ascii: "("))
        for item in items {
            append(item.name)
            switch item.value {
            case .tensor(let tensor):
                append(tensor, key: String(tensors.count))
                tensors.append(tensor)
            case .integer(let value): append(Int(value))
            case .real(let value):
                // The only number of the format with the highest byte first.
                bytes += [UInt8(ascii: "G")] + LittleEndianBytes.encoded(value.bitPattern).reversed()
            case .dictionary(let items): append(items)
            }
        }
        bytes.append(UInt8(ascii: "u"))
    }

    private mutating func callOrderedDictionary() {
        appendGlobal("collections", "OrderedDict")
        bytes += Array(")R".utf8)
    }

    private mutating func append(_ tensor: Tensor, key: String) {
        let storageName = tensor.elementType.torchStorageName
        appendGlobal("torch._utils", storageName == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
        bytes.append(UInt8(ascii: "("))

        // The storage: ('storage', class, key, device, number of elements, or of bytes when it has no type).
        bytes.append(UInt8(ascii: "("))
        append("storage")
        if let storageName {
            appendGlobal("torch", storageName)
        } else {
            appendGlobal("torch.storage", "UntypedStorage")
        }
        append(key)
        append("cpu")
        append(storageName == nil ? tensor.byteCount : tensor.elementCount)
        bytes += Array("tQ".utf8)

        append(0)
        append(tensor.shape.dimensions)
        append(tensor.shape.rowMajorStrides)
        bytes.append(0x89)
        callOrderedDictionary()
        if storageName == nil { appendGlobal("torch", tensor.elementType.rawValue) }
        bytes += Array("tR".utf8)
    }

    private mutating func append(_ integers: [Int]) {
        bytes.append(UInt8(ascii: "("))
        for integer in integers { append(integer) }
        bytes.append(UInt8(ascii: "t"))
    }

    private mutating func append(_ integer: Int) {
        switch integer {
        case 0...0xFF: bytes += [UInt8(ascii: "K"), UInt8(integer)]
        case 0...0xFFFF: bytes += [UInt8(ascii: "M")] + LittleEndianBytes.encoded(UInt16(integer))
        case 0...Int(Int32.max): bytes += [UInt8(ascii: "J")] + LittleEndianBytes.encoded(Int32(integer))
        default: bytes += [0x8A, 8] + LittleEndianBytes.encoded(Int64(integer))
        }
    }

    private mutating func append(_ text: String) {
        bytes += [UInt8(ascii: "X")] + LittleEndianBytes.encoded(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    private mutating func appendGlobal(_ module: String, _ name: String) {
        bytes += Array("c\(module)\n\(name)\n".utf8)
    }
}
