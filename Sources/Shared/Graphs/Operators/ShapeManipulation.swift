/// What `Pad` puts outside the data.
public enum PaddingMode: String, Hashable, Sendable, CaseIterable {
    case constant
    case reflect
    case edge
    case wrap
}
