import Execution
import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

/// Infinities, NaN and results near zero on the fast kernels.
@Suite struct AcceleratedEdgeTests {
    private static func graph(_ op: Operator, _ extents: [Int], axes: [Int64]? = nil) -> Graph {
        let type = TensorType(elementType: .float32, shape: Shape(extents))
        var initializers: [String: Tensor] = [:]
        if let axes { initializers["axes"] = Tensor(shape: [axes.count], elements: axes) }
        return Graph(
            name: "edge", inputs: [.init(name: "x", type: type)],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: initializers,
            nodes: [Node(name: "node", op: op, inputs: ["x"] + (axes == nil ? [] : ["axes"]), outputs: ["y"])])
    }

    private static func run(_ graph: Graph, _ x: [Float]) throws -> [Float] {
        let shape = try #require(graph.inputs[0].type.shape)
        let inputs = ["x": Tensor(shape: shape, elements: x)]
        let result = try AcceleratedExecutor(graph).run(inputs)
        return try #require(result["y"]).elements(as: Float.self)
    }

    /// Rows of all kinds, 37 long, so that whole vectors and a rest are there.
    private static func rows(_ extent: Int) -> [[Float]] {
        let (infinity, nan) = (Float.infinity, Float.nan)
        var rows = [-infinity, infinity, nan, 3].map { [Float](repeating: $0, count: extent) }
        rows.append((0..<extent).map { $0 % 2 == 0 ? -infinity : infinity })
        for place in [0, 1, extent / 2, extent - 1] {
            var row = (0..<extent).map { Float($0) - 4 }
            row[place] = nan
            rows.append(row)
            row[place] = -infinity
            rows.append(row)
        }
        return rows
    }

    @Test(arguments: [true, false])
    func extremesOfInfinitiesAndNaNAreThoseOfNumPy(isMaximum: Bool) throws {
        let rows = Self.rows(37)
        let expected = rows.map { row -> Float in
            if row.contains(where: \.isNaN) { return .nan }
            return (isMaximum ? row.max() : row.min()) ?? .nan
        }
        func check(_ actual: [Float], _ layout: Comment) {
            #expect(actual.count == expected.count, layout)
            for (value, wanted) in zip(actual, expected) {
                #expect(value == wanted || value.isNaN && wanted.isNaN, layout)
            }
        }
        let op = Operator.reduce(ReductionAttributes(function: isMaximum ? .maximum : .minimum, keepsAxes: false))
        check(try Self.run(Self.graph(op, [rows.count, 37], axes: [-1]), rows.flatMap { $0 }), "last axis")
        let columns = (0..<37).flatMap { index in rows.map { $0[index] } }
        check(try Self.run(Self.graph(op, [37, rows.count], axes: [0]), columns), "first axis")
        // Axes that are not neighbours.
        let apart = (0..<37).flatMap { index in rows.map { $0[index] } }
        check(try Self.run(Self.graph(op, [37, rows.count, 1], axes: [0, 2]), apart), "axes apart")
    }

    @Test(arguments: 0..<20)
    func extremesAgree(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let extents = (0..<4).map { _ in Int.random(in: 1...7, using: &generator) }
        let axes = (0..<4).filter { _ in Bool.random(using: &generator) }.map { Int64($0) }
        let op = Operator.reduce(
            ReductionAttributes(function: seed % 2 == 0 ? .maximum : .minimum, keepsAxes: seed % 3 == 0))
        let shape = Shape(extents)
        let x = Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })
        try expectAgreement(
            Self.graph(op, extents, axes: axes), ["x": x], fast: false, tolerance: 0,
            "seed \(seed): \(extents), \(axes)")
    }

    /// Some windows have nothing but infinities and NaN, some also the lowest finite number.
    @Test(arguments: 0..<20)
    func maximumPoolingKeepsInfinities(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let extents = [2, 3] + (0..<1 + seed % 3).map { _ in Int.random(in: 4...7, using: &generator) }
        let attributes = PoolingAttributes(
            kernelShape: extents.dropFirst(2).map { _ in Int.random(in: 2...3, using: &generator) },
            strides: extents.dropFirst(2).map { _ in Int.random(in: 1...2, using: &generator) },
            padding: seed % 2 == 0
                ? .sameUpper
                : .explicit(before: extents.dropFirst(2).map { _ in 1 }, after: extents.dropFirst(2).map { _ in 0 }),
            ceilMode: seed % 4 == 1)
        let palette: [Float] = [
            -.infinity, -.infinity, -.infinity, -.infinity, -.infinity, -.greatestFiniteMagnitude, .infinity, -3,
        ]
        let shape = Shape(extents)
        let x = (0..<shape.elementCount).map { _ in palette[Int.random(in: 0..<palette.count, using: &generator)] }
        for op in [Operator.maxPool(attributes), .globalMaxPool] {
            let graph = Self.graph(op, extents)
            let inputs = ["x": Tensor(shape: shape, elements: x)]
            let expected = try #require(try ReferenceExecutor(graph).run(inputs)["y"]).elements(as: Float.self)
            #expect(try Self.run(graph, x) == expected, "seed \(seed): \(op) on \(shape)")
        }
        let nothing = [Float](repeating: -.infinity, count: shape.elementCount)
        #expect(try Self.run(Self.graph(.globalMaxPool, extents), nothing).allSatisfy { $0 == -.infinity })
    }

    /// Functions with their exact forms, which lose nothing in `Double`.
    private static let functions: [(UnaryFunction, @Sendable (Double) -> Double)] = [
        (.softplus, { max($0, 0) + log1p(exp(-abs($0))) }), (.sigmoid, { 1 / (1 + exp(-$0)) }), (.tanh, { tanh($0) }),
        (.exp, { exp($0) }), (.elu(alpha: 1), { $0 < 0 ? expm1($0) : $0 }), (.erf, { erf($0) }),
        (.leakyRelu(slope: 0.1), { $0 < 0 ? $0 * Double(Float(0.1)) : $0 }),
    ]

    @Test(arguments: functions.indices)
    func functionsKeepTheirDigitsAtTheTails(index: Int) throws {
        let (function, exact) = Self.functions[index]
        let x = (0...6000).map { Float($0 - 3000) / 100 }
        let y = try Self.run(Self.graph(.unary(function), [x.count]), x)
        var (worst, place): (Double, Float) = (0, 0)
        for (value, result) in zip(x, y) {
            let wanted = exact(Double(value))
            guard wanted.magnitude > 1e-37 else { continue }
            let error = ((Double(result) - wanted) / wanted).magnitude
            if error > worst { (worst, place) = (error, value) }
        }
        #expect(worst < 2e-6, "\(function) at \(place)")
    }

    /// `1 + erf` near -1 has no digits left, as in ONNX Runtime, so only the absolute error is small.
    @Test(arguments: [true, false])
    func gaussianUnitIsExactBesideItsTail(tanhApproximation: Bool) throws {
        let x = (0...6000).map { Float($0 - 3000) / 100 }
        let y = try Self.run(Self.graph(.unary(.gelu(tanhApproximation: tanhApproximation)), [x.count]), x)
        for (value, result) in zip(x, y) {
            let x = Double(value)
            let exact =
                tanhApproximation
                ? x / (1 + exp(-2 * 0.7978845608028654 * (x + 0.044715 * x * x * x)))
                : 0.5 * x * erfc(-x / 2.0.squareRoot())
            let scale = max(1, x.magnitude)
            #expect((Double(result) - exact).magnitude < 5e-7 * scale, "\(value)")
        }
    }
}
