/// What happens with a sample that cannot be read or decoded.
public enum BadSamplePolicy: String, Sendable, Hashable, CaseIterable, Codable {
    /// The run stops and names the sample and the reason.
    case fail
    /// The sample is left out and listed in the result manifest.
    case skip
}
