import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Small files that say they hold far more than they can, or do hold far more than they should: they are refused before
/// that much is allocated or written.
@Suite struct DecompressionBombTests {
    private func refusal(_ name: String, _ bytes: [UInt8], spoolLimit: Int = 1 << 30) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.file(name, bytes)
        let error = #expect(throws: DatasetError.self) {
            _ = try DatasetSource(paths: [path], spoolLimit: spoolLimit)
        }
        return error?.description ?? ""
    }

    private func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// A zip archive of one member whose directory says that it inflates to `byteCount`.
    private func zip(_ name: String, deflated content: [UInt8], byteCount: Int) -> [UInt8] {
        let common =
            little(20, 2) + little(0, 2) + little(8, 2) + little(0, 2) + little(0x21, 2)
            + little(Int(Deflate.checksum(of: content)), 4) + little(content.count, 4) + little(byteCount, 4)
            + little(name.utf8.count, 2) + little(0, 2)
        let member = [0x50, 0x4B, 3, 4] + common + Array(name.utf8) + content
        let directory =
            [0x50, 0x4B, 1, 2] + little(20, 2) + common + [UInt8](repeating: 0, count: 14) + Array(name.utf8)
        return member + directory + [0x50, 0x4B, 5, 6] + little(0, 4) + little(1, 2) + little(1, 2)
            + little(directory.count, 4) + little(member.count, 4) + little(0, 2)
    }

    private func header(_ shape: String) -> [UInt8] {
        let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(shape),), }"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(text.utf8.count, 2) + Array(text.utf8)
    }

    @Test func anArchiveCannotAnnounceMoreThanDeflateCanHold() throws {
        let content = Deflate.compress(header("4000000000"))
        let reason = try refusal("a.npz", zip("x.npy", deflated: content, byteCount: 4_000_000_000))
        #expect(reason.contains("\(content.count) deflated bytes cannot hold 4000000000"), "\(reason)")
    }

    @Test func aFileOfPyTorchIsNotInflatedAtAll() throws {
        let content = Deflate.compress([UInt8](repeating: 0, count: 1 << 20))
        let reason = try refusal("a.pth", zip("a/data.pkl", deflated: content, byteCount: 1 << 20))
        #expect(reason.contains("a compressed member"), "\(reason)")
    }

    @Test func aGzippedArrayCannotAnnounceMoreThanDeflateCanHold() throws {
        let header: [UInt8] = [0, 0, 8, 2, 0x7F, 0, 0, 0, 0, 0, 0x10, 0]
        var bytes = Compressed.gzip(header)
        // The size modulo 2^32 that the trailer has is the one that the header asks for.
        let announced = 12 + 0x7F00_0000 * 0x1000
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: little(announced, 4))
        let reason = try refusal("a.gz", bytes)
        #expect(reason.contains("cannot hold"), "\(reason)")
    }

    @Test func aGzippedArchiveThatGrowsTooMuchIsRefused() throws {
        let zeros = [UInt8](repeating: 0, count: 96 << 20)
        var archive = TarBuilder()
        archive.add("a.npy", zeros)
        let bytes = Compressed.gzip(archive.finished)
        #expect(bytes.count < 1 << 17)
        let reason = try refusal("a.tar.gz", bytes)
        #expect(reason.contains("decompression bomb"), "\(reason)")
    }

    @Test func aCompressedArchiveStopsAtTheLimitOfTemporaryFiles() throws {
        var archive = TarBuilder()
        archive.add("a.npy", [UInt8](repeating: 7, count: 1 << 20))
        let reason = try refusal("a.tar.gz", Compressed.gzip(archive.finished), spoolLimit: 1 << 16)
        #expect(reason.contains("--spool-limit"), "\(reason)")
    }

    @Test func anImageCannotAnnounceMoreThanItsBytesCanHold() throws {
        // 8000 x 8000 pixels are few enough to be decoded, but not out of some dozen bytes.
        var png: [UInt8] = Array("IHDR".utf8) + [0, 0, 0x1F, 0x40, 0, 0, 0x1F, 0x40, 8, 2, 0, 0, 0]
        let checksum = Deflate.checksum(of: png)
        png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + png
        png += little(Int(checksum.byteSwapped), 4) + [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E]
        var jpeg = try ImageDecoderTests.bytes("gray.jpg")
        let frame = try #require((2..<jpeg.count - 9).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x1F, 0x40, 0x1F, 0x40])
        for (bytes, format) in [(png, "PNG"), (jpeg, "JPEG")] {
            let failure = #expect(throws: ImageDecoder.Failure.self) { _ = try ImageDecoder.decode(bytes) }
            #expect(
                failure?.reason == "\(bytes.count) bytes cannot hold an image of 8000 x 8000 pixels",
                "\(format): \(failure?.reason ?? "")")
        }
    }

    @Test func samplesWithoutAnElementAreNotCounted() throws {
        let reason = try refusal("a.npy", header("60000000, 0"))
        #expect(reason.contains("its samples have no elements: [0]"), "\(reason)")
        let impossible = try refusal("b.npy", header("0, 4294967296, 4294967296"))
        #expect(impossible.contains("is impossible"), "\(impossible)")
    }
}
