/// What a finished dump holds.
public struct DumpSummary: Sendable, Hashable {
    /// Where it is.
    public var directory: String
    /// Operator calls that were seen.
    public var operators: Int
    /// Files that were written.
    public var files: Int
    /// Bytes in them.
    public var bytes: Int
    /// Why the dump ended early; `nil` when it is whole.
    public var failure: DumpError?
}
