import Datasets
import Foundation
import Tensors

/// Images of clothes and their classes, in the form that the network takes.
struct FashionMNIST {
    /// [N, 1, 28, 28]: (pixel / 255 - 0.2860) / 0.3530.
    let images: Tensor
    /// [N], 0 to 9.
    let labels: Tensor

    /// Number of images.
    var count: Int { labels.elementCount }

    /// Reads a pair of IDX files.
    init(images: String, labels: String) throws {
        let source = try DatasetSource(paths: [images], arrays: nil)
        let decoder = try SampleDecoder(
            inputs: [InputSignature(name: "data", elementType: .float32, sampleDimensions: [28, 28])],
            preprocessing: Preprocessing(
                yaml: "scale: 1/255\nmean: [0.2860]\nstd: [0.3530]\n", source: "the example"))
        var elements: [Float] = []
        for index in 0..<source.sampleCount {
            let sample = try decoder.decode(source.readRaw(index))
            elements += sample.tensors["data"]?.elements(as: Float.self) ?? []
        }
        self.images = Tensor(shape: [source.sampleCount, 1, 28, 28], elements: elements)
        let classes = try Labels.read(path: labels)
        self.labels = Tensor(shape: [classes.count], elements: classes.map { Int64($0) })
    }

    /// Some of the images, one after the other.
    func batch(_ samples: [Int]) -> (images: Tensor, labels: Tensor) {
        (
            Tensor(joining: samples.map { images.slice(outermost: $0..<$0 + 1) }),
            Tensor(joining: samples.map { labels.slice(outermost: $0..<$0 + 1) })
        )
    }
}
