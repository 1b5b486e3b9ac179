/// A process and the part of its output that is no whole line yet.
struct RunningProcess {
    /// A longer line is passed on in pieces.
    static let longestLine = 65_536

    let process: ChildProcess
    /// When it was started.
    let started: Duration
    private(set) var lastLine = ""
    private var partialLine: [UInt8] = []

    init(process: ChildProcess, started: Duration) {
        self.process = process
        self.started = started
    }

    /// The lines that are whole now.
    ///
    /// - Parameter bytes: What was written; `nil` at the end, where what is left counts as a line.
    /// - Returns: The lines, without their ends.
    mutating func lines(adding bytes: [UInt8]?) -> [String] {
        partialLine += bytes ?? []
        var pieces = partialLine.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var rest = pieces.popLast() ?? []
        if !rest.isEmpty, bytes == nil || rest.count > Self.longestLine {
            pieces.append(rest)
            rest = []
        }
        partialLine = Array(rest)
        let lines = pieces.map { String(decoding: $0, as: UTF8.self) }
        lastLine = lines.last ?? lastLine
        return lines
    }
}
