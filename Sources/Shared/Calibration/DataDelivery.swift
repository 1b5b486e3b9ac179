internal import Foundation

/// How samples reach the workers; it decides no bit of the statistics, so it is no part of the job's specification.
public enum DataDelivery: Hashable, Sendable {
    /// Workers open the data paths themselves: they see the same files under the same names.
    case shared(paths: [String])
    /// The coordinator sends the raw bytes of each sample.
    case stream

    private struct Document: Codable {
        var mode: String
        var paths: [String]
    }

    /// The byte form that travels to the workers.
    public func documentBytes() throws(JobSpecificationError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document =
            switch self {
            case .shared(let paths): Document(mode: "shared", paths: paths)
            case .stream: Document(mode: "stream", paths: [])
            }
        do {
            return Array(try encoder.encode(document))
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }

    /// Reads the byte form.
    ///
    /// - Throws: `JobSpecificationError` when the bytes do not hold a delivery.
    public init(documentBytes: [UInt8]) throws(JobSpecificationError) {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(documentBytes))
        } catch {
            throw .malformed(reason: "\(error)")
        }
        switch document.mode {
        case "shared": self = .shared(paths: document.paths)
        case "stream": self = .stream
        default: throw .malformed(reason: "unknown data delivery '\(document.mode)'")
        }
    }
}
