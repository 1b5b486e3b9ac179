import Tensors

/// `value = (pixel * scale - mean) / std` in Float: each operation rounds to nearest, half to even, and a scale `a/b`
/// multiplies by a and then divides by b.
struct Normalization {
    private let scale: InputPreprocessing.Scale
    private let mean: [Float]
    private let std: [Float]

    /// Spreads scalar values over the channels.
    ///
    /// - Precondition: Lists have one value or one for each channel.
    init(_ preprocessing: InputPreprocessing, channelCount: Int) {
        func spread(_ values: [Float]?, _ absent: Float) -> [Float] {
            guard let values, values.count != 1 else {
                return [Float](repeating: values?[0] ?? absent, count: channelCount)
            }
            precondition(values.count == channelCount, "\(values.count) values for \(channelCount) channels")
            return values
        }
        scale = preprocessing.scale ?? InputPreprocessing.Scale(1)
        mean = spread(preprocessing.mean, 0)
        std = spread(preprocessing.std, 1)
    }

    func value(_ pixel: Float, channel: Int) -> Float {
        (pixel * scale.numerator / scale.denominator - mean[channel]) / std[channel]
    }

    /// The value of each of the 256 pixel levels in one channel.
    func table(channel: Int) -> [Float] {
        (0..<256).map { value(Float($0), channel: channel) }
    }

    /// A tensor of float32 or float16 (rounded to nearest, half to even).
    static func tensor(_ values: [Float], shape: Shape, elementType: ElementType) -> Tensor {
        elementType == .float16
            ? Tensor(shape: shape, elements: values.map { Float16($0) }) : Tensor(shape: shape, elements: values)
    }
}
