import Datasets
import Tensors

/// What happens to a data file: it is opened, hashed for the manifest, read sample by sample, sent to a worker, decoded.
enum DatasetEntry {
    /// Most samples of a file that are read.
    private static let sampleLimit = 8
    /// Most bytes of temporary files; enough for everything that decompresses to no more than it should.
    private static let spoolLimit = 64 << 20
    private static let imageName = "image"

    /// Reads a file as data, and as a state dictionary where it can be one.
    static func read(
        _ bytes: [UInt8], state: StateFileFormat? = nil
    ) throws {
        let file = try ScratchFile(bytes)
        if let state {
            Refusal.expect { _ = try StateDictionary(path: file.path, format: state) }
        }
        Refusal.expect {
            let source = try DatasetSource(paths: [file.path], spoolLimit: spoolLimit)
            let decoder = try SampleDecoder(
                inputs: signatures(of: source.content),
                preprocessing: Preprocessing(inputs: imageNames(of: source.content).map(preprocessing)))
            try decoder.check(source.content)
            for index in 0..<min(source.sampleCount, sampleLimit) {
                // Broken samples are skipped or end the job; the next one has to be readable all the same.
                Refusal.expect {
                    let sample = try source.readRaw(index)
                    let received = try RawSample(decoding: sample.encoded())
                    precondition(received == sample, "A sample is another one after it was sent")
                    _ = try decoder.decode(received)
                }
            }
            _ = try source.manifest()
        }
    }

    private static func imageNames(of content: DatasetContent) -> [String] {
        switch content {
        case .images: [imageName]
        case .arrays: []
        case .fields(let fields):
            fields.compactMap { if case .image(let name) = $0 { name } else { nil } }
        }
    }

    /// What is done with an image: a little of everything that depends on its extents.
    private static func preprocessing(of name: String) -> InputPreprocessing {
        var section = InputPreprocessing(input: name)
        section.resize = .shortSide(5)
        section.centerCrop = InputPreprocessing.CropSize(height: 4, width: 4)
        return section
    }

    /// Inputs of any extents for images, and of the very type for arrays.
    private static func signatures(of content: DatasetContent) -> [InputSignature] {
        switch content {
        case .images: [InputSignature(name: imageName, elementType: .float32, sampleDimensions: nil)]
        case .arrays(let arrays): arrays.map(signature)
        case .fields(let fields):
            fields.map { field in
                switch field {
                case .image(let name): InputSignature(name: name, elementType: .float32, sampleDimensions: nil)
                case .array(let array): signature(of: array)
                }
            }
        }
    }

    private static func signature(of array: DatasetArray) -> InputSignature {
        InputSignature(
            name: array.name ?? "x", elementType: array.elementType, sampleDimensions: array.shape.dimensions)
    }
}
