public import Logging
internal import Tensors

/// Writes one entry with level DEBUG for every operator of the eager backend, with all its arguments.
///
/// The entry's function is the operator; its text has each argument's name and, directly behind it, what the argument is:
/// `self[shape: [1, 2], device: mlu:0, dtype: Float] alpha[value: 1] `.
public final class OperatorLog: OperatorObserver, Sendable {
    private let logger: Logger
    private let device: String

    /// Makes an observer.
    ///
    /// - Parameters:
    ///   - logger: Where entries go: `DeviceLog.eager()`.
    ///   - device: The device that tensors are said to be on.
    public init(logger: Logger, device: String = "mlu:0") {
        self.logger = logger
        self.device = device
    }

    /// Writes the entry.
    public func begin(_ call: OperatorCall) {
        // Most runs do not show it, and then it is not made either.
        guard logger.logLevel <= .debug else { return }
        logger.debug("\(Self.text(call.arguments, device: device))", function: call.name)
    }

    /// Writes nothing.
    public func end(
        _ call: OperatorCall, result: OperatorValue, origin: OperatorResultOrigin,
        onHost: () throws -> OperatorValue
    ) {}

    /// Writes what the operator has thrown, with level ERROR.
    public func fail(_ call: OperatorCall, _ error: any Error) {
        logger.error("\(error)", function: call.name)
    }

    /// The text of an entry.
    static func text(_ arguments: [(name: String, value: OperatorValue)], device: String) -> String {
        arguments.map { $0.name + describe($0.value, device: device) }.joined()
    }

    /// A value with its trailing blank.
    private static func describe(_ value: OperatorValue, device: String) -> String {
        switch value {
        case .tensor(let tensor):
            "[shape: \(tensor.shape), device: \(device), dtype: \(tensor.elementType.scalarTypeName)] "
        case .undefinedTensor: "[undefined] "
        case .scalar(.boolean(let flag)), .plain(.boolean(let flag)): "[\(flag)] "
        case .scalar, .plain, .text, .generator: "[value: \(plainText(value))] "
        case .optional(nil): "[no use] "
        case .optional(let value?): describe(value, device: device)
        case .sequence(.tensorList, let values): values.map { describe($0, device: device) }.joined()
        case .sequence(_, let values) where !values.isEmpty && values.allSatisfy(\.isTensor):
            values.map { describe($0, device: device) }.joined()
        case .sequence: "[value: \(plainText(value))] "
        }
    }

    /// A value within brackets.
    private static func plainText(_ value: OperatorValue) -> String {
        switch value {
        case .scalar(let number), .plain(let number): number.dumpText
        case .text(let text): text
        case .generator(let seed, _): "\(seed)"
        case .tensor(let tensor): "\(tensor.shape)"
        case .undefinedTensor: "undefined"
        case .optional(let value): value.map(plainText) ?? "None"
        case .sequence(_, let values): "[\(values.map(plainText).joined(separator: ", "))]"
        }
    }
}

extension OperatorValue {
    /// Whether this is a tensor argument.
    fileprivate var isTensor: Bool {
        switch self {
        case .tensor, .undefinedTensor: true
        default: false
        }
    }
}
