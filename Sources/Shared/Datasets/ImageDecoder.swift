import CImages
import Tensors

/// Decodes JPEG and PNG files to 8-bit grey or RGB, with the pixels that Pillow gives.
///
/// EXIF orientation and colour profiles are ignored. CMYK JPEGs are taken as Adobe writes them (inverted) and converted as
/// Pillow does. Of 16-bit PNGs the upper 8 bits are kept; alpha is dropped.
enum ImageDecoder {
    /// Most pixels of an image; larger ones are refused before anything is allocated.
    static let maximumPixelCount = 1 << 26

    /// Most pixels that one byte of a file can stand for: deflate makes 1032 bytes from one, of 8 pixels each; the blocks
    /// of a JPEG take far more.
    static let maximumPixelsPerByte = 1032 * 8

    /// Why an image cannot be decoded.
    struct Failure: Error {
        let reason: String
    }

    private typealias ReadInfo = (
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<tare_image_info>?, UnsafeMutablePointer<CChar>?
    ) -> Int32
    private typealias Decode = (
        UnsafePointer<UInt8>?, Int, UnsafePointer<tare_image_info>?, UnsafeMutablePointer<UInt8>?,
        UnsafeMutablePointer<CChar>?
    ) -> Int32

    /// Decodes a whole file.
    static func decode(_ bytes: [UInt8]) throws(Failure) -> PixelImage<UInt8> {
        switch FileFormat(start: Array(bytes.prefix(8))) {
        case .jpeg:
            let image = try unsafe decode(bytes, "JPEG", tare_jpeg_info, tare_jpeg_decode)
            return image.channelCount == 4 ? rgb(fromInvertedCMYK: image) : image
        case .png: return try unsafe decode(bytes, "PNG", tare_png_info, tare_png_decode)
        default:
            throw Failure(reason: bytes.isEmpty ? "the file is empty" : "this is neither a JPEG nor a PNG image")
        }
    }

    private static func decode(
        _ bytes: [UInt8], _ format: String, _ readInfo: ReadInfo, _ decode: Decode
    ) throws(Failure) -> PixelImage<UInt8> {
        var message = [CChar](repeating: 0, count: Int(tare_image_message_size))
        var info = tare_image_info()
        func failure() -> Failure {
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return Failure(reason: "the \(format) image is broken: \(text)")
        }
        let infoStatus = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe message.withUnsafeMutableBufferPointer { text in
                unsafe readInfo(input.baseAddress, input.count, &info, text.baseAddress)
            }
        }
        guard infoStatus == 0 else { throw failure() }
        let (height, width) = (Int(info.height), Int(info.width))
        guard height > 0, width > 0, width <= maximumPixelCount / height else {
            throw Failure(reason: "an image of \(width) x \(height) pixels; at most \(maximumPixelCount) are decoded")
        }
        guard height * width / maximumPixelsPerByte <= bytes.count else {
            throw Failure(reason: "\(bytes.count) bytes cannot hold an image of \(width) x \(height) pixels")
        }
        let byteCount = height * width * Int(info.channels)
        var status: Int32 = -1
        let values = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
            status = unsafe bytes.withUnsafeBufferPointer { input in
                unsafe message.withUnsafeMutableBufferPointer { text in
                    unsafe decode(input.baseAddress, input.count, &info, output.baseAddress, text.baseAddress)
                }
            }
            // After a failure the pixels are not all set, and must not be looked at.
            count = status == 0 ? byteCount : 0
        }
        guard status == 0 else { throw failure() }
        return PixelImage(height: height, width: width, channelCount: Int(info.channels), values: values)
    }

    /// Converts with (255 - ink) * (255 - black) / 255, rounded; the file holds 255 - ink and 255 - black.
    private static func rgb(fromInvertedCMYK image: PixelImage<UInt8>) -> PixelImage<UInt8> {
        var values: [UInt8] = []
        values.reserveCapacity(image.height * image.width * 3)
        for pixel in stride(from: 0, to: image.values.count, by: 4) {
            let light = Int(image.values[pixel + 3])
            for channel in 0..<3 {
                let ink = 255 - Int(image.values[pixel + channel])
                let product = ink * light + 128
                values.append(UInt8(light - (((product >> 8) + product) >> 8)))
            }
        }
        return PixelImage(height: image.height, width: image.width, channelCount: 3, values: values)
    }
}
