/// The version of Tare, as `--version` and manifests show it.
enum Version {
    /// Semantic version.
    static let text = "0.1.0"
}
