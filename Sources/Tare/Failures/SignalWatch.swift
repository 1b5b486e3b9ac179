import Dispatch
import Glibc

/// SIGINT and SIGTERM, taken by this process itself from the beginning until `cancel`.
final class SignalWatch {
    private let sources: [any DispatchSourceSignal]
    /// What the signals did before.
    private let handlers: [(number: Int32, handler: sighandler_t?)]

    /// Listens for the signals.
    ///
    /// - Parameter react: Called with the number of each one, on a thread of its own.
    init(_ react: @escaping @Sendable (Int32) -> Void) {
        let numbers = [SIGINT, SIGTERM]
        // The system's own action must not come first.
        handlers = numbers.map { ($0, signal($0, SIG_IGN)) }
        sources = numbers.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { react(number) }
            source.resume()
            return source
        }
    }

    /// Lets the signals do again what they did before.
    func cancel() {
        for source in sources { source.cancel() }
        for (number, handler) in handlers { signal(number, handler) }
    }
}
