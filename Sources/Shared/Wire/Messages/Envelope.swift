/// A message with its sender's header.
public struct Envelope: Hashable, Sendable {
    /// The worker's session, whichever side sends.
    public var session: SessionID
    /// Counts the sender's messages of this session, from 1.
    public var sequence: UInt64
    /// The message.
    public var message: Message

    /// Wraps a message.
    public init(session: SessionID, sequence: UInt64, message: Message) {
        self.session = session
        self.sequence = sequence
        self.message = message
    }
}

/// An envelope and the payload frame that belongs to it.
public struct Packet: Hashable, Sendable {
    /// The control frame.
    public var envelope: Envelope
    /// The payload frame; empty for messages without one.
    public var payload: [UInt8]

    /// Joins an envelope and its payload.
    ///
    /// - Precondition: The payload is empty unless the message's kind has one.
    public init(_ envelope: Envelope, payload: [UInt8] = []) {
        precondition(payload.isEmpty || envelope.message.kind.hasPayload, "\(envelope.message.kind) has no payload")
        self.envelope = envelope
        self.payload = payload
    }
}

/// Why frames from a peer are not a message.
public enum WireError: Error, Sendable, Hashable {
    /// The message has another number of frames than its kind has.
    case frameCount(kind: Message.Kind?, frames: Int)
    /// A frame is longer than allowed.
    case oversize(bytes: Int, limit: Int)
    /// The frame is not protobuf, or has too many fields, or nests too deep.
    case malformed(reason: String)
    /// The sender speaks another version of the protocol.
    case version(UInt32)
    /// A field is missing or out of range.
    case field(String)
    /// The message does not belong on this socket or in this direction.
    case misplaced(Message.Kind)
}

extension WireError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .frameCount(let kind, let frames):
            "A \(kind?.rawValue ?? "message") came in \(frames) frames, which its kind does not have; the peer is not tare"
        case .oversize(let bytes, let limit):
            "A frame of \(bytes) bytes exceeds the limit of \(limit); the peer is not tare or of another version"
        case .malformed(let reason):
            "A control frame cannot be read (\(reason)); the peer is not tare or of another version"
        case .version(let version):
            "The peer speaks protocol version \(version), this build \(WireLimits.version); use the same build on both sides"
        case .field(let name):
            "The field \(name) of a message is missing or out of range; the peer is of another version or faulty"
        case .misplaced(let kind):
            "A \(kind.rawValue) message does not belong on this socket in this direction; the peer is faulty"
        }
    }
}
