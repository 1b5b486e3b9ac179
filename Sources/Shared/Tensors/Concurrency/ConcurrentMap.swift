import Dispatch
import Synchronization

extension Array where Element: Sendable {
    /// The results of `transform` in the order of the elements, computed on all cores.
    ///
    /// - Throws: The error of the first element, in order, that has one; the others are computed all the same.
    public func concurrentMap<Result: Sendable, Failure: Error>(
        _ transform: @Sendable (Element) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        guard count > 1 else {
            var results: [Result] = []
            for element in self { results.append(try transform(element)) }
            return results
        }
        let slots = Mutex([Swift.Result<Result, Failure>?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: count) { index in
            let outcome: Swift.Result<Result, Failure>
            do throws(Failure) {
                outcome = .success(try transform(self[index]))
            } catch {
                outcome = .failure(error)
            }
            slots.withLock { $0[index] = outcome }
        }
        var results: [Result] = []
        results.reserveCapacity(count)
        for case let outcome? in slots.withLock({ $0 }) { results.append(try outcome.get()) }
        return results
    }
}
