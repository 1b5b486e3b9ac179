internal import CoreMetrics
internal import Metrics

/// What the HTTP server counts of itself, and what it shows of its process.
struct HTTPMetrics: Sendable {
    private let answers: [String: [Counter]]
    private let process: ProcessMetrics

    init(factory: any MetricsFactory) {
        answers = Dictionary(
            uniqueKeysWithValues: Route.names.map { route in
                let counters = (2...5).map { status in
                    Counter(
                        label: MetricNames.httpRequests.name,
                        dimensions: [("route", route), ("status", "\(status)xx")],
                        factory: factory)
                }
                return (route, counters)
            })
        process = ProcessMetrics(factory: factory)
    }

    /// Counts an answer; `route` is `nil` for a path that names nothing.
    func answered(route: String?, status: Int) {
        guard let counters = answers[route ?? "other"], counters.indices.contains(status / 100 - 2) else { return }
        counters[status / 100 - 2].increment()
    }

    /// Brings the figures of the process up to date.
    func update() {
        process.update()
    }
}
