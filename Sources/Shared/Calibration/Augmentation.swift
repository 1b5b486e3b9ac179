/// Random changes of images in training.
///
/// What happens to a sample is a function of seed, epoch and the sample's number, whoever computes it.
public struct Augmentation: Hashable, Sendable, Codable {
    /// Whether every second image, at random, is mirrored left to right.
    public var flips: Bool
    /// The largest shift along rows and columns, in pixels; what comes in repeats the border.
    public var shift: Int
    /// Whether each image is blended with the next one of its micro-batch, at a random share.
    ///
    /// The blend has no label, so that only a teacher can say what is right.
    public var mixesUp: Bool
    /// Whether channels are the innermost axis.
    public var channelsLast: Bool

    /// Makes an augmentation.
    public init(flips: Bool = false, shift: Int = 0, mixesUp: Bool = false, channelsLast: Bool = false) {
        self.flips = flips
        self.shift = shift
        self.mixesUp = mixesUp
        self.channelsLast = channelsLast
    }
}
