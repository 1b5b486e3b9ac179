internal import CoreMetrics
internal import Synchronization

/// One series of a metric.
protocol PrometheusSeries: AnyObject, Sendable {
    /// Appends the lines of the series.
    func write(name: String, labels: String, to text: inout String)
}

/// A number: a counter or a gauge.
final class PrometheusNumber: PrometheusSeries, CounterHandler, FloatingPointCounterHandler, MeterHandler,
    RecorderHandler
{
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ new: Int64) { value.withLock { $0 = Double(new) } }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func record(_ new: Int64) { set(new) }
    func record(_ new: Double) { set(new) }
    func reset() { set(0.0) }

    func write(name: String, labels: String, to text: inout String) {
        text += PrometheusText.line(name, labels, value.withLock { $0 })
    }
}

/// A histogram.
final class PrometheusHistogram: PrometheusSeries, RecorderHandler, TimerHandler {
    private struct Counts {
        /// Values in each bucket alone, the last one without an upper bound.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(buckets: [Double]) {
        bounds = buckets
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: buckets.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock { counts in
            counts.buckets[bucket] += 1
            counts.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func write(name: String, labels: String, to text: inout String) {
        let counts = counts.withLock { $0 }
        var total: UInt64 = 0
        for (index, count) in counts.buckets.enumerated() {
            total += count
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            let all = (labels.isEmpty ? "" : labels + ",") + "le=\"\(bound)\""
            text += PrometheusText.line(name + "_bucket", all, Double(total))
        }
        text += PrometheusText.line(name + "_sum", labels, counts.sum)
        text += PrometheusText.line(name + "_count", labels, Double(total))
    }
}
