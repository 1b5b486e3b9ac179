public import CoreMetrics
internal import Synchronization

/// A backend of swift-metrics that shows all metrics in the text format of Prometheus, version 0.0.4.
///
/// Counters become counters, gauges and meters gauges, recorders and timers histograms; timers are in seconds. A metric
/// of the catalogue has its help text and its buckets; any other is shown without help and with general buckets. A name
/// that is used with two types is shown with the first one only.
public final class PrometheusRegistry: MetricsFactory {
    /// The media type of `text()`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private static let generalBuckets = [0.001, 0.01, 0.1, 1, 10, 100, 1000]

    private struct Family {
        let kind: MetricDescription.Kind
        var series: [String: any PrometheusSeries] = [:]
    }

    private let catalogue: [String: MetricDescription]
    private let families = Mutex<[String: Family]>([:])

    /// Makes a registry without metrics.
    public init(catalogue: [MetricDescription] = MetricNames.all) {
        self.catalogue = Dictionary(catalogue.map { ($0.name, $0) }) { first, _ in first }
    }

    /// A counter of whole numbers.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { PrometheusNumber() }
    }

    /// A counter of any numbers.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter) { PrometheusNumber() }
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { PrometheusNumber() }
    }

    /// A histogram, or a gauge when nothing is to be aggregated.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate
            ? series(label, dimensions, .histogram) { PrometheusHistogram(buckets: buckets(label)) }
            : series(label, dimensions, .gauge) { PrometheusNumber() }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { PrometheusHistogram(buckets: buckets(label)) }
    }

    /// Forgets a series.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    /// Forgets a series.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    /// Forgets a series.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    /// Forgets a series.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    /// Forgets a series.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// All metrics by name, and the series of each by labels.
    public func text() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for name in families.keys.sorted() {
            guard let family = families[name] else { continue }
            if let help = catalogue[name]?.help {
                text += "# HELP \(name) \(PrometheusText.escapedHelp(help))\n"
            }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for labels in family.series.keys.sorted() {
                family.series[labels]?.write(name: name, labels: labels, to: &text)
            }
        }
        return text
    }

    private func buckets(_ name: String) -> [Double] {
        catalogue[name].map(\.buckets) ?? Self.generalBuckets
    }

    private func series<Series: PrometheusSeries>(
        _ label: String, _ dimensions: [(String, String)], _ kind: MetricDescription.Kind, make: () -> Series
    ) -> Series {
        let name = PrometheusText.name(label)
        let labels = PrometheusText.labels(dimensions)
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind)
            if let series = family.series[labels] as? Series { return series }
            let series = make()
            guard family.kind == kind else { return series }
            family.series[labels] = series
            families[name] = family
            return series
        }
    }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                families[name]?.series[labels] = nil
                if family.series.count == 1 { families[name] = nil }
                return
            }
        }
    }
}
