import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct SampleDecoderTests {
    private func input(
        _ name: String = "x", _ type: ElementType = .float32, _ extents: [Int?]? = nil
    ) -> InputSignature {
        InputSignature(name: name, elementType: type, sampleDimensions: extents)
    }

    private func decoder(_ yaml: String?, _ inputs: [InputSignature]) throws -> SampleDecoder {
        try SampleDecoder(inputs: inputs, preprocessing: yaml.map { try Preprocessing(yaml: $0, source: "p.yaml") })
    }

    private func arrays(_ tensors: [(String?, Tensor)]) -> RawSample {
        RawSample(name: "data[0]", content: .arrays(tensors.map { .init(name: $0.0, tensor: $0.1) }))
    }

    @Test func floatsPassUnchanged() throws {
        let tensor = Tensor(shape: [2, 2], elements: [Float](arrayLiteral: 1, -2, .nan, 4))
        let decoder = try decoder(nil, [input("x", .float32, [2, nil])])
        let sample = try decoder.decode(arrays([("label", Tensor(scalar: Int64(1))), ("x", tensor)]))
        #expect(sample.tensors == ["x": tensor])
        #expect(decoder.arrayNames == ["x"])
    }

    @Test func anIDXImageIsNormalizedAsNumPyDoesIt() throws {
        let pixels = [UInt8](0...255)
        let decoder = try decoder(
            "layout: nchw\nscale: 1/255\nmean: 0.2860\nstd: 0.3530", [input("x", .float32, [1, 16, 16])])
        let sample = try decoder.decode(arrays([(nil, Tensor(shape: [16, 16], elements: pixels))]))
        let expected = pixels.map { (Float($0) / 255 - 0.2860) / 0.3530 }
        #expect(sample.tensors["x"]?.elements(as: Float.self) == expected)
        try decoder.check(.arrays([DatasetArray(name: nil, elementType: .uint8, shape: [16, 16])]))
    }

    @Test func anImageGoesThroughAllStepsInOrder() throws {
        let bytes = try ImageDecoderTests.bytes("color.png")
        let yaml = """
            resize: 24
            center_crop: [20, 22]
            channels: bgr
            scale: 1/255
            mean: [0.1, 0.2, 0.3]
            std: [0.5, 0.25, 2]
            """
        let sample = try decoder(yaml, [input("x", .float32, [3, 20, 22])]).decode(
            RawSample(name: "color.png", content: .image(bytes)))
        let image = try ImageDecoder.decode(bytes)
        // 37 x 53: the short side becomes 24, the long one 24 * 53 / 37 = 34.
        let small = BilinearResize.resize(image, height: 24, width: 34).centerCropped(height: 20, width: 22)
        var expected: [Float] = []
        for channel in 0..<3 {
            for pixel in 0..<20 * 22 {
                let value = Float(small.values[pixel * 3 + 2 - channel])
                expected.append((value / 255 - [0.1, 0.2, 0.3][channel]) / [0.5, 0.25, 2][channel])
            }
        }
        #expect(sample.tensors["x"] == Tensor(shape: [3, 20, 22], elements: expected))
    }

    @Test func layoutsAndTypesAreAsAsked() throws {
        let bytes = try ImageDecoderTests.bytes("gray.jpg")
        let raw = RawSample(name: "gray.jpg", content: .image(bytes))
        let image = try ImageDecoder.decode(bytes)
        let gray = try decoder("channels: gray\nlayout: nhwc\ndtype: uint8", [input("x", .uint8)]).decode(raw)
        #expect(gray.tensors["x"] == Tensor(shape: [37, 53, 1], elements: image.values))
        let half = try decoder("layout: nhwc\ndtype: float16", [input("x", .float16)]).decode(raw)
        #expect(half.tensors["x"]?.shape == [37, 53, 3])
        #expect(half.tensors["x"]?.elements(as: Float16.self) == image.grayReplicated().values.map { Float16($0) })
    }

    @Test func arraysOfImagesAreSeenByTheirLayout() throws {
        let planes = Tensor(shape: [3, 2, 2], elements: [UInt8](0..<12))
        let interleaved = Tensor(shape: [2, 2, 3], elements: [UInt8]([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]))
        let fromPlanes = try decoder("layout: nhwc\narray_layout: chw", [input()]).decode(arrays([("x", planes)]))
        #expect(
            fromPlanes.tensors["x"]?.elements(as: Float.self) == interleaved.elements(as: UInt8.self).map { Float($0) })
        let toPlanes = try decoder("layout: nchw\narray_layout: hwc\ndtype: uint8", [input("x", .uint8)])
        #expect(try toPlanes.decode(arrays([("x", interleaved)])).tensors["x"] == planes)
        let floats = Tensor(shape: [3, 2, 2], elements: (0..<12).map { Float($0) })
        let normalized = try decoder("mean: [0, 4, 8]", [input()]).decode(arrays([("x", floats)]))
        #expect(normalized.tensors["x"]?.elements(as: Float.self) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    }

    @Test func scalarsApplyToArraysOfAnyRank() throws {
        let tokens = Tensor(shape: [4], elements: [Int64](arrayLiteral: 1, 2, 3, 4))
        let sample = try decoder(
            "inputs: {ids: {}, x: {source: raw, scale: 0.5, mean: 1}}",
            [
                input("ids", .int64, [4]), input("x", .float32, [4]),
            ]
        ).decode(arrays([("ids", tokens), ("raw", Tensor(shape: [4], elements: [Int16](arrayLiteral: 2, 4, 6, -8)))]))
        #expect(sample.tensors["ids"] == tokens)
        #expect(sample.tensors["x"]?.elements(as: Float.self) == [0, 1, 2, -5])
    }

    @Test(arguments: [
        (nil, "uint8", "uint8 [4, 4], but the model expects float32 [1, 4, 4]"),
        ("scale: 1/255", "uint8", "float32 [4, 4], but the model expects float32 [1, 4, 4]"),
        ("resize: [8, 8]", "uint8", "float32 [1, 8, 8], but"), ("resize: [4, 4]", "float32", "needs uint8"),
        ("mean: [1, 2, 3]", "uint8", "3 values"), ("array_layout: chw", "uint8", "cannot be seen as an image"),
    ])
    func dataThatDoNotSuitAreNamedBeforeAnyIsRead(yaml: String?, type: String, words: String) throws {
        let decoder = try decoder(yaml, [input("x", .float32, [1, 4, 4])])
        let element = try #require(ElementType(rawValue: type))
        let error = #expect(throws: DatasetError.self) {
            try decoder.check(.arrays([DatasetArray(name: "x", elementType: element, shape: [4, 4])]))
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func inputsWithoutDataAreNamed() throws {
        let two = [input("a"), input("b")]
        #expect(throws: DatasetError.self) { try decoder(nil, two).check(.images) }
        #expect(throws: DatasetError.self) { try decoder(nil, [input()]).check(.images) }
        #expect(throws: DatasetError.self) { try decoder("scale: 1", two) }
        #expect(throws: DatasetError.self) { try decoder("input: c", two) }
        let unnamed = DatasetArray(name: nil, elementType: .float32, shape: [1])
        #expect(throws: DatasetError.self) { try decoder(nil, two).check(.arrays([unnamed])) }
        let error = #expect(throws: DatasetError.self) {
            try decoder(nil, [input("x")]).check(
                .arrays([DatasetArray(name: "y", elementType: .float32, shape: [1])]))
        }
        #expect(error?.description.contains("no array 'x', only: y") == true)
    }

    @Test func aBrokenImageConcernsOneSample() throws {
        let decoder = try decoder("scale: 1/255", [input()])
        let error = #expect(throws: DatasetError.self) {
            try decoder.decode(RawSample(name: "cat.jpg", content: .image(Array("not an image".utf8))))
        }
        #expect(error == .badSample(sample: "cat.jpg", reason: "this is neither a JPEG nor a PNG image"))
        #expect(error?.concernsOneSample == true)
    }

    @Test func aStreamedSampleDecodesToTheSameBytes() throws {
        let decoder = try decoder("resize: 16\ncenter_crop: 16\nscale: 1/255", [input()])
        let source = try DatasetSource(paths: [Fixtures.directory.appending(path: "images/color_420.jpg").path])
        let raw = try source.readRaw(0)
        #expect(try decoder.decode(raw) == decoder.decode(RawSample(decoding: raw.encoded())))
    }
}
