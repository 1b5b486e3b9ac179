import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

/// The numbers of a sample, against plain loops and against NumPy.
@Suite struct ErrorMeasureTests {
    private static func pair(_ count: Int, seed: UInt64) -> (reference: [Float], candidate: [Float]) {
        var generator = SeededGenerator(seed: seed)
        let reference = (0..<count).map { _ in generator.normal() }
        return (reference, reference.map { $0 + 0.01 * generator.normal() })
    }

    @Test(arguments: [0, 1, 7, 8, 9, 64, 1001]) func additionsComeInTheDocumentedOrder(count: Int) {
        let (reference, candidate) = Self.pair(count, seed: UInt64(count))
        let measure = ErrorMeasure(reference: reference.span, candidate: candidate.span)
        var lanes = [[Double]](repeating: [0, 0, 0, 0], count: 8)
        var maximum = 0.0
        for index in 0..<count {
            let (left, right) = (Double(reference[index]), Double(candidate[index]))
            let difference = right - left
            for (slot, term) in [left * left, difference * difference, right * right, left * right].enumerated() {
                lanes[index % 8][slot] += term
            }
            maximum = max(maximum, abs(difference))
        }
        func total(_ slot: Int) -> Double { lanes.dropFirst().reduce(lanes[0][slot]) { $0 + $1[slot] } }
        #expect(measure.compared == UInt64(count) && measure.omitted == 0)
        #expect(measure.signal == total(0) && measure.error == total(1))
        #expect(measure.power == total(2) && measure.product == total(3))
        #expect(measure.maximumError == maximum)
    }

    @Test func whatIsNotFiniteIsLeftOutAndCounted() {
        var (reference, candidate) = Self.pair(21, seed: 3)
        let (left, right) = (reference, candidate)
        reference[2] = .nan
        candidate[9] = .infinity
        candidate[20] = -.infinity
        let measure = ErrorMeasure(reference: reference.span, candidate: candidate.span)
        let kept = left.indices.filter { ![2, 9, 20].contains($0) }
        #expect(measure.omitted == 3 && measure.compared == 18)
        let error = kept.reduce(0.0) { $0 + pow(Double(right[$1]) - Double(left[$1]), 2) }
        #expect(abs(measure.error - error) < 1e-15)
    }

    @Test func theEdgesOfTheRatiosAreDefined() throws {
        func statistics(_ reference: [Float], _ candidate: [Float]) throws -> ErrorStatistics {
            var statistics = ErrorStatistics()
            try statistics.add(ErrorMeasure(reference: reference.span, candidate: candidate.span))
            return statistics
        }
        let equal = try statistics([1, 2], [1, 2])
        #expect(equal.signalToNoiseDecibels == .infinity && equal.cosine == 1 && equal.maximumError == 0)
        let nothing = try statistics([0, 0], [0, 0])
        #expect(nothing.signalToNoiseDecibels == .infinity && nothing.cosine == 1)
        let fromZero = try statistics([0, 0], [1, 0])
        #expect(fromZero.signalToNoiseDecibels == -.infinity && fromZero.cosine == 0)
        let toZero = try statistics([3, 4], [0, 0])
        #expect(toZero.signalToNoiseDecibels == 0 && toZero.cosine == 0 && toZero.maximumError == 4)
        let opposite = try #require(try statistics([1, 1], [-1, -1]).cosine)
        #expect(abs(opposite + 1) < 1e-15)
        let nowhereFinite = try statistics([.nan, 1], [1, .infinity])
        #expect(nowhereFinite.compared == 0 && nowhereFinite.omitted == 2 && nowhereFinite.cosine == nil)
    }

    @Test func numpyGivesTheSameNumbers() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        let (reference, candidate) = Self.pair(6 * 500, seed: 11)
        var statistics = ErrorStatistics()
        for sample in 0..<6 {
            let range = sample * 500..<(sample + 1) * 500
            let (left, right) = (Array(reference[range]), Array(candidate[range]))
            try statistics.add(ErrorMeasure(reference: left.span, candidate: right.span))
        }
        try NPZFile.write(
            [
                "reference": Tensor(shape: [6, 500], elements: reference),
                "candidate": Tensor(shape: [6, 500], elements: candidate),
            ], to: folder.path("values.npz"))
        let script = """
            import sys, numpy as np
            values = np.load(sys.argv[1])
            f, q = values["reference"].astype(np.float64).ravel(), values["candidate"].astype(np.float64).ravel()
            print(10 * np.log10(np.sum(f * f) / np.sum((q - f) ** 2)))
            print(np.dot(f, q) / (np.linalg.norm(f) * np.linalg.norm(q)))
            print(np.max(np.abs(q - f)))
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.path("values.npz")])
        try #require(outcome.status == 0, "\(outcome.output)")
        let numbers = outcome.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(numbers.count == 3, "\(outcome.output)")
        #expect(abs(statistics.signalToNoiseDecibels - numbers[0]) < 1e-9)
        #expect(abs(try #require(statistics.cosine) - numbers[1]) < 1e-12)
        #expect(statistics.maximumError == numbers[2])
    }
}
