import Tensors

/// The steps from an image to one input of a model.
struct ImagePipeline {
    private let preprocessing: InputPreprocessing
    private let input: String
    private let sample: String

    init(_ preprocessing: InputPreprocessing, input: String, sample: String) {
        self.preprocessing = preprocessing
        self.input = input
        self.sample = sample
    }

    /// Converts a decoded image.
    ///
    /// - Parameters:
    ///   - image: One or three channels; three are RGB.
    ///   - channels: The channels of the result when the preprocessing does not say; `nil` keeps those of the image.
    /// - Returns: The input, without batch axis.
    /// - Throws: `badSample` when the image is too small to be cut, `input` when the preprocessing does not suit it.
    func run(
        _ image: PixelImage<UInt8>, channels: InputPreprocessing.Channels? = nil
    ) throws(DatasetError) -> Tensor {
        var image = image
        switch preprocessing.channels ?? channels {
        case .rgb: if image.channelCount == 1 { image = image.grayReplicated() }
        case .bgr: image = image.channelCount == 1 ? image.grayReplicated() : image.channelsReversed()
        case .gray: if image.channelCount == 3 { image = image.luma() }
        case nil: break
        }
        if let resize = preprocessing.resize {
            let (height, width) = try size(resize, of: image)
            image = BilinearResize.resize(image, height: height, width: width)
        }
        image = try cropped(image)
        guard preprocessing.elementType != .uint8 else {
            return Tensor(shape: shape(of: image), elements: laidOut(image) { value, _ in value })
        }
        let normalization = try normalization(channelCount: image.channelCount)
        let tables = (0..<image.channelCount).map { normalization.table(channel: $0) }
        let values = laidOut(image) { pixel, channel in tables[channel][Int(pixel)] }
        return Normalization.tensor(
            values, shape: shape(of: image), elementType: preprocessing.elementType ?? .float32)
    }

    /// Converts an array that holds an image: uint8, or float32 when it needs neither resizing nor grey.
    func run(_ tensor: Tensor) throws(DatasetError) -> Tensor {
        switch tensor.elementType {
        case .uint8: return try run(try image(tensor, elements: tensor.elements(as: UInt8.self)))
        case .float32: return try run(try image(tensor, elements: tensor.elements(as: Float.self)))
        default:
            throw failure("images in arrays have to be uint8 or float32, not \(tensor.elementType)")
        }
    }

    private func run(_ floats: PixelImage<Float>) throws(DatasetError) -> Tensor {
        var image = floats
        guard preprocessing.resize == nil else { throw failure("'resize' needs uint8 images, not float32") }
        switch preprocessing.channels {
        case .rgb: if image.channelCount == 1 { image = image.grayReplicated() }
        case .bgr: image = image.channelCount == 1 ? image.grayReplicated() : image.channelsReversed()
        case .gray:
            guard image.channelCount == 1 else { throw failure("'channels: gray' needs uint8 images, not float32") }
        case nil: break
        }
        image = try cropped(image)
        guard preprocessing.elementType != .uint8 else { throw failure("'dtype: uint8' needs uint8 images") }
        let normalization = try normalization(channelCount: image.channelCount)
        let values = laidOut(image) { pixel, channel in normalization.value(pixel, channel: channel) }
        return Normalization.tensor(
            values, shape: shape(of: image), elementType: preprocessing.elementType ?? .float32)
    }

