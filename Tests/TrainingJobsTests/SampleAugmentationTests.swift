import Calibration
import Foundation
import Tensors
import TestSupport
import Testing
import TrainingJobs

/// Random changes that follow from seed, epoch and sample alone.
@Suite struct SampleAugmentationTests {
    private static let numbers = [0, 7, 100_000, 7, 12]

    private static func golden(_ name: String) throws -> Tensor {
        let url = Fixtures.directory.appending(path: "training/goldens.safetensors")
        return try #require(Safetensors(path: url.path).tensors["augmentation.\(name)"])
    }

    /// `Tests/Fixtures/training/make_goldens.py` draws the same numbers and moves the images with PyTorch.
    @Test(arguments: [("moved", false), ("blended", true)])
    func imagesAreThoseOfTheDefinition(name: String, mixesUp: Bool) throws {
        let images = try Self.golden("in")
        let augmentation = SampleAugmentation(Augmentation(flips: true, shift: 2, mixesUp: mixesUp), seed: 20_261_122)
        let result = try augmentation.augmented(["x": images], samples: Self.numbers, epoch: 3)
        #expect(try result == ["x": Self.golden(name)])
    }

    @Test func channelsMayBeLast() throws {
        let images = try Self.golden("in")
        func channelsLast(_ tensor: Tensor) -> Tensor {
            let source = tensor.elements(as: Float.self)
            let elements = (0..<5).flatMap { sample in
                (0..<42).flatMap { pixel in (0..<2).map { source[(sample * 2 + $0) * 42 + pixel] } }
            }
            return Tensor(shape: [5, 6, 7, 2], elements: elements)
        }
        for settings in [Augmentation(flips: true, shift: 2), Augmentation(flips: true, shift: 2, mixesUp: true)] {
            var last = settings
            last.channelsLast = true
            let first = try SampleAugmentation(settings, seed: 4).augmented(
                ["x": images], samples: Self.numbers, epoch: 1)
            let second = try SampleAugmentation(last, seed: 4).augmented(
                ["x": channelsLast(images)], samples: Self.numbers, epoch: 1)
            #expect(try second == ["x": channelsLast(#require(first["x"]))])
        }
    }

    /// Neither the other samples of the batch nor the place in it change what happens to an image.
    @Test func aSampleIsItsOwn() throws {
        let images = try Self.golden("in")
        let augmentation = SampleAugmentation(Augmentation(flips: true, shift: 3), seed: 9)
        var differing: Set<[Float]> = []
        for epoch in 0..<12 {
            let whole = try #require(augmentation.augmented(["x": images], samples: Self.numbers, epoch: epoch)["x"])
            for index in 0..<5 {
                let one = try augmentation.augmented(
                    ["x": images.slice(outermost: index..<index + 1)], samples: [Self.numbers[index]], epoch: epoch)
                #expect(one["x"] == whole.slice(outermost: index..<index + 1))
            }
            differing.insert(whole.slice(outermost: 0..<1).elements(as: Float.self))
        }
        #expect(differing.count > 6, "every epoch has images of its own")
    }

    @Test func onlyImagesAreChanged() throws {
        let augmentation = SampleAugmentation(Augmentation(shift: 3), seed: 1)
        for (tensor, text) in [
            (Tensor(zeros: [2, 8], elementType: .float32), "batch of images"),
            (Tensor(zeros: [2, 1, 8, 8], elementType: .uint8), "uint8"),
            (Tensor(zeros: [2, 1, 8, 3], elementType: .float32), "shift of 3"),
        ] {
            let error = #expect(throws: TrainingJobError.self) {
                try augmentation.augmented(["pixels": tensor], samples: [0, 1], epoch: 0)
            }
            let message = "\(try #require(error))"
            #expect(message.contains("'pixels'") && message.contains(text), "\(message)")
        }
    }
}
