import Foundation
import Glibc

/// Shows how far a long step is: one line that is overwritten on a terminal, a plain line every few seconds elsewhere.
///
/// Nothing is shown in the first two seconds, so that short steps stay silent.
struct ProgressLine {
    private let title: String
    private let unit: String
    private let alreadyDone: Int
    private let isTerminal: Bool
    private let started: ContinuousClock.Instant
    private var lastShown: ContinuousClock.Instant?
    private var isShowing = false
    /// What was to be shown last, when it was too early to show it.
    private var pending: String?

    /// Steps shorter than this show nothing.
    private static let silentPeriod = Duration.seconds(2)
    /// Time between two updates on a terminal, and between two lines elsewhere.
    private static let terminalInterval = Duration.milliseconds(200)
    private static let plainInterval = Duration.seconds(5)

    /// Starts the clock.
    ///
    /// - Parameters:
    ///   - title: What is being done, for example `calibrating`.
    ///   - unit: What is counted, for example `samples`.
    ///   - alreadyDone: What was done before, and says nothing about the rate.
    init(title: String, unit: String, alreadyDone: Int = 0) {
        self.alreadyDone = alreadyDone
        self.title = title
        self.unit = unit
        self.isTerminal = isatty(STDERR_FILENO) == 1
        self.started = ContinuousClock.now
    }

    /// Shows the state when enough time has passed since the last update.
    ///
    /// - Parameters:
    ///   - done: What is done.
    ///   - total: What there is to do; `nil` when nobody knows.
    ///   - detail: What else is said.
    mutating func update(done: Int, total: Int?, detail: String = "") {
        let now = ContinuousClock.now
        guard now - started >= Self.silentPeriod else { return }
        let text = text(done: done, total: total, elapsed: now - started, detail: detail)
        pending = text
        let interval = isTerminal ? Self.terminalInterval : Self.plainInterval
        if let lastShown, now - lastShown < interval { return }
        lastShown = now
        show(text)
    }

    /// Shows the last state, when the step was long enough to show any, and ends the line.
    mutating func finish() {
        if lastShown != nil, let pending { show(pending) }
        endLine()
    }

    private mutating func endLine() {
        guard isShowing else { return }
        StandardStreams.writeErrorInPlace("\n")
        isShowing = false
    }

    /// Writes a line of its own; the progress line goes on below it.
    mutating func interrupt(_ text: String) {
        endLine()
        StandardStreams.writeError(text)
    }

    private mutating func show(_ text: String) {
        pending = nil
        if isTerminal {
            // Without wrapping, so that a line wider than the terminal is cut and still overwritten as one.
            StandardStreams.writeErrorInPlace("\r\u{1B}[K\u{1B}[?7l" + text + "\u{1B}[?7h")
            isShowing = true
        } else {
            StandardStreams.writeError(text)
        }
    }

    private func text(done: Int, total: Int?, elapsed: Duration, detail: String) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        let rate = seconds > 0 ? Double(max(0, done - alreadyDone)) / seconds : 0
        var line = "\(title): \(done)"
        if let total {
            line += "/\(total) \(unit) (\(total > 0 ? done * 100 / total : 100) %)"
        } else {
            line += " \(unit)"
        }
        line += ", \(Self.rounded(rate)) \(unit)/s"
        if let total, rate > 0, done < total {
            line += ", ETA \(Self.clockTime(Double(total - done) / rate))"
        }
        return detail.isEmpty ? line : line + ", " + detail
    }

    private static func rounded(_ rate: Double) -> String {
        String(format: rate < 10 ? "%.1f" : "%.0f", rate)
    }

    private static func clockTime(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        return whole >= 3600
            ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
            : String(format: "%d:%02d", whole / 60, whole % 60)
    }
}
