internal import Foundation

/// Everything that decides the bits of a calibration's statistics, and nothing else.
///
/// Two jobs with equal specifications give equal statistics whoever computes them, so neither the number of workers nor
/// the way data reaches them is here. Its canonical bytes travel to the workers under their digest.
public struct JobSpecification: Hashable, Sendable, Codable {
    /// A file of the model, named relative to the model's folder.
    public struct ModelFile: Hashable, Sendable, Codable {
        /// Relative path with `/` between components; the first file of a job is the model, others are its external data.
        public var path: String
        /// SHA-256 of the file.
        public var digest: ContentDigest
        /// Size of the file in bytes.
        public var byteCount: Int

        /// Names a file.
        public init(path: String, digest: ContentDigest, byteCount: Int) {
            self.path = path
            self.digest = digest
            self.byteCount = byteCount
        }
    }

    /// The model and the files its external data lies in.
    public let model: [ModelFile]
    /// Digest of the data manifest: which samples, in which order, with which content.
    public let dataDigest: ContentDigest
    /// Number of samples.
    public let sampleCount: Int
    /// Samples in a batch; the last batch may have fewer.
    public let batchSize: Int
    /// Batches in a shard; the last shard may have fewer.
    public let batchesPerShard: Int
    /// The values of the graph whose statistics are gathered, in ascending order.
    public let observedTensors: [String]
    /// Whether histograms are gathered, and not only extremes and counts.
    public let collectsHistograms: Bool
    /// What else decides the computation (preprocessing, folding), as canonical JSON that only worker and caller read.
    public let options: String
    /// The instruction set that every worker must compute with; `nil` allows any, and with it results that may differ.
    public let requiredInstructionSet: String?

    /// Makes a specification.
    ///
    /// - Parameters:
    ///   - model: The model file, then the files of its external data.
    ///   - dataDigest: Digest of the data manifest.
    ///   - sampleCount: Number of samples, at least 1.
    ///   - batchSize: Samples in a batch, 1 to 65,536.
    ///   - batchesPerShard: Batches in a shard, 1 to 65,536.
    ///   - observedTensors: Distinct names, in any order.
    ///   - collectsHistograms: Whether histograms are gathered.
    ///   - options: Canonical JSON.
    ///   - requiredInstructionSet: Name of an instruction set, or `nil`.
    /// - Throws: `JobSpecificationError` naming the field that is out of range.
    public init(
        model: [ModelFile], dataDigest: ContentDigest, sampleCount: Int, batchSize: Int, batchesPerShard: Int,
        observedTensors: [String], collectsHistograms: Bool, options: String = "{}",
        requiredInstructionSet: String? = nil
    ) throws(JobSpecificationError) {
        self.model = model
        self.dataDigest = dataDigest
        self.sampleCount = sampleCount
        self.batchSize = batchSize
        self.batchesPerShard = batchesPerShard
        self.observedTensors = observedTensors.sorted()
        self.collectsHistograms = collectsHistograms
        self.options = options
        self.requiredInstructionSet = requiredInstructionSet
        try validate()
    }

    /// Reads canonical bytes.
    ///
    /// - Throws: `JobSpecificationError` when the bytes are not the canonical form of a valid specification.
    public init(canonicalBytes: [UInt8]) throws(JobSpecificationError) {
        do {
            self = try JSONDecoder().decode(JobSpecification.self, from: Data(canonicalBytes))
        } catch {
            throw .malformed(reason: "\(error)")
        }
        try validate()
        guard try self.canonicalBytes() == canonicalBytes else {
            throw .malformed(reason: "the bytes are not in canonical form")
        }
    }

    /// The one byte form of this specification: JSON with sorted keys and no spaces.
    public func canonicalBytes() throws(JobSpecificationError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(self))
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }

    /// The digest under which statistics name the model of this job.
    public var modelDigest: ContentDigest { Self.modelDigest(of: model) }

    /// The digest under which statistics name a model.
    ///
    /// A model in one file has the digest of that file. With external data it is the SHA-256 over the 32-byte digests of
    /// all files, the model first and then the others in ascending order of their paths.
    public static func modelDigest(of files: [ModelFile]) -> ContentDigest {
        if files.count == 1 { return files[0].digest }
        return ContentDigest(of: files.flatMap(\.digest.bytes))
    }

    /// SHA-256 of the canonical bytes.
    public func digest() throws(JobSpecificationError) -> ContentDigest {
        ContentDigest(of: try canonicalBytes())
    }

    private func validate() throws(JobSpecificationError) {
        guard !model.isEmpty, model.count <= 4096 else { throw .outOfRange(field: "model files", value: model.count) }
        for file in model {
            guard Self.isRelative(file.path) else { throw .path(file.path) }
            guard file.byteCount >= 0 else { throw .outOfRange(field: "size of '\(file.path)'", value: file.byteCount) }
        }
        guard Set(model.map(\.path)).count == model.count else { throw .repeated(field: "model files") }
        guard (1...Int(Int32.max)).contains(sampleCount) else {
            throw .outOfRange(field: "sampleCount", value: sampleCount)
        }
        guard (1...65_536).contains(batchSize) else { throw .outOfRange(field: "batchSize", value: batchSize) }
        guard (1...65_536).contains(batchesPerShard) else {
            throw .outOfRange(field: "batchesPerShard", value: batchesPerShard)
        }
        guard Set(observedTensors).count == observedTensors.count else { throw .repeated(field: "observedTensors") }
        guard observedTensors == observedTensors.sorted() else {
            throw .malformed(reason: "observedTensors are unsorted")
        }
        guard options.utf8.count <= 1 << 20 else { throw .outOfRange(field: "options", value: options.utf8.count) }
    }

    private static func isRelative(_ path: String) -> Bool {
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= 4096 && !path.utf8.contains(0)
            && components.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}

/// Why a job specification is refused.
public enum JobSpecificationError: Error, Sendable, Equatable {
    /// A number is out of range.
    case outOfRange(field: String, value: Int)
    /// Names that must be distinct are not.
    case repeated(field: String)
    /// A model file's path is not relative to the model's folder.
    case path(String)
    /// Bytes that should hold a specification do not.
    case malformed(reason: String)
}

extension JobSpecificationError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .outOfRange(let field, let value):
            "The job's \(field) cannot be \(value); give a value in the range that docs/protocol.md states"
        case .repeated(let field):
            "The job's \(field) contain a name twice; name each once"
        case .path(let path):
            "The model file '\(path)' must be named by a path below the model's folder, without '.' and '..'"
        case .malformed(let reason):
            "The job specification cannot be read (\(reason)); coordinator and worker must be of the same version"
        }
    }
}
