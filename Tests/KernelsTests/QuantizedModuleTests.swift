import Foundation
import Graphs
import Kernels
import Quantization
import Tensors
import TestSupport
import Testing

/// Quantized modules and `Elemwise` functions against MegEngine's numbers.
@Suite struct QuantizedModuleTests {
    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct Integers: Decodable {
        let int: [Int]
        let scale: Float
    }

    private struct Elemwise: Decodable {
        let aInt: [Int8]
        let aScale: Float
        let bInt: [Int8]
        let bScale: Float
        let unary: [String: [String: [Int]]]
        let binary: [String: [String: [Int]]]
        let ternary: [String: [String: [Int]]]
    }

    private struct Linear: Decodable {
        struct Matrix: Decodable {
            let int: [[Int8]]
            let scale: Float
        }
        struct Row: Decodable {
            let int: [Int]
            let scale: Float
        }
        let xInt: Matrix
        let wInt: Matrix
        let b: [Float]
        let out: Matrix
    }

    private struct Concat: Decodable { let out: Integers }

    private struct Goldens: Decodable {
        let elemwiseQint8: Elemwise
        let linear: Linear
        let concat: Concat
    }

    private static func goldens() throws -> Goldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_megengine.json")
        return try Self.decoder.decode(Goldens.self, from: Data(contentsOf: url))
    }

    private static func scalar(_ value: Float) -> Tensor { Tensor(shape: [1], elements: [value]) }

    /// Runs a quantized module of 8-bit data.
    private static func run(
        _ kind: ModuleKind, _ data: [(Tensor, Float)], weight: (Tensor, Float)? = nil, bias: Tensor? = nil,
        output: Float?
    ) throws -> Tensor {
        let settings = QuantizedSettings(
            inputs: [QuantDtype?](repeating: .qint8, count: data.count), weight: weight == nil ? nil : .qint8Narrow,
            output: output == nil ? nil : .qint8)
        var inputs: [Tensor?] = data.map(\.0)
        for (_, scale) in data { inputs += [scalar(scale), nil] }
        if let weight { inputs += [weight.0, scalar(weight.1), bias] }
        if let output { inputs.append(scalar(output)) }
        return try ReferenceKernels.evaluate(
            .module(ModuleOperator(kind, family: .quantized(settings))), inputs: inputs, outputCount: 1)[0]
    }

    @Test func everyElemwiseModeGivesMegEnginesIntegers() throws {
        let goldens = try Self.goldens().elemwiseQint8
        let a = (Tensor(shape: [goldens.aInt.count], elements: goldens.aInt), goldens.aScale)
        let b = (Tensor(shape: [goldens.bInt.count], elements: goldens.bInt), goldens.bScale)
        var checked = 0
        for (table, operands) in [(goldens.unary, [a]), (goldens.binary, [a, b]), (goldens.ternary, [a, b, a])] {
            for (name, results) in table {
                let mode = try #require(ElemwiseMode(named: name))
                for (scale, integers) in results {
                    let result = try Self.run(
                        .elemwise(mode), operands, output: Float(scale)
                    ).elements(as: Int8.self)
                    for (index, pair) in zip(result, integers).enumerated() {
                        // Upstream's exponential overflows at both ends and gives -128.
                        if mode == .fuseAddTanh, index == 0 || index == 9 { continue }
                        // A result may lie halfway between two integers.
                        #expect(abs(Int(pair.0) - pair.1) <= 1, "\(name) \(scale) [\(index)]: \(pair)")
                        checked += Int(pair.0) == pair.1 ? 1 : 0
                    }
                }
            }
        }
        // Of 776 integers a handful are ties in upstream's float arithmetic.
        #expect(checked >= 765, "\(checked) of 776 are the same")
    }

    @Test func valuesThatAreNoNumbersAndInfinitiesSaturate() throws {
        let zero = (Tensor(shape: [3], elements: [Int8(0), 5, -5]), Float(1))
        let divisor = (Tensor(shape: [3], elements: [Int8(0), 0, 0]), Float(1))
        #expect(
            try Self.run(.elemwise(.trueDiv), [zero, divisor], output: 1).elements(as: Int8.self) == [-128, 127, -128])
        let large = (Tensor(shape: [2], elements: [Int8(127), -128]), Float(1))
        #expect(
            try Self.run(.elemwise(.fuseAddTanh), [large, large], output: 0.05).elements(as: Int8.self) == [20, -20])
    }

    @Test func aLinearModuleGivesMegEnginesIntegers() throws {
        let golden = try Self.goldens().linear
        let data = Tensor(shape: [2, 3], elements: golden.xInt.int.flatMap(\.self))
        let weight = Tensor(shape: [2, 3], elements: golden.wInt.int.flatMap(\.self))
        let bias = Tensor(shape: [2], elements: golden.b)
        func run(_ activation: ModuleActivation, _ output: Float?) throws -> Tensor {
            try Self.run(
                .linear(ModuleFusion(activation: activation)), [(data, golden.xInt.scale)],
                weight: (weight, golden.wInt.scale), bias: bias, output: output)
        }
        let expected = golden.out.int.flatMap(\.self)
        let result = try run(.identity, golden.out.scale).elements(as: Int8.self)
        #expect(zip(result, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 }, "\(result)")
        #expect(try run(.relu, golden.out.scale).elements(as: Int8.self) == result.map { max($0, 0) })
        // acc + bias_int, times the product of the scales.
        let real = try run(.identity, nil).elements(as: Float.self)
        let exact = [11988, -5165, -1487, -18166].map { Float($0) * (golden.xInt.scale * golden.wInt.scale) }
        for (ours, theirs) in zip(real, exact) { #expect(abs(ours - theirs) <= abs(theirs) * 1e-6) }
    }

    @Test func concatBringsAllToOneScale() throws {
        let goldens = try Self.goldens()
        let elemwise = goldens.elemwiseQint8
        let data = [
            (Tensor(shape: [10], elements: elemwise.aInt), elemwise.aScale),
            (Tensor(shape: [10], elements: elemwise.bInt), elemwise.bScale),
        ]
        let result = try Self.run(.concat(axis: 0, dataCount: 2), data, output: goldens.concat.out.scale)
        #expect(result.elements(as: Int8.self).map(Int.init) == goldens.concat.out.int)
    }

    /// Against real arithmetic on what the integers stand for; upstream has no such module that works.
    @Test func transposedConvolutionsTakeBiasGroupsAndRectifiers() throws {
        var generator = SeededGenerator(seed: 31)
        func integers(_ count: Int) -> [Int8] { (0..<count).map { _ in Int8(truncatingIfNeeded: generator.next()) } }
        let data = Tensor(shape: [2, 4, 5, 3], elements: integers(120))
        let weight = Tensor(shape: [4, 3, 2, 3], elements: integers(72))
        let bias = Tensor(shape: [6], elements: (0..<6).map { _ in generator.normal() })
        let attributes = TransposedConvolutionAttributes(
            convolution: ConvolutionAttributes(
                strides: [2, 1], padding: .explicit(before: [1, 0], after: [0, 1]), groups: 2), outputPadding: [1, 0])
        let (dataScale, weightScale, scale) = (Float(0.04), Float(0.06), Float(0.5))
        func real(_ tensor: Tensor, _ scale: Float) -> Tensor {
            Tensor(shape: tensor.shape, elements: tensor.elements(as: Int8.self).map { Float($0) * scale })
        }
        let float = try ReferenceKernels.evaluate(
            .transposedConvolution(attributes), inputs: [real(data, dataScale), real(weight, weightScale), bias],
            outputCount: 1)[0]
        for activation in [ModuleActivation.identity, .relu] {
            let result = try Self.run(
                .transposedConvolution(attributes, ModuleFusion(activation: activation)), [(data, dataScale)],
                weight: (weight, weightScale), bias: bias, output: scale)
            #expect(result.shape == float.shape)
            for (integer, value) in zip(result.elements(as: Int8.self), float.elements(as: Float.self)) {
                let wanted = min(max(activation == .relu ? max(value, 0) : value, -128 * scale), 127 * scale)
                #expect(abs(Float(integer) * scale - wanted) <= scale * 0.51, "seed 31")
            }
        }
    }

    @Test func narrowKindsClipAsTheirStorageDoes() throws {
        let settings = QuantizedSettings(inputs: [nil], weight: nil, output: .qint8Narrow)
        let op = Operator.module(ModuleOperator(.quantStub, family: .quantized(settings)))
        let data = Tensor(shape: [4], elements: [Float(-1000), -127.5, 126.5, .nan])
        let result = try ReferenceKernels.evaluate(op, inputs: [data, nil, nil, Self.scalar(1)], outputCount: 1)[0]
        #expect(result.elements(as: Int8.self) == [-128, -128, 127, -128])
    }
}
