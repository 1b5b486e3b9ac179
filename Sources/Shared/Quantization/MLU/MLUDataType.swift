/// The integers that a module of the simulated device computes with.
public enum MLUDataType: String, Sendable, Hashable, CaseIterable, Codable {
    case int8
    case int16

    /// The integer that the largest magnitude is mapped to: 127 or 32767.
    public var largest: Int32 {
        switch self {
        case .int8: 127
        case .int16: 32767
        }
    }

    /// The storage type.
    public var quantizedType: QuantizedType {
        switch self {
        case .int8: .int8
        case .int16: .int16
        }
    }

    /// What `quantized_mode` says in a file, where a key of its own tells that weights have one scale per channel.
    public var fileMode: Int32 {
        switch self {
        case .int8: 1
        case .int16: 2
        }
    }

    /// What `quantized_mode` says in a loaded module: 1 and 2 with one weight scale, 3 and 4 with one per channel.
    public func mode(isPerChannel: Bool) -> Int32 { fileMode + (isPerChannel ? 2 : 0) }

    /// The type and granularity that a `quantized_mode` stands for; `nil` for other numbers than 1...4.
    public static func type(ofMode mode: Int32) -> (type: MLUDataType, isPerChannel: Bool)? {
        switch mode {
        case 1: (.int8, false)
        case 2: (.int16, false)
        case 3: (.int8, true)
        case 4: (.int16, true)
        default: nil
        }
    }
}
