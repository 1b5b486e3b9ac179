import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageDecoderTests {
    static let folder = Fixtures.directory.appending(path: "images")
    static let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        .filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".png") }.sorted()

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    private func rgb(_ image: PixelImage<UInt8>) -> PixelImage<UInt8> {
        image.channelCount == 1 ? image.grayReplicated() : image
    }

    @Test func everyKindOfImageHasPillowsPixels() throws {
        let expected = try NPZFile(path: Self.folder.appending(path: "images.npz").path)
        let names = try #require(Self.names)
        #expect(names == expected.names.sorted() && names.count == 17)
        for name in names {
            let pixels = try expected.tensor(name)
            let image = rgb(try ImageDecoder.decode(Self.bytes(name)))
            #expect(pixels.shape == [image.height, image.width, 3], "\(name)")
            #expect(pixels.elements(as: UInt8.self) == image.values, "\(name)")
        }
    }

    @Test func resizingEqualsPillowsRowsThenColumnsToTheBitAndItsOtherOrderWithinOneLevel() throws {
        let expected = try NPZFile(path: Self.folder.appending(path: "resized.npz").path)
        for key in expected.names where key != "luma" {
            let parts = key.split(separator: " ")
            let image = try ImageDecoder.decode(Self.bytes(String(parts[0])))
            let height = try #require(Int(parts[1]))
            let width = try #require(Int(parts[2]))
            let resized = BilinearResize.resize(image, height: height, width: width)
            let pixels = try expected.tensor(key).elements(as: UInt8.self)
            let differences = zip(resized.values, pixels).map { abs(Int($0) - Int($1)) }
            #expect(resized.values.count == pixels.count)
            #expect((differences.max() ?? 0) <= (key.hasSuffix("at once") ? 1 : 0), "\(key)")
        }
    }

    @Test func lumaEqualsPillows() throws {
        let expected = try NPZFile(path: Self.folder.appending(path: "resized.npz").path).tensor("luma")
        #expect(try ImageDecoder.decode(Self.bytes("color.png")).luma().values == expected.elements(as: UInt8.self))
    }

    @Test func cutImagesAreBroken() throws {
        for name in try #require(Self.names) {
            let bytes = try Self.bytes(name)
            // A JPEG may lack its end marker and a PNG its end chunk without a missing pixel; all other cuts lose some.
            for length in stride(from: 0, through: bytes.count - 20, by: 41) {
                #expect(throws: ImageDecoder.Failure.self, "\(name) cut to \(length)") {
                    try ImageDecoder.decode(Array(bytes[..<length]))
                }
            }
        }
    }

    @Test func damagedImagesNeverCrash() throws {
        let seed: UInt64 = 0x7A2E_0005
        var generator = SeededGenerator(seed: seed)
        for name in try #require(Self.names) {
            let original = try Self.bytes(name)
            for _ in 0..<40 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let place = Int.random(in: 0..<min(bytes.count, 700), using: &generator)
                    bytes[place] = UInt8.random(in: 0...255, using: &generator)
                }
                _ = try? ImageDecoder.decode(bytes)
            }
        }
    }

    @Test func otherFilesAndBombsAreNamed() throws {
        func reason(_ bytes: [UInt8]) -> String? {
            do {
                _ = try ImageDecoder.decode(bytes)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason([]) == "the file is empty")
        #expect(reason(Array("GIF89a".utf8)) == "this is neither a JPEG nor a PNG image")
        // A JPEG that ends after its start marker is cut; one that ends properly without a picture holds only tables.
        #expect(reason([0xFF, 0xD8, 0xFF, 0xD9])?.contains("no picture") == true)
        // A PNG header of 60000 x 60000 pixels, with the right checksum, and no data.
        var header: [UInt8] = Array("IHDR".utf8) + [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 2, 0, 0, 0]
        let checksum = Deflate.checksum(of: header)
        header += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: checksum >> $0) }
        let data: [UInt8] = [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E]
        let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
        #expect(reason(start + header + data)?.contains("60000 x 60000 pixels") == true)
    }
}
