public import Tensors

/// How raw samples become the inputs of a model; usually read from a YAML file.
public struct Preprocessing: Sendable, Hashable {
    /// The description of each input; a single one may leave out which input it is for.
    public var inputs: [InputPreprocessing]

    /// Makes a description.
    public init(inputs: [InputPreprocessing]) {
        self.inputs = inputs
    }
}

/// How one model input is made.
///
/// The steps, in this order: decode; change the channels; resize; cut the middle out; `value = (pixel * scale - mean) /
/// std` in Float, each operation rounded; lay out; convert to the element type.
public struct InputPreprocessing: Sendable, Hashable {
    /// The size of an image after `resize`.
    public enum Resize: Sendable, Hashable {
        /// This size, whatever the shape of the original.
        case exact(height: Int, width: Int)
        /// The shorter side gets this length, the longer one the same share of itself, rounded down.
        case shortSide(Int)
    }

    /// The height and width of a part of an image.
    public struct CropSize: Sendable, Hashable {
        /// Number of rows.
        public let height: Int
        /// Number of columns.
        public let width: Int

        /// Makes a size.
        public init(height: Int, width: Int) {
            self.height = height
            self.width = width
        }
    }

    /// The channels of an image and their order.
    public enum Channels: String, Sendable, Hashable, CaseIterable {
        /// Red, green, blue.
        case rgb
        /// Blue, green, red.
        case bgr
        /// One channel: the luma of a colour image.
        case gray
    }

    /// The order of the axes of the result, the batch axis included.
    public enum Layout: String, Sendable, Hashable, CaseIterable {
        /// Batch, channels, rows, columns.
        case nchw
        /// Batch, rows, columns, channels.
        case nhwc
    }

    /// The order of the axes of an array that holds images, without the sample axis.
    public enum ArrayLayout: String, Sendable, Hashable, CaseIterable {
        /// Rows, columns: grey images.
        case hw
        /// Rows, columns, channels.
        case hwc
        /// Channels, rows, columns.
        case chw
    }

    /// A factor, kept as a fraction: `1/255` multiplies by 1 and then divides by 255, which rounds as NumPy's `x / 255`.
    public struct Scale: Sendable, Hashable {
        /// What a pixel is multiplied by first.
        public let numerator: Float
        /// What the product is divided by.
        public let denominator: Float

        /// Makes a factor.
        public init(_ numerator: Float, over denominator: Float = 1) {
            self.numerator = numerator
            self.denominator = denominator
        }
    }

    /// The model input; `nil` for the only one.
    public var input: String?
    /// What the data call the array or image, when that is not the input's name.
    public var source: String?
    /// The size after resizing.
    public var resize: Resize?
    /// The part in the middle that is kept.
    public var centerCrop: CropSize?
    /// The channels; images become RGB and arrays keep theirs when it is absent.
    public var channels: Channels?
    /// The factor.
    public var scale: Scale?
    /// What is subtracted: one value, or one for each channel.
    public var mean: [Float]?
    /// What is divided by: one value, or one for each channel.
    public var std: [Float]?
    /// The order of the axes of the result; images are laid out as `nchw` when it is absent.
    public var layout: Layout?
    /// The order of the axes of an array of images.
    public var arrayLayout: ArrayLayout?
    /// The element type of the result: float32, float16 or uint8; float32 when it is absent.
    public var elementType: ElementType?

    /// Makes a description that does nothing yet.
    public init(input: String? = nil) {
        self.input = input
    }

    /// Whether there is anything to compute with the values.
    var hasNormalization: Bool { scale != nil || mean != nil || std != nil }

    /// Whether an array has to be seen as an image.
    var seesImages: Bool {
        resize != nil || centerCrop != nil || channels != nil || layout != nil || arrayLayout != nil
            || (mean?.count ?? 1) > 1 || (std?.count ?? 1) > 1
    }
}
