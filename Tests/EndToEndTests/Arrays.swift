import Tensors
import TestSupport

/// Arrays for the digits model.
enum Arrays {
    /// Random images [count, 1, 32, 32]; one of them may hold a NaN.
    static func images(_ count: Int, notANumberAt bad: Int? = nil) -> Tensor {
        var generator = SeededGenerator(seed: 7)
        var elements = (0..<count * 1024).map { _ in Float(generator.next() >> 40) / Float(1 << 24) }
        if let bad { elements[bad * 1024 + 17] = .nan }
        return Tensor(shape: [count, 1, 32, 32], elements: elements)
    }

    /// Writes a stored .npz.
    static func write(_ arrays: [String: Tensor], to path: String) throws {
        try NPZFile.write(arrays, to: path)
    }
}
