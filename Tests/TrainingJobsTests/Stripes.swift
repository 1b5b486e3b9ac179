import Modules
import Tensors
import TestSupport

/// Noisy images [1, 6, 6] of stripes: across, along, and both as a chessboard.
struct Stripes {
    let images: Tensor
    let labels: Tensor

    init(_ count: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var elements: [Float] = []
        var classes: [Int64] = []
        for _ in 0..<count {
            let (label, phase) = (Int(random.next() % 3), Int(random.next() % 2))
            for index in 0..<36 {
                let (row, column) = (index / 6, index % 6)
                let position = [row, column, row + column][label] + phase
                elements.append((position % 2 == 0 ? 1 : -1) + random.normal() * 0.4)
            }
            classes.append(Int64(label))
        }
        images = Tensor(shape: [count, 1, 6, 6], elements: elements)
        labels = Tensor(shape: [count], elements: classes)
    }

    /// Some of them, as inputs and targets.
    func batch(_ range: Range<Int>) -> (inputs: [String: Tensor], targets: Tensor) {
        (["data": images.slice(outermost: range)], labels.slice(outermost: range))
    }

    /// How many a network gets right, in inference.
    func correct(_ network: Network) throws -> Int {
        var network = network
        network.eval()
        let scores = try network.run(["data": images])["output"]?.elements(as: Float.self) ?? []
        return labels.elements(as: Int64.self).enumerated().count { row, label in
            let row = Array(scores[row * 3..<row * 3 + 3])
            return row.firstIndex(of: row.max() ?? 0) == Int(label)
        }
    }
}

/// A block of fused modules between stubs, and a layer that stays float.
struct TinyNet: Module {
    let quant = QuantStub()
    let first = ConvBnRelu2d(1, 6, 3, padding: 1, bias: false)
    let second = ConvBn2d(6, 6, 3, padding: 1, bias: false)
    let add = Elemwise("FUSE_ADD_RELU")
    let dequant = DequantStub()
    let fc = Linear(6, 3).disableQuantize()

    func forward(_ x: Value) -> Value {
        let y = first(quant(x))
        return fc(dequant(add(second(y), y).globalAveragePool().flatten()))
    }

    /// A fresh network.
    static func network(seed: UInt64 = 1) -> Network {
        Network(TinyNet(), shape: [1, 6, 6], initialization: ParameterInitialization(seed: seed))
    }
}
