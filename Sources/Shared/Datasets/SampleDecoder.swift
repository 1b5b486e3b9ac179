import Tensors

/// Turns raw samples into the inputs of a model: the same bytes in, the same tensors out, in every process.
public struct SampleDecoder: Sendable {
    /// How one input is made.
    private struct Plan: Sendable {
        let signature: InputSignature
        /// The array that it comes from, when arrays have names.
        let arrayName: String
        /// `nil` when the data are taken as they are.
        let preprocessing: InputPreprocessing?
    }

    private let plans: [Plan]

    /// What the model expects of its inputs.
    var signatures: [InputSignature] { plans.map(\.signature) }

    /// Assigns the preprocessing to the inputs of a model.
    ///
    /// - Parameters:
    ///   - inputs: All inputs of the model that need data.
    ///   - preprocessing: `nil` when the data are used as they are.
    /// - Throws: `preprocessing` when a section is for no input of the model, for two sections for one input, and for a
    ///   section without a name when the model has several inputs.
    public init(inputs: [InputSignature], preprocessing: Preprocessing?) throws(DatasetError) {
        let names = inputs.map(\.name).joined(separator: ", ")
        var sections: [String: InputPreprocessing] = [:]
        for section in preprocessing?.inputs ?? [] {
            guard let name = section.input ?? (inputs.count == 1 ? inputs[0].name : nil) else {
                throw .preprocessing(
                    source: "preprocessing", reason: "'input:' has to say which input of the model it is for: \(names)")
            }
            guard inputs.contains(where: { $0.name == name }) else {
                throw .preprocessing(
                    source: "preprocessing", reason: "the model has no input '\(name)'; its inputs: \(names)")
            }
            guard sections.updateValue(section, forKey: name) == nil else {
                throw .preprocessing(source: "preprocessing", reason: "the input '\(name)' is described twice")
            }
        }
        plans = inputs.map { input in
            let section = sections[input.name]
            return Plan(signature: input, arrayName: section?.source ?? input.name, preprocessing: section)
        }
    }

    /// The names of the arrays and images that data with names have to have, each once; others in them are not needed.
    public var arrayNames: [String] {
        var names: [String] = []
        for plan in plans where !names.contains(plan.arrayName) { names.append(plan.arrayName) }
        return names
    }

    /// Checks before any sample is read that the data suit the model.
    ///
    /// - Throws: `input`, naming the first input that would get no data, or data of a wrong type or shape. Shapes of images
    ///   are known only once they are decoded, unless resizing fixes them.
    public func check(_ content: DatasetContent) throws(DatasetError) {
        for plan in plans {
            switch content {
            case .images:
                try requireOnlyInput(plan)
                _ = try Self.imagePreprocessing(plan)
            case .arrays(let arrays):
                let array = try find(plan, in: arrays, name: \.name)
                // Zeros of the shape of a sample go through the same steps as the data will.
                let zeros = Tensor(zeros: array.shape, elementType: array.elementType)
                _ = try decode(zeros, plan, sample: "of the data")
            case .fields(let fields):
                switch try find(plan, in: fields, name: \.name) {
                case .image: _ = try Self.imagePreprocessing(plan)
                case .array(let array):
                    let zeros = Tensor(zeros: array.shape, elementType: array.elementType)
                    _ = try decode(zeros, plan, sample: "of the data")
                }
            }
        }
    }

    /// Decodes one sample.
    ///
    /// - Returns: One tensor without batch axis for each input of the model, by its name.
    /// - Throws: `badSample` when an image is broken; `input` when the result does not suit the model.
    public func decode(_ sample: RawSample) throws(DatasetError) -> DecodedSample {
        var tensors: [String: Tensor] = [:]
        for plan in plans {
            switch sample.content {
            case .image(let bytes):
                try requireOnlyInput(plan)
                tensors[plan.signature.name] = try decodeImage(bytes, plan, sample: sample.name)
            case .arrays(let entries):
                let entry = try find(plan, in: entries, name: \.name)
                tensors[plan.signature.name] = try decode(entry.tensor, plan, sample: sample.name)
            case .fields(let fields):
                switch try find(plan, in: fields, name: \.name) {
                case .image(_, let bytes):
                    tensors[plan.signature.name] = try decodeImage(bytes, plan, sample: sample.name)
                case .array(let entry):
                    tensors[plan.signature.name] = try decode(entry.tensor, plan, sample: sample.name)
                }
            }
        }
        return DecodedSample(name: sample.name, tensors: tensors)
    }

