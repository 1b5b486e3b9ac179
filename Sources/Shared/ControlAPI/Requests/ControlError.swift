/// Why the coordinator does not do what a client wants.
public struct ControlError: Error, ControlDocument {
    /// What kind of reason, for programs.
    public enum Code: String, Codable, Hashable, Sendable, CaseIterable {
        /// The request makes no sense.
        case invalid
        /// The request has more bytes than are read.
        case tooLarge
        /// The client may not do this.
        case refused
        /// What it names does not exist.
        case unknown
        /// A file that a job names does not exist.
        case missingFile
        /// A job's model or data cannot be used.
        case badData
        /// It is there, but in a state that does not allow this, for example a job that has ended.
        case conflict
        /// The job has not ended yet.
        case notReady
        /// The job ended without a result.
        case failed
        /// Not now: the disk is full, the coordinator leaves or does not answer.
        case unavailable
        /// A fault of the coordinator itself.
        case fault
    }

    /// What kind of reason.
    public var code: Code
    /// The thing, the reason and the remedy.
    public var error: String

    /// Describes a refusal.
    public init(_ code: Code, _ error: String) {
        self.code = code
        self.error = error
    }

    /// A request that cannot be read.
    public init(_ error: DocumentError) {
        if case .tooLarge = error {
            self.init(.tooLarge, error.description)
        } else {
            self.init(.invalid, error.description)
        }
    }

    /// The status that says the same in HTTP and in the answers of the control socket.
    public var status: Int {
        switch code {
        case .invalid: 400
        case .tooLarge: 413
        case .refused: 403
        case .unknown, .missingFile: 404
        case .badData: 422
        case .conflict, .notReady: 409
        case .failed: 410
        case .fault: 500
        case .unavailable: 503
        }
    }

    /// The exit status of a command that gets this answer, from sysexits(3).
    public var exitStatus: Int32 {
        switch code {
        case .invalid, .tooLarge: 64
        case .unknown, .conflict, .failed, .badData: 65
        case .missingFile: 66
        case .fault: 70
        case .notReady, .unavailable: 75
        case .refused: 77
        }
    }

    /// The answer as bytes.
    public var bytes: [UInt8] {
        // A text and a fixed word can always be written.
        (try? Documents.encode(self)) ?? Array(#"{"code":"fault","error":"","version":1}"#.utf8)
    }
}

extension ControlError: CustomStringConvertible {
    /// The text for people.
    public var description: String { error }
}
