/// An image in memory: rows from top to bottom, pixels from left to right, the channels of a pixel together.
struct PixelImage<Value: BitwiseCopyable & Sendable>: Sendable {
    let height: Int
    let width: Int
    let channelCount: Int
    /// `height * width * channelCount` values.
    var values: [Value]

    init(height: Int, width: Int, channelCount: Int, values: [Value]) {
        precondition(values.count == height * width * channelCount, "An image of another size than its pixels")
        self.height = height
        self.width = width
        self.channelCount = channelCount
        self.values = values
    }

    /// The middle of the image, as torchvision cuts it: the offset is half the difference, rounded half to even.
    ///
    /// - Precondition: The image is at least that large.
    func centerCropped(height newHeight: Int, width newWidth: Int) -> PixelImage {
        let top = Int((Double(height - newHeight) / 2).rounded(.toNearestOrEven))
        let left = Int((Double(width - newWidth) / 2).rounded(.toNearestOrEven))
        var cropped: [Value] = []
        cropped.reserveCapacity(newHeight * newWidth * channelCount)
        for row in top..<top + newHeight {
            let start = (row * width + left) * channelCount
            cropped += values[start..<start + newWidth * channelCount]
        }
        return PixelImage(height: newHeight, width: newWidth, channelCount: channelCount, values: cropped)
    }

    /// The image with three equal channels for one.
    func grayReplicated() -> PixelImage {
        var replicated: [Value] = []
        replicated.reserveCapacity(values.count * 3)
        for value in values {
            replicated.append(value)
            replicated.append(value)
            replicated.append(value)
        }
        return PixelImage(height: height, width: width, channelCount: 3, values: replicated)
    }

    /// The image with its channels in reverse order.
    func channelsReversed() -> PixelImage {
        var reversed = self
        for pixel in stride(from: 0, to: values.count, by: channelCount) {
            for channel in 0..<channelCount {
                reversed.values[pixel + channel] = values[pixel + channelCount - 1 - channel]
            }
        }
        return reversed
    }
}

extension PixelImage<UInt8> {
    /// The luma of an RGB image: (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down, as Pillow's mode L has it.
    ///
    /// - Precondition: The image has three channels.
    func luma() -> PixelImage {
        precondition(channelCount == 3, "Luma of an image with \(channelCount) channels")
        var gray: [UInt8] = []
        gray.reserveCapacity(height * width)
        for pixel in stride(from: 0, to: values.count, by: 3) {
            let sum =
                19595 * UInt32(values[pixel]) + 38470 * UInt32(values[pixel + 1]) + 7471 * UInt32(values[pixel + 2])
            gray.append(UInt8((sum + 32768) >> 16))
        }
        return PixelImage(height: height, width: width, channelCount: 1, values: gray)
    }
}