    private func decodeImage(_ bytes: [UInt8], _ plan: Plan, sample: String) throws(DatasetError) -> Tensor {
        let preprocessing = try Self.imagePreprocessing(plan)
        let image: PixelImage<UInt8>
        do {
            image = try ImageDecoder.decode(bytes)
        } catch {
            throw .badSample(sample: sample, reason: error.reason)
        }
        let pipeline = ImagePipeline(preprocessing, input: plan.signature.name, sample: sample)
        return try accept(try pipeline.run(image, channels: .rgb), plan, sample)
    }

    private func decode(_ tensor: Tensor, _ plan: Plan, sample: String) throws(DatasetError) -> Tensor {
        guard let preprocessing = plan.preprocessing else { return try accept(tensor, plan, sample) }
        let name = plan.signature.name
        guard preprocessing.seesImages else {
            return try accept(ElementwisePipeline(preprocessing, input: name).run(tensor), plan, sample)
        }
        let pipeline = ImagePipeline(preprocessing, input: name, sample: sample)
        return try accept(pipeline.run(tensor), plan, sample)
    }

    /// Images and files of one array have no names, so only one input can come from them.
    private func requireOnlyInput(_ plan: Plan) throws(DatasetError) {
        guard plans.count == 1 else {
            let names = plans.map { "'\($0.signature.name)'" }.joined(separator: ", ")
            throw .input(
                name: plan.signature.name,
                reason: "the data have no names, and the model has the inputs \(names); give a .npz file with an array "
                    + "for each of them")
        }
    }

    private func find<Entry>(
        _ plan: Plan, in entries: [Entry], name: (Entry) -> String?
    ) throws(DatasetError) -> Entry {
        if entries.count == 1, name(entries[0]) == nil {
            try requireOnlyInput(plan)
            return entries[0]
        }
        guard let entry = entries.first(where: { name($0) == plan.arrayName }) else {
            let names = entries.compactMap(name).joined(separator: ", ")
            throw .input(
                name: plan.signature.name,
                reason:
                    "the data have no array '\(plan.arrayName)', only: \(names); save the array under this name, or "
                    + "map it with 'source:' in the preprocessing file")
        }
        return entry
    }

    private static func imagePreprocessing(_ plan: Plan) throws(DatasetError) -> InputPreprocessing {
        guard let preprocessing = plan.preprocessing else {
            throw .input(
                name: plan.signature.name,
                reason: "images need a preprocessing file (--preprocess) that says how pixels become \(plan.signature)")
        }
        return preprocessing
    }

    private func accept(_ given: Tensor, _ plan: Plan, _ sample: String) throws(DatasetError) -> Tensor {
        let tensor = Self.rounded(given, to: plan.signature.elementType)
        guard plan.signature.accepts(tensor.elementType, tensor.shape) else {
            throw .input(
                name: plan.signature.name,
                reason: "sample \(sample) gives \(tensor.elementType) \(tensor.shape), but the model expects "
                    + "\(plan.signature); change the data or describe the conversion in a preprocessing file (layout, "
                    + "resize, dtype, scale)")
        }
        return tensor
    }

    /// Models of 16-bit floating-point numbers take float32 data, rounded to the nearest, ties to even: few tools write bfloat16.
    private static func rounded(_ tensor: Tensor, to type: ElementType) -> Tensor {
        guard tensor.elementType == .float32 else { return tensor }
        switch type {
        case .float16: return Tensor(shape: tensor.shape, elements: tensor.elements(as: Float.self).map(Float16.init))
        case .bfloat16:
            return Tensor(shape: tensor.shape, elements: tensor.elements(as: Float.self).map { BFloat16($0) })
        default: return tensor
        }
    }
}