    /// Sees an array as an image: rank 2 as rows and columns, rank 3 by `array_layout`, else by `layout`.
    private func image<Value>(_ tensor: Tensor, elements: [Value]) throws(DatasetError) -> PixelImage<Value> {
        let implied: InputPreprocessing.ArrayLayout? =
            switch (tensor.shape.rank, preprocessing.layout) {
            case (2, _): .hw
            case (3, .nhwc): .hwc
            case (3, _): .chw
            default: nil
            }
        let shape = tensor.shape
        guard let layout = preprocessing.arrayLayout ?? implied, shape.rank == (layout == .hw ? 2 : 3) else {
            throw failure("an array \(shape) cannot be seen as an image; set 'array_layout' to hw, hwc or chw")
        }
        let (height, width, channelCount) =
            switch layout {
            case .hw: (shape[0], shape[1], 1)
            case .hwc: (shape[0], shape[1], shape[2])
            case .chw: (shape[1], shape[2], shape[0])
            }
        guard channelCount == 1 || channelCount == 3 || !changesColors, height > 0, width > 0, channelCount > 0 else {
            throw failure("an array \(shape) with \(channelCount) channels (array_layout: \(layout)) is no image")
        }
        guard layout == .chw, channelCount > 1 else {
            return PixelImage(height: height, width: width, channelCount: channelCount, values: elements)
        }
        var values: [Value] = []
        values.reserveCapacity(elements.count)
        for pixel in 0..<height * width {
            for channel in 0..<channelCount { values.append(elements[channel * height * width + pixel]) }
        }
        return PixelImage(height: height, width: width, channelCount: channelCount, values: values)
    }

    /// Whether the channels have to be colours.
    private var changesColors: Bool { preprocessing.channels != nil }

    private func size<Value>(
        _ resize: InputPreprocessing.Resize, of image: PixelImage<Value>
    ) throws(DatasetError) -> (height: Int, width: Int) {
        switch resize {
        case .exact(let height, let width): return (height, width)
        case .shortSide(let side):
            let (short, long) = (min(image.height, image.width), max(image.height, image.width))
            let longSide = side * long / short
            guard longSide <= ImageDecoder.maximumPixelCount / side else {
                throw .badSample(
                    sample: sample,
                    reason: "\(image.width) x \(image.height) pixels resized to a short side of \(side) are too many")
            }
            return image.height <= image.width ? (side, longSide) : (longSide, side)
        }
    }

    private func cropped<Value>(_ image: PixelImage<Value>) throws(DatasetError) -> PixelImage<Value> {
        guard let size = preprocessing.centerCrop else { return image }
        guard size.height <= image.height, size.width <= image.width else {
            throw .badSample(
                sample: sample,
                reason: "\(image.width) x \(image.height) pixels are smaller than the center_crop of \(size.width) x "
                    + "\(size.height); resize first")
        }
        return image.centerCropped(height: size.height, width: size.width)
    }

    private func normalization(channelCount: Int) throws(DatasetError) -> Normalization {
        for (key, values) in [("mean", preprocessing.mean), ("std", preprocessing.std)] {
            guard let values, values.count != 1, values.count != channelCount else { continue }
            throw failure("'\(key)' has \(values.count) values, but the image has \(channelCount) channels")
        }
        return Normalization(preprocessing, channelCount: channelCount)
    }

    private func shape<Value>(of image: PixelImage<Value>) -> Shape {
        preprocessing.layout == .nhwc
            ? [image.height, image.width, image.channelCount] : [image.channelCount, image.height, image.width]
    }

    /// The converted values in the order of the result.
    private func laidOut<Value, Result: BitwiseCopyable>(
        _ image: PixelImage<Value>, _ convert: (Value, Int) -> Result
    ) -> [Result] {
        var values: [Result] = []
        values.reserveCapacity(image.values.count)
        let pixels = image.values.span
        let channelCount = image.channelCount
        if preprocessing.layout == .nhwc {
            for pixel in stride(from: 0, to: pixels.count, by: channelCount) {
                for channel in 0..<channelCount { values.append(convert(pixels[pixel + channel], channel)) }
            }
        } else {
            for channel in 0..<channelCount {
                for pixel in stride(from: channel, to: pixels.count, by: channelCount) {
                    values.append(convert(pixels[pixel], channel))
                }
            }
        }
        return values
    }

    private func failure(_ reason: String) -> DatasetError {
        .input(name: input, reason: reason)
    }
}
