import Calibration
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import Wire

@Suite struct PacketCodecTests {
    @Test(arguments: Wire.Message.Kind.allCases)
    func everyKindReadsBackTheSame(kind: Wire.Message.Kind) throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let packet = MessageSamples.packet(kind, using: &generator)
            #expect(packet.envelope.message.kind == kind)
            let frames = try PacketCodec.frames(packet)
            #expect(frames.count == (kind.hasPayload ? 2 : 1))
            #expect(try PacketCodec.packet(frames) == packet)
        }
    }

    /// Flips bits, cuts, repeats and splices frames: each is either a message or a `WireError`, never a trap.
    @Test func damagedFramesNeverTrap() throws {
        let seed: UInt64 = 20_261_121
        var generator = SeededGenerator(seed: seed)
        var accepted = 0
        let kinds = Wire.Message.Kind.allCases
        // More with TARE_FRAMES=1000000, which takes a minute.
        let rounds = ProcessInfo.processInfo.environment["TARE_FRAMES"].flatMap(Int.init) ?? 100_000
        for round in 0..<rounds {
            let packet = MessageSamples.packet(kinds[round % kinds.count], using: &generator)
            var frames = try PacketCodec.frames(packet)
            Self.damage(&frames, using: &generator)
            do throws(WireError) {
                let read = try PacketCodec.packet(frames)
                // What was accepted can be said again.
                _ = try PacketCodec.frames(read)
                accepted += 1
            } catch {
                #expect(!error.description.isEmpty, "seed \(seed), round \(round)")
            }
        }
        #expect(accepted > rounds / 100 && accepted < rounds / 100 * 99)
    }

    private static func damage(_ frames: inout [[UInt8]], using generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let index = Int.random(in: 0..<max(1, frames.count), using: &generator)
            guard index < frames.count else { return }
            let count = frames[index].count
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1, 2:
                guard count > 0 else { continue }
                frames[index][Int.random(in: 0..<count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            case 3: frames[index] = Array(frames[index].prefix(Int.random(in: 0...count, using: &generator)))
            case 4: frames[index] += frames[index].suffix(Int.random(in: 0...count, using: &generator))
            case 5:
                guard count > 0 else { continue }
                frames[index][Int.random(in: 0..<count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            case 6: frames.append(frames[index])
            default: frames.remove(at: index)
            }
        }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            let frame = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            #expect(throws: WireError.self) { try PacketCodec.packet([frame]) }
        }
    }

    @Test func oversizeFramesAreRefusedBeforeDecoding() throws {
        let large = [UInt8](repeating: 8, count: WireLimits.controlFrameBytes + 1)
        #expect(throws: WireError.oversize(bytes: large.count, limit: WireLimits.controlFrameBytes)) {
            try PacketCodec.packet([large])
        }
        let chunk = Packet(
            Envelope(
                session: SessionID(high: 0, low: 1), sequence: 1,
                message: .chunk(digest: ContentDigest(of: []), offset: 0, total: 1)),
            payload: [UInt8](repeating: 0, count: WireLimits.chunkBytes + 1))
        #expect(throws: WireError.oversize(bytes: WireLimits.chunkBytes + 1, limit: WireLimits.chunkBytes)) {
            try PacketCodec.frames(chunk)
        }
        var frames = try PacketCodec.frames(Packet(chunk.envelope))
        frames[1] = chunk.payload
        #expect(throws: WireError.oversize(bytes: WireLimits.chunkBytes + 1, limit: WireLimits.chunkBytes)) {
            try PacketCodec.packet(frames)
        }
    }

    @Test func manyTinyFieldsAreRefusedBeforeDecoding() {
        // 20,000 empty entries of a heartbeat: 40 kB that would become megabytes.
        let entries: [UInt8] = (0..<40_000).map { $0 % 2 == 0 ? 0x0A : 0 }
        let length = entries.count
        let body: [UInt8] = [
            0x8A, 0x01, UInt8(length & 0x7F | 0x80), UInt8(length >> 7 & 0x7F | 0x80), UInt8(length >> 14),
        ]
        #expect(throws: WireError.malformed(reason: "more than \(WireLimits.fields) fields")) {
            try PacketCodec.packet([body + entries])
        }
    }

    @Test func frameCountsAreExact() throws {
        var generator = SeededGenerator(seed: 8)
        for kind in Wire.Message.Kind.allCases {
            let frames = try PacketCodec.frames(MessageSamples.packet(kind, using: &generator))
            let wrong = kind.hasPayload ? [frames[0]] : frames + [[]]
            #expect(throws: WireError.frameCount(kind: kind, frames: wrong.count)) { try PacketCodec.packet(wrong) }
            let three: [[UInt8]] = [frames[0], [], []]
            #expect(throws: WireError.frameCount(kind: nil, frames: 3)) { try PacketCodec.packet(three) }
        }
        #expect(throws: WireError.frameCount(kind: nil, frames: 0)) { try PacketCodec.packet([]) }
    }

    @Test func anotherVersionIsOnlyHeardWhenItSaysHello() throws {
        var envelope = ProtoEnvelope()
        envelope.version = 9
        envelope.session = Data(SessionID(high: 1, low: 2).bytes)
        envelope.leaseRequest = ProtoLeaseRequest()
        let request: [UInt8] = try envelope.serializedBytes()
        #expect(throws: WireError.version(9)) { try PacketCodec.packet([request]) }
        envelope.hello = .make {
            $0.minimumVersion = 7
            $0.maximumVersion = 9
        }
        let hello: [UInt8] = try envelope.serializedBytes()
        #expect(try PacketCodec.packet([hello]).envelope.message.kind == .hello)
    }

    @Test func longExplanationsAreCut() throws {
        let text = String(repeating: "ß", count: 4000)
        let packet = Packet(Envelope(session: SessionID(high: 0, low: 1), sequence: 1, message: .goodbye(text: text)))
        guard case .goodbye(let read) = try PacketCodec.packet(PacketCodec.frames(packet)).envelope.message else {
            Issue.record("not a goodbye")
            return
        }
        #expect(read.utf8.count <= WireLimits.textBytes && read.hasSuffix("ß…"))
    }
}
