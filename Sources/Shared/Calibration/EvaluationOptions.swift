/// What makes a job an evaluation: which of its model files are the quantized model.
///
/// The files of the float model come first and lie in the folder `float`, those of the quantized model in the folder
/// `quantized`; each model's own file comes before its external data.
public struct EvaluationOptions: Hashable, Sendable, Codable {
    /// Number of files of the float model.
    public var floatFileCount: Int

    /// Makes options.
    public init(floatFileCount: Int) {
        self.floatFileCount = floatFileCount
    }

    /// The files of a job of two models.
    public static func files(
        float: [JobSpecification.ModelFile], quantized: [JobSpecification.ModelFile]
    ) -> [JobSpecification.ModelFile] {
        float.map { $0.inFolder("float") } + quantized.map { $0.inFolder("quantized") }
    }

    /// The files of the two models; the model's own file is the first of each.
    ///
    /// - Throws: `JobSpecificationError` unless there is a file of each.
    public func models(
        of specification: JobSpecification
    ) throws(JobSpecificationError) -> (float: [JobSpecification.ModelFile], quantized: [JobSpecification.ModelFile]) {
        guard floatFileCount >= 1, floatFileCount < specification.model.count else {
            throw .outOfRange(field: "number of float model files", value: floatFileCount)
        }
        return (
            Array(specification.model.prefix(floatFileCount)), Array(specification.model.dropFirst(floatFileCount))
        )
    }
}

extension JobSpecification.ModelFile {
    fileprivate func inFolder(_ folder: String) -> JobSpecification.ModelFile {
        JobSpecification.ModelFile(path: "\(folder)/\(path)", digest: digest, byteCount: byteCount)
    }
}
