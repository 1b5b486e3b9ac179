import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct PreprocessingTests {
    private func parse(_ yaml: String) throws -> Preprocessing {
        try Preprocessing(yaml: yaml, source: "p.yaml")
    }

    private static let complete = """
        input: data
        source: pixels
        resize: [256, 320]
        center_crop: 224
        channels: bgr
        scale: 1/255
        mean: [0.485, 0.456, 0.406]
        std: 0.25
        layout: nhwc
        array_layout: hwc
        dtype: float16
        """

    @Test func everyKeyIsRead() throws {
        let section = try #require(try parse(Self.complete).inputs.first)
        var expected = InputPreprocessing(input: "data")
        expected.source = "pixels"
        expected.resize = .exact(height: 256, width: 320)
        expected.centerCrop = .init(height: 224, width: 224)
        expected.channels = .bgr
        expected.scale = .init(1, over: 255)
        expected.mean = [0.485, 0.456, 0.406]
        expected.std = [0.25]
        expected.layout = .nhwc
        expected.arrayLayout = .hwc
        expected.elementType = .float16
        #expect(section == expected)
    }

    @Test func theWrittenTextDescribesTheSame() throws {
        for text in [Self.complete, "inputs:\n  a: {resize: 256}\n  'b: c''': {scale: 0.1}\n  d: {}\n", "scale: 1\n"] {
            let preprocessing = try parse(text)
            let again = try parse(preprocessing.yaml)
            #expect(
                again.inputs.sorted { ($0.input ?? "") < ($1.input ?? "") }
                    == preprocessing.inputs.sorted { ($0.input ?? "") < ($1.input ?? "") })
            #expect(again.yaml == preprocessing.yaml)
        }
    }

    @Test(arguments: [
        ("sclae: 1", "p.yaml:1: the key 'sclae' is unknown"), ("scale: 1\nresize: big", "p.yaml:2"),
        ("scale: 1/0", "fraction"), ("scale: 1/2/3", "fraction"), ("scale: nan", "number"),
        ("std: [1, 0]", "cannot be 0"),
        ("mean: []", "'mean'"), ("layout: chwn", "nchw, nhwc"), ("dtype: int8", "float32, float16, uint8"),
        ("resize: [1, 2, 3]", "'resize'"), ("resize: [5]", "'resize'"), ("resize: 0", "'resize'"),
        ("resize: 99999999", "'resize'"), ("center_crop: -1", "'center_crop'"),
        ("channels: gray\nmean: [1, 2, 3]", "3 values"), ("dtype: uint8\nscale: 2", "without scale"),
        ("inputs: {}", "'inputs'"), ("inputs: {a: 1}", "lacks its keys"), ("inputs: {a: {}}\nscale: 1", "stands alone"),
        ("inputs: {a: {input: b}}", "'input'"), ("just text", "keys and values"), ("", "keys and values"),
        ("a: [1", "not YAML"), ("scale: 1\nscale: 2", "p.yaml"),
    ])
    func mistakesAreNamed(yaml: String, words: String) throws {
        let error = #expect(throws: DatasetError.self) { try parse(yaml) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func anUnknownKeyListsTheKnownOnes() throws {
        let error = #expect(throws: DatasetError.self) { try parse("foo: 1") }
        #expect(error?.description.contains("array_layout, center_crop, channels") == true)
    }

    @Test func cropsAreWhereTorchvisionCutsThem() {
        // Offsets of half a difference of 1, 3 and 5 round to even: 0, 2 and 2.
        for (size, offset) in [(5, 0), (7, 2), (9, 2), (4, 0), (6, 1)] {
            let row = PixelImage(height: size, width: size, channelCount: 1, values: [Int](0..<size * size))
            #expect(row.centerCropped(height: 4, width: 4).values.first == offset * size + offset)
        }
    }
}
