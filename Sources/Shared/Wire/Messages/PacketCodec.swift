internal import Foundation
internal import SwiftProtobuf

/// Packets as frames on a socket and back.
public enum PacketCodec {
    /// Turns a packet into one frame, or two when its kind has a payload.
    ///
    /// - Throws: `WireError` when a field is out of the range that the protocol states.
    public static func frames(_ packet: Packet) throws(WireError) -> [[UInt8]] {
        let message = packet.envelope.message
        guard packet.payload.count <= WireLimits.chunkBytes else {
            throw .oversize(bytes: packet.payload.count, limit: WireLimits.chunkBytes)
        }
        var envelope = ProtoEnvelope()
        envelope.version = WireLimits.version
        envelope.session = Data(packet.envelope.session.bytes)
        envelope.sequence = packet.envelope.sequence
        envelope.body = try MessageEncoder.body(message)
        let frame: [UInt8]
        do {
            frame = try envelope.serializedBytes()
        } catch {
            throw .malformed(reason: "\(error)")
        }
        guard frame.count <= WireLimits.controlFrameBytes else {
            throw .oversize(bytes: frame.count, limit: WireLimits.controlFrameBytes)
        }
        return message.kind.hasPayload ? [frame, packet.payload] : [frame]
    }

    /// Reads the frames of one message, after the routing id of a ROUTER socket was taken off.
    ///
    /// Sizes, field counts and nesting are checked before anything is decoded, every field before it is used.
    ///
    /// - Throws: `WireError` saying what is wrong with the frames.
    public static func packet(_ frames: [[UInt8]]) throws(WireError) -> Packet {
        guard let frame = frames.first, frames.count <= 2 else { throw .frameCount(kind: nil, frames: frames.count) }
        guard frame.count <= WireLimits.controlFrameBytes else {
            throw .oversize(bytes: frame.count, limit: WireLimits.controlFrameBytes)
        }
        let payload = frames.count == 2 ? frames[1] : []
        guard payload.count <= WireLimits.chunkBytes else {
            throw .oversize(bytes: payload.count, limit: WireLimits.chunkBytes)
        }
        try ProtobufScanner.check(frame)
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = WireLimits.nesting + 1
        let decoded: ProtoEnvelope
        do {
            decoded = try ProtoEnvelope(serializedBytes: frame, options: options)
        } catch {
            throw .malformed(reason: "\(error)")
        }
        guard decoded.version == WireLimits.version || decoded.isHandshake else { throw .version(decoded.version) }
        guard let session = SessionID(bytes: decoded.session) else { throw .field("session") }
        guard let body = decoded.body else { throw .field("body") }
        let message = try MessageDecoder.message(body)
        guard frames.count == (message.kind.hasPayload ? 2 : 1) else {
            throw .frameCount(kind: message.kind, frames: frames.count)
        }
        return Packet(
            Envelope(session: session, sequence: decoded.sequence, message: message), payload: payload)
    }
}

extension ProtoEnvelope {
    /// Whether this message is one in which the two sides find out that their versions differ.
    fileprivate var isHandshake: Bool {
        switch body {
        case .hello, .reject: true
        default: false
        }
    }
}
