/// Where errors end.
enum Refusal {
    /// Runs `body`, which may refuse what it was given; the message that a user would see is made too.
    static func expect(_ body: () throws -> Void) {
        do { try body() } catch { _ = String(describing: error) }
    }
}
