public import Tensors

/// The text of dump files, without files.
public enum DumpText {
    /// The text of an argument or a result, as its file holds it.
    public static func text(of value: OperatorValue, level: DumpLevel) -> String {
        var result: [UInt8] = []
        write(DumpContent(value, level: level)) { bytes, count in result += bytes[..<count] }
        return String(decoding: result, as: UTF8.self)
    }

    /// Length of the file that would hold all elements of a tensor, without making it.
    public static func byteCount(of tensor: Tensor) -> Int {
        var result = 0
        write(DumpContent(.tensor(tensor), level: .all)) { _, count in result += count }
        return result
    }

    private static func write(_ content: DumpContent, _ take: @escaping ([UInt8], Int) -> Void) {
        var buffer = DumpTextBuffer([UInt8](repeating: 0, count: 1 << 20), flush: take)
        // Only writing to a file can fail.
        _ = try? buffer.write(content)
    }
}
