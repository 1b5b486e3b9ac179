/// Bilinear resizing with antialiasing of 8-bit images, equal to the bit to `Image.resize(..., BILINEAR)` of Pillow before 13.
///
/// Pillow 13 does columns before rows when the height shrinks much more than the width; it then differs by one level at most.
/// Each output pixel is a weighted mean of the input pixels under a triangle whose half width is the scale (at least one
/// pixel). Rows first, then columns; weights are 22-bit fixed-point numbers rounded half away from zero, sums are rounded
/// half up, and the image between the two passes has 8 bits.
enum BilinearResize {
    private static let weightBits = 22

    /// The input pixels and weights of each output pixel along one axis.
    private struct Weights {
        /// The first input pixel of each output pixel.
        var starts: [Int] = []
        /// How many input pixels each output pixel has.
        var counts: [Int] = []
        /// `width` weights for each output pixel.
        var values: [Int32] = []
        let width: Int

        init(from inputSize: Int, to outputSize: Int) {
            let scale = Double(inputSize) / Double(outputSize)
            let support = max(scale, 1)
            width = Int(support.rounded(.up)) * 2 + 1
            values = [Int32](repeating: 0, count: outputSize * width)
            for position in 0..<outputSize {
                let center = (Double(position) + 0.5) * scale
                // Truncation towards zero of the shifted bounds is what Pillow does.
                let start = max(Int(center - support + 0.5), 0)
                let count = min(Int(center + support + 0.5), inputSize) - start
                var weights: [Double] = []
                for offset in 0..<count {
                    let distance = abs((Double(offset + start) - center + 0.5) * (1 / support))
                    weights.append(distance < 1 ? 1 - distance : 0)
                }
                let sum = weights.reduce(0, +)
                for offset in 0..<count {
                    let weight = sum == 0 ? weights[offset] : weights[offset] / sum
                    values[position * width + offset] = Int32(weight * Double(1 << weightBits) + 0.5)
                }
                starts.append(start)
                counts.append(count)
            }
        }
    }

    /// The image in another size; the same image when it has that size already.
    ///
    /// - Precondition: Both images have pixels.
    static func resize(_ image: PixelImage<UInt8>, height: Int, width: Int) -> PixelImage<UInt8> {
        precondition(height > 0 && width > 0 && image.height > 0 && image.width > 0, "An image without pixels")
        var result = image
        if width != image.width { result = resizeRows(result, Weights(from: image.width, to: width)) }
        if height != image.height { result = resizeColumns(result, Weights(from: image.height, to: height)) }
        return result
    }

    private static func resizeRows(_ image: PixelImage<UInt8>, _ weights: Weights) -> PixelImage<UInt8> {
        let channelCount = image.channelCount
        let width = weights.starts.count
        let input = image.values.span
        let factors = weights.values.span
        var output = [UInt8](repeating: 0, count: image.height * width * channelCount)
        var target = output.mutableSpan
        for row in 0..<image.height {
            for column in 0..<width {
                let source = (row * image.width + weights.starts[column]) * channelCount
                for channel in 0..<channelCount {
                    var sum = Int32(1) << (weightBits - 1)
                    var place = source + channel
                    for offset in 0..<weights.counts[column] {
                        sum &+= Int32(input[place]) &* factors[column * weights.width + offset]
                        place += channelCount
                    }
                    target[(row * width + column) * channelCount + channel] = clamped(sum)
                }
            }
        }
        return PixelImage(height: image.height, width: width, channelCount: channelCount, values: output)
    }

    private static func resizeColumns(_ image: PixelImage<UInt8>, _ weights: Weights) -> PixelImage<UInt8> {
        let height = weights.starts.count
        let rowLength = image.width * image.channelCount
        let input = image.values.span
        var output = [UInt8](repeating: 0, count: height * rowLength)
        var target = output.mutableSpan
        // One row of sums at a time, so that the inner loop runs along memory.
        var sums = [Int32](repeating: 0, count: rowLength)
        var rowSums = sums.mutableSpan
        for row in 0..<height {
            for place in 0..<rowLength { rowSums[place] = 1 << (weightBits - 1) }
            for offset in 0..<weights.counts[row] {
                let factor = weights.values[row * weights.width + offset]
                let source = (weights.starts[row] + offset) * rowLength
                for place in 0..<rowLength { rowSums[place] &+= Int32(input[source + place]) &* factor }
            }
            for place in 0..<rowLength { target[row * rowLength + place] = clamped(rowSums[place]) }
        }
        return PixelImage(height: height, width: image.width, channelCount: image.channelCount, values: output)
    }

    private static func clamped(_ sum: Int32) -> UInt8 {
        UInt8(clamping: sum >> weightBits)
    }
}
