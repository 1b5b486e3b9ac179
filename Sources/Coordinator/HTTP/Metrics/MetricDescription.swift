/// What a metric is: its name, its type and its meaning.
public struct MetricDescription: Sendable, Hashable {
    /// The type, as Prometheus calls it.
    public enum Kind: String, Sendable, Hashable {
        /// Only grows, until the process ends.
        case counter
        /// Goes up and down.
        case gauge
        /// How often a value was in which range.
        case histogram
    }

    /// Its name, with its unit at the end.
    public let name: String
    /// Its type.
    public let kind: Kind
    /// Its meaning, one sentence.
    public let help: String
    /// Upper bounds of a histogram's buckets, increasing, without the last one, infinity.
    public let buckets: [Double]

    /// Describes a metric.
    public init(_ name: String, _ kind: Kind, buckets: [Double] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.buckets = buckets
        self.help = help
    }
}
