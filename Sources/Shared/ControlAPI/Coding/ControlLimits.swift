/// The bounds of what the control interface takes and gives.
public enum ControlLimits {
    /// Bytes of a request: of a body on HTTP, of the text on the control socket.
    public static let requestBytes = 65_536
    /// Bytes of an answer that a client reads.
    public static let answerBytes = 16 << 20
    /// UTF-8 bytes of a job's name.
    public static let nameBytes = 256
    /// Words of a submission.
    public static let arguments = 256
    /// UTF-8 bytes of one word.
    public static let argumentBytes = 4096
    /// Priorities that a job can have; a higher one goes first.
    public static let priorities = -1000...1000
    /// UTF-8 bytes of a reason that somebody gives.
    public static let reasonBytes = 1024
    /// Entries that one page may have.
    public static let pageEntries = 1000
    /// Entries of a page for which none are named.
    public static let defaultPageEntries = 100
    /// Bins of a layer's sparkline.
    public static let sparklineBins = 64
    /// Digits of a worker's session that are enough to name it, if no other begins with them.
    public static let sessionDigits = 4...32
}
