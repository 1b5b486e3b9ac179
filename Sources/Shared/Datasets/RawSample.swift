public import Tensors

/// One sample as its source holds it, before decoding and preprocessing.
public struct RawSample: Sendable, Hashable {
    /// The data of a sample.
    public enum Content: Sendable, Hashable {
        /// The bytes of a JPEG or PNG file.
        case image([UInt8])
        /// One entry of each array, in the order of the source.
        case arrays([Entry])
        /// Images and arrays together, in the order of the source.
        case fields([Field])
    }

    /// One image or array of a sample that has several.
    public enum Field: Sendable, Hashable {
        /// The bytes of a JPEG or PNG file.
        case image(name: String, bytes: [UInt8])
        /// An array.
        case array(Entry)

        /// What the model input or its `source:` is called.
        public var name: String? {
            switch self {
            case .image(let name, _): name
            case .array(let entry): entry.name
            }
        }

        /// The array; `nil` for an image.
        var entry: Entry? {
            if case .array(let entry) = self { entry } else { nil }
        }
    }

    /// The part of a sample that comes from one array.
    public struct Entry: Sendable, Hashable {
        /// The name of the array; `nil` when its file has none.
        public let name: String?
        /// The elements, without batch axis.
        public let tensor: Tensor

        /// Makes an entry.
        public init(name: String?, tensor: Tensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    /// Where the sample comes from, for messages: a file, or a file and an index (`calib.npz[17]`).
    public let name: String
    /// The data.
    public let content: Content

    /// Makes a sample.
    public init(name: String, content: Content) {
        self.name = name
        self.content = content
    }
}
