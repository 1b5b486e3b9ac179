public import Conversion
public import Tensors

/// What a worker found out from one micro-batch: gradients, what observers and normalizations saw, and how good the model was.
public struct MicroBatchResult: Sendable {
    /// The gradients of the mean loss, by parameter.
    public var gradients: [String: Tensor]
    /// What belongs into the model's state.
    public var observed: ObservedBatch
    /// The mean loss.
    public var loss: Double
    /// Samples whose label had the largest score.
    public var correct: Int
    /// Number of samples.
    public var sampleCount: Int

    /// Describes a micro-batch.
    public init(
        gradients: [String: Tensor], observed: ObservedBatch, loss: Double, correct: Int, sampleCount: Int
    ) {
        self.gradients = gradients
        self.observed = observed
        self.loss = loss
        self.correct = correct
        self.sampleCount = sampleCount
    }
}

/// Why a worker's result is not one of this job.
public enum MicroBatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file is damaged or of another kind.
    case malformed(String)
    /// It was computed with other parameters.
    case otherInput
    /// It is that of another micro-batch of the step.
    case otherShard
    /// It has the gradients of another number of samples.
    case otherSampleCount(Int, expected: Int)
    /// It has other gradients than the model has parameters, or other values than it observes.
    case otherModel(String)

    /// The thing and the reason.
    public var description: String {
        switch self {
        case .malformed(let reason): "The result of a micro-batch is damaged: \(reason)"
        case .otherInput: "The result of a micro-batch was computed with the parameters of another step"
        case .otherShard: "The result of a micro-batch is that of another micro-batch"
        case .otherSampleCount(let count, let expected):
            "The result of a micro-batch says that it has \(count) samples, not \(expected)"
        case .otherModel(let name):
            "The result of a micro-batch does not fit the model at '\(name)'; use the same build on both sides"
        }
    }
}

extension MicroBatchResult {
    private static let format = "tare-micro-batch-2"

    /// The byte form: safetensors with `gradient/NAME`, `observed/NAME`, `count/NAME` (int64), `loss` (float64), `correct` and `samples` (int64).
    ///
    /// - Parameters:
    ///   - input: Digest of the parameters it was computed with, in hexadecimal.
    ///   - shard: The shard of the job that it is.
    /// - Returns: The bytes.
    /// - Throws: `TensorFileError` when they are too many for one file.
    public func encoded(input: String, shard: Int) throws(TensorFileError) -> [UInt8] {
        var tensors: [String: Tensor] = [
            "loss": Tensor(scalar: loss), "correct": Tensor(scalar: Int64(correct)),
            "samples": Tensor(scalar: Int64(sampleCount)),
        ]
        for (name, tensor) in gradients { tensors["gradient/\(name)"] = tensor }
        for (name, tensor) in observed.values { tensors["observed/\(name)"] = tensor }
        for (name, count) in observed.channelElementCounts { tensors["count/\(name)"] = Tensor(scalar: Int64(count)) }
        return try Safetensors(
            tensors: tensors, metadata: ["format": Self.format, "input": input, "shard": "\(shard)"]
        ).encoded()
    }

    /// Reads the byte form.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - input: Digest of the parameters it must have been computed with.
    ///   - shard: The shard of the job that it must be.
    /// - Throws: `MicroBatchError` when they are damaged, of other parameters or of another shard.
    public init(decoding bytes: [UInt8], input: String, shard: Int) throws(MicroBatchError) {
        let file: Safetensors
        do {
            file = try Safetensors(decoding: bytes, name: "the result of a micro-batch")
        } catch {
            throw .malformed(error.description)
        }
        guard file.metadata["format"] == Self.format else { throw .malformed("it has no format \(Self.format)") }
        guard file.metadata["input"] == input else { throw .otherInput }
        guard file.metadata["shard"] == "\(shard)" else { throw .otherShard }
        func number(_ name: String) throws(MicroBatchError) -> Int {
            guard let tensor = file.tensors[name], tensor.elementType == .int64, tensor.elementCount == 1 else {
                throw .malformed("it has no number '\(name)'")
            }
            return Int(tensor.elements(as: Int64.self)[0])
        }
        guard let loss = file.tensors["loss"], loss.elementType == .float64, loss.elementCount == 1 else {
            throw .malformed("it has no loss")
        }
        self.loss = loss.elements(as: Double.self)[0]
        correct = try number("correct")
        sampleCount = try number("samples")
        guard sampleCount > 0, (0...sampleCount).contains(correct) else {
            throw .malformed("its counts are impossible")
        }
        gradients = [:]
        observed = ObservedBatch(values: [:], channelElementCounts: [:])
        for (name, tensor) in file.tensors {
            if name.hasPrefix("gradient/") {
                gradients[String(name.dropFirst(9))] = tensor
            } else if name.hasPrefix("observed/") {
                observed.values[String(name.dropFirst(9))] = tensor
            } else if name.hasPrefix("count/") {
                observed.channelElementCounts[String(name.dropFirst(6))] = try number(name)
            }
        }
    }
}
