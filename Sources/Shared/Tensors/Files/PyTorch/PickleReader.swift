/// Reads the pickle of a PyTorch file without running anything: containers, numbers, texts and tensors.
///
/// It knows the opcodes of protocol 2 that PyTorch writes. Every other opcode, every function or class that is not on
/// the list, and every call with other arguments than PyTorch's is refused by name.
struct PickleReader {
    /// The elements of tuples, by their position.
    private(set) var tuples: [[PickleValue]] = []
    /// The elements of lists, by their position.
    private(set) var lists: [[PickleValue]] = []
    /// The entries of dictionaries, by their position.
    private(set) var dictionaries: [PickleDictionary] = []

    /// Most objects at a time.
    private static let maximumCount = 4 * PyTorchFile.maximumObjectCount
    private let bytes: [UInt8]
    /// The size of a storage's member; throws when there is none.
    private let byteCountOfStorage: (String) throws(PickleError) -> Int
    private var position = 0
    private var stack: [PickleValue] = []
    /// Number of elements of all containers.
    private var elementCount = 0
    /// Heights of the stack at its marks.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    init(_ bytes: [UInt8], byteCountOfStorage: @escaping (String) throws(PickleError) -> Int) {
        self.bytes = bytes
        self.byteCountOfStorage = byteCountOfStorage
    }

    /// The object that the pickle describes.
    mutating func read() throws(PickleError) -> PickleValue {
        guard try byte() == 0x80, try byte() == 2 else {
            throw .unsupported("a pickle of another protocol than 2; save it with torch.save's default protocol")
        }
        while true {
            let opcode = try byte()
            if opcode == UInt8(ascii: ".") { break }
            try run(opcode)
            // An object takes far more memory than the byte that makes it.
            guard
                stack.count + marks.count + tuples.count + lists.count + dictionaries.count + elementCount
                    <= Self.maximumCount
            else {
                throw .unsupported("more than \(Self.maximumCount) objects")
            }
        }
        guard position == bytes.count else { throw .malformed("\(bytes.count - position) bytes follow the end") }
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw .malformed("objects are left when it ends") }
        return result
    }

    private mutating func run(_ opcode: UInt8) throws(PickleError) {
        switch opcode {
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.boolean(true))
        case 0x89: stack.append(.boolean(false))
        case UInt8(ascii: "K"): stack.append(.integer(Int64(try integer(bytes: 1))))
        case UInt8(ascii: "M"): stack.append(.integer(Int64(try integer(bytes: 2))))
        case UInt8(ascii: "J"):
            stack.append(.integer(Int64(Int32(truncatingIfNeeded: try integer(bytes: 4)))))
        case 0x8A: stack.append(.integer(try long()))
        case UInt8(ascii: "G"): stack.append(.real(try real()))
        case UInt8(ascii: "X"): stack.append(.text(try text(try integer(bytes: 4))))
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "]"):
            stack.append(.list(lists.count))
            lists.append([])
        case UInt8(ascii: "}"): stack.append(makeDictionary())
        case UInt8(ascii: ")"): appendTuple([])
        case 0x85, 0x86, 0x87: try appendTuple(count: Int(opcode) - 0x84)
        case UInt8(ascii: "t"): appendTuple(try popToMark())
        case UInt8(ascii: "a"):
            let element = try pop()
            try extendList([element])
        case UInt8(ascii: "e"): try extendList(try popToMark())
        case UInt8(ascii: "s"):
            let value = try pop()
            try setItems([try pop(), value])
        case UInt8(ascii: "u"): try setItems(try popToMark())
        case UInt8(ascii: "q"): memo[try integer(bytes: 1)] = try top()
        case UInt8(ascii: "r"): memo[try integer(bytes: 4)] = try top()
        case UInt8(ascii: "h"): stack.append(try remembered(try integer(bytes: 1)))
        case UInt8(ascii: "j"): stack.append(try remembered(try integer(bytes: 4)))
        case UInt8(ascii: "c"): stack.append(.global(try global()))
        case UInt8(ascii: "R"):
            let arguments = try pop()
            stack.append(try call(try pop(), arguments))
        case UInt8(ascii: "b"):
            // Attributes of an OrderedDict, such as the _metadata of a state dict, are not needed.
            guard case .dictionary = try pop(), case .dictionary = try top() else {
                throw .unsupported("attributes of an object other than a dictionary")
            }
        case UInt8(ascii: "Q"): stack.append(.storage(try storage(try pop())))
        default: throw .unsupported("the pickle opcode \(Self.name(of: opcode)); only tensors and containers are read")
        }
    }

    private static func name(of opcode: UInt8) -> String {
        let names: [UInt8: String] = [
            0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8B: "LONG4", 0x8C: "SHORT_BINUNICODE",
            0x8D: "BINUNICODE8", 0x8E: "BINBYTES8", 0x8F: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET",
            0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE", 0x95: "FRAME", UInt8(ascii: "i"): "INST",
            UInt8(ascii: "o"): "OBJ", UInt8(ascii: "P"): "PERSID", UInt8(ascii: "B"): "BINBYTES",
            UInt8(ascii: "C"): "SHORT_BINBYTES", UInt8(ascii: "T"): "BINSTRING", UInt8(ascii: "U"): "SHORT_BINSTRING",
            UInt8(ascii: "0"): "POP", UInt8(ascii: "2"): "DUP", UInt8(ascii: "1"): "POP_MARK",
            UInt8(ascii: "d"): "DICT", UInt8(ascii: "l"): "LIST", UInt8(ascii: "I"): "INT", UInt8(ascii: "L"): "LONG",
            UInt8(ascii: "F"): "FLOAT", UInt8(ascii: "S"): "STRING", UInt8(ascii: "V"): "UNICODE",
        ]
        return names[opcode] ?? "0x" + String(opcode, radix: 16)
    }

    // MARK: Bytes

    private mutating func byte() throws(PickleError) -> UInt8 {
        guard position < bytes.count else { throw .malformed("it ends too early") }
        position += 1
        return bytes[position - 1]
    }

    private mutating func part(_ count: Int) throws(PickleError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .malformed("it ends too early") }
        position += count
        return bytes[position - count..<position]
    }

    /// An unsigned little-endian integer of at most 4 bytes.
    private mutating func integer(bytes count: Int) throws(PickleError) -> Int {
        try part(count).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func long() throws(PickleError) -> Int64 {
        let digits = try part(try integer(bytes: 1))
        guard digits.count <= 8 else { throw .unsupported("an integer of over 64 bits") }
        let negative = (digits.last ?? 0) & 0x80 != 0
        let bits = digits.reversed().reduce(negative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
        return Int64(bitPattern: bits)
    }

    private mutating func real() throws(PickleError) -> Double {
        Double(bitPattern: try part(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    private mutating func text(_ count: Int) throws(PickleError) -> String {
        guard let text = String(validating: try part(count), as: UTF8.self) else {
            throw .malformed("a text is not UTF-8")
        }
        return text
    }

    private mutating func line() throws(PickleError) -> String {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { throw .malformed("it ends too early") }
        let text = try text(end - position)
        position = end + 1
        return text
    }

    // MARK: The stack

    private mutating func pop() throws(PickleError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw .malformed("an operation lacks its operand")
        }
        return value
    }

    private func top() throws(PickleError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw .malformed("an operation lacks its operand")
        }
        return value
    }

    private mutating func popToMark() throws(PickleError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw .malformed("a mark is missing") }
        let values = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return values
    }

    private mutating func appendTuple(count: Int) throws(PickleError) {
        var values: [PickleValue] = []
        for _ in 0..<count { values.append(try pop()) }
        appendTuple(values.reversed())
    }

    private mutating func appendTuple(_ values: [PickleValue]) {
        stack.append(.tuple(tuples.count))
        tuples.append(values)
        elementCount += values.count
    }

    private func remembered(_ index: Int) throws(PickleError) -> PickleValue {
        guard let value = memo[index] else { throw .malformed("it refers to object \(index), which was not stored") }
        return value
    }

    // MARK: Containers

    private mutating func makeDictionary() -> PickleValue {
        dictionaries.append(PickleDictionary())
        return .dictionary(dictionaries.count - 1)
    }

    private mutating func extendList(_ elements: [PickleValue]) throws(PickleError) {
        guard case .list(let index) = try top() else { throw .malformed("elements for something that is no list") }
        lists[index] += elements
        elementCount += elements.count
    }

    private mutating func setItems(_ items: [PickleValue]) throws(PickleError) {
        guard case .dictionary(let index) = try top(), items.count.isMultiple(of: 2) else {
            throw .malformed("entries for something that is no dictionary")
        }
        elementCount += items.count
        for item in stride(from: 0, to: items.count, by: 2) {
            switch items[item] {
            case .text(let key): dictionaries[index].set(key, items[item + 1])
            case .integer(let key): dictionaries[index].set(String(key), items[item + 1])
            case let key: throw .unsupported("\(key.kind) as the key of a dictionary; keys are texts and integers")
            }
        }
    }

    // MARK: Functions

    private mutating func global() throws(PickleError) -> PickleGlobal {
        let (module, name) = (try line(), try line())
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .unsupported("'\(module).\(name)'; only tensors and containers are read; save model.state_dict()")
        }
        return global
    }

    private mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws(PickleError) -> PickleValue {
        guard case .global(let global) = function, case .tuple(let tuple) = arguments else {
            throw .malformed("a call of \(function.kind)")
        }
        let arguments = tuples[tuple]
        switch global {
        case .orderedDictionary where arguments.isEmpty: return makeDictionary()
        case .rebuildTensor: return .tensor(try tensor(arguments, isTyped: false))
        case .rebuildTypedTensor: return .tensor(try tensor(arguments, isTyped: true))
        case .rebuildParameter:
            guard arguments.count == 3, case .tensor(let tensor) = arguments[0] else { fallthrough }
            return .tensor(tensor)
        default: throw .malformed("a call with unknown arguments")
        }
    }

    /// The arguments: storage, offset, size, stride, requires_grad, hooks, then the type when it is not the storage's,
    /// then perhaps metadata.
    private func tensor(_ arguments: [PickleValue], isTyped: Bool) throws(PickleError) -> PickledTensor {
        let required = isTyped ? 7 : 6
        guard arguments.count == required || arguments.count == required + 1,
            case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
            let extents = integers(arguments[2]), let strides = integers(arguments[3]),
            case .boolean = arguments[4]
        else { throw .malformed("a tensor has unknown arguments") }
        var elementType = storage.elementType
        if isTyped, case .global(.elementType(let type)) = arguments[6] { elementType = type }
        guard let elementType else { throw .malformed("a tensor has no element type") }
        guard let shape = Shape(checking: extents), let offset = Int(exactly: offset),
            let tensor = PickledTensor(
                storage: storage, elementType: elementType, offset: offset, shape: shape, strides: strides)
        else {
            throw .malformed(
                "a tensor of shape \(extents), strides \(strides) and offset \(offset) lies outside of its storage "
                    + "'\(storage.key)' of \(storage.byteCount) bytes")
        }
        return tensor
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let tuple) = value, tuples[tuple].count <= 64 else { return nil }
        let values = tuples[tuple]
        let integers = values.compactMap { value in
            if case .integer(let integer) = value { Int(exactly: integer) } else { nil }
        }
        return integers.count == values.count ? integers : nil
    }

    /// A persistent identifier: ('storage', class, key, device, number of elements).
    private func storage(_ identifier: PickleValue) throws(PickleError) -> PickledStorage {
        guard case .tuple(let tuple) = identifier else { throw .malformed("a storage has unknown arguments") }
        let parts = tuples[tuple]
        guard parts.count == 5, case .text("storage") = parts[0],
            case .global(.storageType(let type)) = parts[1], case .text(let key) = parts[2], case .text = parts[3],
            case .integer(let count) = parts[4], let count = Int(exactly: count), count >= 0
        else { throw .malformed("a storage has unknown arguments") }
        let available = try byteCountOfStorage(key)
        let (needed, overflow) = count.multipliedReportingOverflow(by: type?.byteCount ?? 1)
        guard !overflow, needed <= available else {
            throw .malformed("storage '\(key)' should hold \(count) elements, but has \(available) bytes")
        }
        return PickledStorage(key: key, elementType: type, byteCount: needed)
    }
}

/// The entries of a Python dictionary, in order.
struct PickleDictionary {
    private(set) var entries: [(key: String, value: PickleValue)] = []
    private var positions: [String: Int] = [:]

    mutating func set(_ key: String, _ value: PickleValue) {
        if let position = positions[key] {
            entries[position].value = value
        } else {
            positions[key] = entries.count
            entries.append((key, value))
        }
    }
}

/// Why a pickle was refused; the reader of the file adds its name.
enum PickleError: Error, Equatable {
    case malformed(String)
    case unsupported(String)
}
