internal import Tensors

/// Text of a dump file on its way to the disk, in a buffer of fixed size.
struct DumpTextBuffer {
    private var bytes: [UInt8]
    private var used = 0
    /// What is full goes there.
    private let flush: ([UInt8], Int) throws(DumpError) -> Void

    /// Makes an empty buffer.
    ///
    /// - Parameters:
    ///   - bytes: The buffer itself, so that the next file can use it again.
    ///   - flush: Writes the first bytes of the buffer; told how many.
    init(_ bytes: [UInt8], flush: @escaping ([UInt8], Int) throws(DumpError) -> Void) {
        self.bytes = bytes
        self.flush = flush
    }

    /// Writes a whole file and gives the buffer back.
    mutating func write(_ content: DumpContent) throws(DumpError) -> [UInt8] {
        for piece in content.pieces {
            switch piece {
            case .text(let text): try append(text)
            case .elements(let tensor): try append(tensor)
            case .absoluteSum(let tensor): try append(AbsoluteSum.text(tensor) + "\n")
            }
        }
        try flush(bytes, used)
        // Not held twice, so that the next file need not copy it.
        let buffer = bytes
        bytes = []
        return buffer
    }

    private mutating func append(_ text: String) throws(DumpError) {
        for byte in text.utf8 {
            if used == bytes.count { try makeRoom() }
            bytes[used] = byte
            used += 1
        }
    }

    private mutating func append(_ tensor: Tensor) throws(DumpError) {
        switch tensor.elementType {
        case .float32: try append(tensor, Float.self) { Double($0) }
        case .float16: try append(tensor, Float16.self) { Double($0) }
        case .bfloat16: try append(tensor, BFloat16.self) { Double(Float($0)) }
        case .float64: try append(tensor, Double.self) { $0 }
        case .int8: try append(tensor, Int8.self) { Double($0) }
        case .uint8: try append(tensor, UInt8.self) { Double($0) }
        case .int16: try append(tensor, Int16.self) { Double($0) }
        case .uint16: try append(tensor, UInt16.self) { Double($0) }
        case .int32: try append(tensor, Int32.self) { Double($0) }
        case .uint32: try append(tensor, UInt32.self) { Double($0) }
        case .int64: try appendWhole(tensor, Int64.self)
        case .uint64: try appendWhole(tensor, UInt64.self)
        case .bool: try append(tensor, Bool.self) { $0 ? 1 : 0 }
        }
    }

    /// Appends numbers with six digits each, as many at a time as surely fit.
    @inline(__always)
    private mutating func append<Element: TensorElement>(
        _ tensor: Tensor, _ type: Element.Type, _ value: (Element) -> Double
    ) throws(DumpError) {
        try tensor.withElements(as: type) { (elements) throws(DumpError) in
            var next = 0
            while next < elements.count {
                let fitting = (bytes.count - used) / SixDigitFormat.longestLine
                guard fitting > 0 else {
                    try makeRoom()
                    continue
                }
                let end = min(elements.count, next + fitting)
                let begin = used
                used = unsafe bytes.withUnsafeMutableBytes { bytes in
                    unsafe SixDigitFormat.shared.withTables { tables in
                        guard let start = bytes.baseAddress else { return 0 }
                        var place = unsafe start + begin
                        for index in next..<end {
                            let length = unsafe tables.write(value(elements[unchecked: index]), to: place)
                            unsafe place.storeBytes(of: UInt8(ascii: "\n"), toByteOffset: length, as: UInt8.self)
                            unsafe place += length + 1
                        }
                        return unsafe place - start
                    }
                }
                next = end
            }
        }
    }

    private mutating func appendWhole<Element: TensorElement & BinaryInteger>(
        _ tensor: Tensor, _ type: Element.Type
    ) throws(DumpError) {
        try tensor.withElements(as: type) { (elements) throws(DumpError) in
            for index in elements.indices { try append("\(elements[index])\n") }
        }
    }

    private mutating func makeRoom() throws(DumpError) {
        try flush(bytes, used)
        used = 0
    }
}
