import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct HeaderlessTests {
    private func entry(_ sample: RawSample, _ name: String?) -> Tensor? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor
    }

    @Test func rawFilesAndFoldersOfThemAreCutIntoSamples() throws {
        let folder = try TemporaryFolder()
        let values = (0..<12).map { Float($0) }
        let bytes = Tensor(shape: [12], elements: values).storage.copyBytes()
        let path = try folder.file("a.bin", bytes)
        let format = try HeaderlessFormat(text: "raw:float32:2x3")
        let source = try DatasetSource(paths: [path], headerless: format)
        #expect(source.sampleCount == 2)
        #expect(entry(try source.readRaw(1), nil) == Tensor(shape: [2, 3], elements: Array(values[6...])))
        _ = try folder.file("b.bin", Array(bytes[..<24]))
        let both = try DatasetSource(paths: [folder.url.path], headerless: format)
        #expect(both.sampleCount == 3)
        #expect(both.name(of: 2) == "\(folder.path("b.bin"))[0]")
        let error = #expect(throws: DatasetError.self) {
            try DatasetSource(paths: [folder.file("c.bin", [1, 2, 3])], headerless: format)
        }
        #expect(error?.description.contains("3 bytes are not whole samples of 24 bytes") == true)
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [path]) }
    }

    @Test func moreFilesThanAProcessMayOpenAreRead() throws {
        let folder = try TemporaryFolder()
        for index in 0..<600 { _ = try folder.file("\(1000 + index).bin", [UInt8(index & 0xFF), UInt8(index >> 8)]) }
        let source = try DatasetSource(paths: [folder.url.path], headerless: HeaderlessFormat(text: "raw:uint8:2"))
        let root = folder.url.resolvingSymlinksInPath().path
        func openFiles() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { number in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)"))?.hasPrefix(root)
                    == true
            }
        }
        for index in 0..<600 {
            #expect(
                entry(try source.readRaw(index), nil)?.elements(as: UInt8.self) == [
                    UInt8(index & 0xFF), UInt8(index >> 8),
                ])
        }
        #expect(try openFiles() < 200)
    }

    @Test(arguments: [
        "raw", "raw:float32", "raw:float33:3", "raw:float32:0x3", "raw:float32:3x", "raw:uint8:9999999999x9999999999",
        "csv:3", "tokens:0", "tokens:x", "tokens:8,pad", "tokens:8,pad=-1", "tokens:8,pad=1,pad=2",
        "tokens:8,type=float32",
        "tokens:8,width=2",
    ])
    func wrongFormatsAreRefused(text: String) throws {
        let error = #expect(throws: DatasetError.self) { try HeaderlessFormat(text: text) }
        #expect(error?.description.contains("--data-format '\(text)'") == true)
    }

    @Test func formatsKeepTheirText() throws {
        for text in [
            "raw:float32:3x224x224", "tokens:8,pad=1,type=int32,ids=a:0,mask=b,segments=c",
            "tokens:128,pad=0,type=int64",
        ] {
            #expect(try HeaderlessFormat(text: text).text == text)
        }
    }

    @Test func tokenIdsAreFilledUpAndCutOff() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("ids.csv", Array("101, 7,102\r\n1,2,3,4,5,6\n9 8\t7".utf8))
        let source = try DatasetSource(
            paths: [path],
            headerless: HeaderlessFormat(text: "tokens:4,pad=5,mask=attention_mask,segments=token_type_ids"))
        #expect(source.sampleCount == 3)
        let ids: [[Int64]] = [[101, 7, 102, 5], [1, 2, 3, 4], [9, 8, 7, 5]]
        let mask: [[Int64]] = [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
        for index in [2, 0, 1] {
            let sample = try source.readRaw(index)
            #expect(entry(sample, "input_ids")?.elements(as: Int64.self) == ids[index])
            #expect(entry(sample, "attention_mask")?.elements(as: Int64.self) == mask[index])
            #expect(entry(sample, "token_type_ids")?.elements(as: Int64.self) == [0, 0, 0, 0])
        }
        let narrow = try DatasetSource(paths: [path], headerless: HeaderlessFormat(text: "tokens:2,type=int32"))
        #expect(entry(try narrow.readRaw(0), nil)?.elements(as: Int32.self) == [101, 7])
    }

    @Test func aLineThatIsNoTokenIdsIsABadSample() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("ids.csv", Array("id\n1,-2\n\n1,99999999999\n3\n".utf8))
        let source = try DatasetSource(paths: [path], headerless: HeaderlessFormat(text: "tokens:2"))
        #expect(source.sampleCount == 5)
        for (index, place) in [(0, "'id'"), (1, "'-2'"), (2, "empty"), (3, "'99999999999'")] {
            let error = #expect(throws: DatasetError.self) { try source.readRaw(index) }
            #expect(error?.concernsOneSample == true)
            #expect(error?.description.contains("\(path):\(index + 1)") == true)
            #expect(error?.description.contains(place) == true, "\(String(describing: error))")
        }
        #expect(entry(try source.readRaw(4), nil)?.elements(as: Int64.self) == [3, 0])
    }
}
