import Foundation
import MLU
import Tensors

/// Calls operators as the eager backend does, with results made by hand.
struct DumpTestBackend {
    /// Who sees the calls; asked before every operator, as the eager backend asks for the process's dumper.
    var observer: () -> (any OperatorObserver)?

    /// Calls an operator: `host` is what the host computes, if it can; `body` calls the operators that this one calls and
    /// gives its result.
    @discardableResult
    func call<Failure: Error>(
        _ name: String, _ arguments: KeyValuePairs<String, OperatorValue>, origin: OperatorResultOrigin = .library,
        host: (() throws -> OperatorValue)? = nil, _ body: () throws(Failure) -> OperatorValue
    ) throws(Failure) -> OperatorValue {
        let call = OperatorCall(name: name, arguments: arguments.map { (name: $0.key, value: $0.value) })
        let observer = observer()
        observer?.begin(call)
        do throws(Failure) {
            let result = try body()
            observer?.end(call, result: result, origin: origin) {
                guard let host else { throw NotOnTheHost() }
                return try host()
            }
            return result
        } catch {
            observer?.fail(call, error)
            throw error
        }
    }
}

/// The host lacks the operator.
struct NotOnTheHost: Error {}

extension URL {
    /// All files and directories below, hidden ones included, in order.
    var tree: [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted()
    }

    /// The text of a file below.
    func text(_ name: String) throws -> String {
        try String(contentsOf: appending(path: name), encoding: .utf8)
    }
}

/// Tensors of tests.
enum Samples {
    static let row: [Float] = [-2.1, -1.1, 0.1, 1.1, 2.1, 3.1, 4.1, 5.1, 6.1, 7.1, 8.1, 9.1]

    static func tensor(_ values: Float...) -> OperatorValue {
        .tensor(Tensor(shape: [values.count], elements: values))
    }
}
