public import Tensors

/// What one sample of a dataset consists of, before preprocessing.
public enum DatasetContent: Sendable, Hashable {
    /// One JPEG or PNG file.
    case images
    /// One entry of each array.
    case arrays([DatasetArray])
    /// Images and arrays together, each with a name.
    case fields([DatasetField])
}

extension DatasetContent {
    /// What all samples of a dataset have to have alike; shapes may differ where the model lets them.
    var kinds: [String] {
        switch self {
        case .images: ["images"]
        case .arrays(let arrays): arrays.map(\.kind)
        case .fields(let fields): fields.map { $0.array?.kind ?? "\($0)" }
        }
    }
}

/// One image or array of a dataset whose samples have several.
public enum DatasetField: Sendable, Hashable {
    /// A JPEG or PNG file.
    case image(name: String)
    /// An array, with its name.
    case array(DatasetArray)

    /// What the model input or its `source:` is called.
    public var name: String? {
        switch self {
        case .image(let name): name
        case .array(let array): array.name
        }
    }

    /// The array; `nil` for an image.
    var array: DatasetArray? {
        if case .array(let array) = self { array } else { nil }
    }
}

extension DatasetField: CustomStringConvertible {
    /// For example `image 'jpg'`.
    public var description: String {
        switch self {
        case .image(let name): "image '\(name)'"
        case .array(let array): array.description
        }
    }
}

/// One array of a dataset, without the axis that counts the samples.
public struct DatasetArray: Sendable, Hashable {
    /// What the file calls it (.npz, safetensors, PyTorch, members of tar archives); `nil` where it has no name, as in .npy and IDX
    /// files.
    public let name: String?
    /// The type of each element.
    public let elementType: ElementType
    /// The extents of one sample.
    public let shape: Shape

    /// Describes an array.
    public init(name: String?, elementType: ElementType, shape: Shape) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }

    /// What the array has alike in all samples.
    var kind: String { "\(name ?? "") \(elementType)" }
}

extension DatasetArray: CustomStringConvertible {
    /// For example `'x' uint8 [28, 28]`.
    public var description: String {
        (name.map { "'\($0)' " } ?? "") + "\(elementType) \(shape)"
    }
}
