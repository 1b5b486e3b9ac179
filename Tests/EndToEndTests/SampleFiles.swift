import Foundation
import Tensors
import TestSupport
import Testing

/// The same images in the forms that data can have.
enum SampleFiles {
    /// One of several images, without its outermost axis.
    static func sample(_ images: Tensor, _ index: Int) -> Tensor {
        images.slice(outermost: index..<index + 1).reshaped(to: Shape(Array(images.shape.dimensions.dropFirst())))
    }

    /// A compressed archive with the images and, in `cls`, a number for each.
    static func archive(_ images: Tensor, _ folder: TemporaryFolder, classes: [Int64]) throws -> String {
        let members = folder.url.appending(path: "members")
        try FileManager.default.createDirectory(at: members, withIntermediateDirectories: true)
        for index in 0..<images.shape[0] {
            let key = String(1000 + index)
            try NPYFile.write(sample(images, index), to: members.appending(path: "\(key).image.npy").path)
            try Data("\(classes[index])".utf8).write(to: members.appending(path: "\(key).cls"))
        }
        let path = folder.path("data.tar.gz")
        let status = try Command.run(
            "/bin/tar", ["--sort=name", "--format=ustar", "-czf", path, "-C", members.path, "."])
        try #require(status == 0)
        return path
    }

    /// A command that writes a .npz file with `image` and `label` for each image.
    static func command(_ images: Tensor, _ folder: TemporaryFolder, classes: [Int64]) throws -> String {
        var frames: [UInt8] = []
        for index in 0..<images.shape[0] {
            try NPZFile.write(
                ["image": sample(images, index), "label": Tensor(scalar: classes[index])], to: folder.path("frame"))
            frames += try Data(contentsOf: folder.url.appending(path: "frame"))
        }
        return "cat '\(try folder.file("frames", frames))'"
    }

    /// A folder of gray PNG files in a folder for each class, of images [N, 1, H, W] from 0 to 1; `name` is that of a class.
    static func folders(
        _ images: Tensor, _ folder: TemporaryFolder, classes: [Int64], name: (Int64) -> String = { "\($0)" }
    ) throws -> String {
        let root = folder.url.appending(path: "classes-\(UUID().uuidString)")
        for index in 0..<images.shape[0] {
            let place = root.appending(path: name(classes[index]))
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            let pixels = sample(images, index).elements(as: Float.self).map {
                UInt8(min(max($0 * 255, 0), 255).rounded())
            }
            try Data(png(pixels, width: images.shape[3])).write(to: place.appending(path: "\(1000 + index).png"))
        }
        return root.path
    }

    /// A gray PNG file.
    private static func png(_ pixels: [UInt8], width: Int) -> [UInt8] {
        func four(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) } }
        func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
            let body = Array(type.utf8) + content
            return four(content.count) + body + four(Int(Deflate.checksum(of: body)))
        }
        let height = pixels.count / width
        // Each row begins with its filter: none.
        let rows = (0..<height).flatMap { [0] + pixels[$0 * width..<($0 + 1) * width] }
        // Adler-32, the checksum of zlib.
        var (low, high) = (1, 0)
        for byte in rows {
            low = (low + Int(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return [0x89] + Array("PNG\r\n\u{1A}\n".utf8) + chunk("IHDR", four(width) + four(height) + [8, 0, 0, 0, 0])
            + chunk("IDAT", [0x78, 0x01] + Deflate.compress(rows) + four(high << 16 | low)) + chunk("IEND", [])
    }
}
