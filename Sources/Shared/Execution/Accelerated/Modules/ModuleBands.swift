import Kernels
import Tensors

/// A part of a module's result that is computed at once, so that its sums stay in the cache until they are dequantized.
struct ModuleBand {
    /// What multiplies and adds.
    enum Product {
        /// oneDNN, over bytes.
        case library(OneDNNPrimitive)
        /// Our own kernels.
        case own(IntegerWindow)
    }

    /// Position in the source, in elements.
    var sourceOffset: Int
    /// First pixel or row of the result.
    var firstRow: Int
    /// Number of pixels or rows.
    var rows: Int
    /// What multiplies and adds.
    var product: Product
}

/// Cuts convolutions into bands of whole images, or of some rows of one image.
struct BandGeometry: Hashable {
    /// Shape of the part of the source.
    var source: [Int]
    /// Shape of the part of the result.
    var destination: [Int]
    /// The window, padded where the part touches the border.
    var window: SlidingWindow

    /// Where a part lies.
    struct Place {
        /// Position in the source, in elements.
        var sourceOffset: Int
        /// First pixel of the result.
        var firstRow: Int
    }

    /// Bytes of sums that stay in a second-level cache beside weights and sources.
    static let sumByteCount = 256 << 10

    /// All parts of a convolution of data [N, C, spatial...] in order.
    static func bands(
        data: [Int], output: [Int], window: SlidingWindow, bytesPerSum: Int
    ) -> [(geometry: BandGeometry, place: Place)] {
        let pixels = output.dropFirst(2).reduce(1, *)
        let sourceImage = data.dropFirst().reduce(1, *)
        let imageBytes = pixels * output[1] * bytesPerSum
        if imageBytes <= sumByteCount {
            return parts(of: data[0], size: sumByteCount / imageBytes).map { images in
                (
                    BandGeometry(
                        source: [images.count] + data.dropFirst(), destination: [images.count] + output.dropFirst(),
                        window: window),
                    Place(sourceOffset: images.lowerBound * sourceImage, firstRow: images.lowerBound * pixels)
                )
            }
        }
        let cuts = parts(of: output[2], size: sumByteCount * output[2] / imageBytes)
        guard let rows = rows(cuts, data: data, output: output, window: window) else {
            let whole = BandGeometry(source: data, destination: output, window: window)
            return [(whole, Place(sourceOffset: 0, firstRow: 0))]
        }
        return (0..<data[0]).flatMap { image in
            rows.map { geometry, place in
                (
                    geometry,
                    Place(
                        sourceOffset: image * sourceImage + place.sourceOffset,
                        firstRow: image * pixels + place.firstRow)
                )
            }
        }
    }

    /// The parts of one image along the outermost spatial axis; `nil` when one would see padding only.
    private static func rows(
        _ cuts: [Range<Int>], data: [Int], output: [Int], window: SlidingWindow
    ) -> [(BandGeometry, Place)]? {
        let sourceRow = data.dropFirst(3).reduce(1, *) * data[1]
        let outputRow = output.dropFirst(3).reduce(1, *)
        let span = (window.kernel[0] - 1) * window.dilations[0] + 1
        var result: [(BandGeometry, Place)] = []
        for cut in cuts {
            let start = cut.lowerBound * window.strides[0] - window.paddingBefore[0]
            let end = (cut.upperBound - 1) * window.strides[0] - window.paddingBefore[0] + span
            let inside = max(start, 0)..<max(min(end, data[2]), max(start, 0))
            guard !inside.isEmpty else { return nil }
            var part = window
            part.paddingBefore[0] = max(-start, 0)
            part.paddingAfter[0] = max(end - data[2], 0)
            let geometry = BandGeometry(
                source: [1, data[1], inside.count] + data.dropFirst(3),
                destination: [1, output[1], cut.count] + output.dropFirst(3), window: part)
            let place = Place(sourceOffset: inside.lowerBound * sourceRow, firstRow: cut.lowerBound * outputRow)
            result.append((geometry, place))
        }
        return result
    }

    /// As few equal parts as possible of at most `size`, the last one perhaps smaller.
    static func parts(of count: Int, size: Int) -> [Range<Int>] {
        let number = (count + max(size, 1) - 1) / max(size, 1)
        let length = (count + number - 1) / number
        return stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
    }
}
