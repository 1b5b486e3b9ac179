import Foundation
import Tensors

/// Class labels in a tar archive: a member of each sample with the number as text, or a key of a JSON member.
enum TarLabels {
    /// Longest member that can be a label.
    private static let maximumByteCount = 1 << 20

    /// Reads the label of each sample.
    ///
    /// - Parameters:
    ///   - path: The archive.
    ///   - compression: `gzip`, `zstandard`, or `tar` when it is not compressed.
    ///   - name: The suffix of the members (`cls`), or `json:KEY`.
    ///   - spoolLimit: Most bytes of a compressed archive that are kept in a temporary file.
    ///   - progress: Told how far a compressed archive is.
    /// - Returns: The labels in the order of the samples.
    /// - Throws: `badSample`, naming the sample that has no such member or no integer in it.
    static func read(
        path: String, compression: FileFormat, name: String, spoolLimit: Int, progress: (SpoolProgress) -> Void
    ) throws(DatasetError) -> [Int] {
        let parts = name.split(separator: ":", maxSplits: 1)
        let suffix = TarIndex.normalized(suffix: parts.first ?? "")
        let key = parts.count == 2 ? String(parts[1]) : nil
        let index = try TarIndex(path: path, compression: compression, spoolLimit: spoolLimit, progress: progress) {
            $0 == suffix
        }
        var labels: [Int] = []
        for sample in index.samples {
            let place = "\(path)[\(sample.key)]"
            guard let range = sample.range(of: suffix) else {
                throw .badSample(
                    sample: place,
                    reason: "it has no member '\(suffix)' with its label, only: "
                        + sample.members.map(\.suffix).joined(separator: ", "))
            }
            guard range.count <= maximumByteCount else {
                throw .badSample(sample: place, reason: "'\(suffix)' is no label: it has \(range.count) bytes")
            }
            let bytes: [UInt8]
            do throws(TensorFileError) { bytes = try index.file.bytes(range) } catch { throw .file(error) }
            guard let label = key.map({ number(inJSON: bytes, key: $0) }) ?? number(inText: bytes) else {
                throw .badSample(
                    sample: place,
                    reason: key.map { "'\(suffix)' has no whole number under the key '\($0)'" }
                        ?? "'\(suffix)' is not a whole number; of a JSON member name the key: json:KEY")
            }
            labels.append(label)
        }
        return labels
    }

    private static func number(inText bytes: [UInt8]) -> Int? {
        Int(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private static func number(inJSON bytes: [UInt8], key: String) -> Int? {
        (try? JSONDecoder().decode([String: Value].self, from: Data(bytes)))?[key]?.number
    }

    /// What stands under a key of a JSON object.
    private struct Value: Decodable {
        /// `nil` for anything but a whole number: `true` is none.
        let number: Int?

        init(from decoder: any Decoder) throws {
            number = try? decoder.singleValueContainer().decode(Int.self)
        }
    }
}
