import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Histograms of MegEngine's and PyTorch's forms, in one process and in two passes.
@Suite struct HistogramObserverTests {
    private static let wave = (0..<4000).map { Float(sin(Double($0) * 0.37) * pow(cos(Double($0) * 0.011), 3)) }
    private static let outlier = wave.enumerated().map { $0 == 123 ? Float(20) : $1 }
    private static let batches: [String: [[Float]]] = [
        "A": [wave], "B": [outlier], "A,2A": [wave, wave.map { 2 * $0 }], "2A,A": [wave.map { 2 * $0 }, wave],
        "B,0.5A": [outlier, wave.map { 0.5 * $0 }], "A,2A bins64 up16": [wave, wave.map { 2 * $0 }],
        "B qint4": [outlier], "[0,1,2,3]": [[0, 1, 2, 3]],
    ]

    private func counts(_ observer: ObserverState) throws -> [Float] {
        try #require(observer.tensors.last).elements(as: Float.self)
    }

    @Test func theSearchGivesMegEnginesRange() throws {
        let goldens = try MegEngineGoldens.load().histogram.cases
        #expect(goldens.count == 8)
        for (name, golden) in goldens.sorted(by: { $0.key < $1.key }) {
            let dtype = try #require(QuantDtype(rawValue: golden.dtype))
            let algorithm = ObserverSpecification.Algorithm.histogram(
                bins: golden.kw.bins ?? 2048, upsampleRate: golden.kw.upsampleRate ?? 128, form: .megengine)
            var observer = ObserverState(ObserverSpecification(algorithm, dtype: dtype))
            for batch in try #require(Self.batches[name]) { observer.observe(batch) }
            let extremes = try #require(observer.extremes)
            #expect(isClose(extremes.minimum, golden.min) && isClose(extremes.maximum, golden.max), "\(name)")
            let counts = try counts(observer)
            #expect(counts.reduce(0, +) == golden.histSum, "\(name)")
            #expect(counts.count { $0 != 0 } == golden.nonzeroBins, "\(name)")
            #expect(isClose(try observer.quantParameters().scale, golden.scale), "\(name)")
            // The unsymmetric range shows both of its ends.
            var asymmetric = ObserverState(ObserverSpecification(algorithm, dtype: dtype, mode: .asymmetric))
            for batch in try #require(Self.batches[name]) { asymmetric.observe(batch) }
            let width = max(golden.newMax, 0) - min(golden.newMin, 0)
            let steps = Float(dtype.maximum - dtype.minimum)
            #expect(isClose(try asymmetric.quantParameters().scale, width / steps), "\(name)")
        }
    }

    private struct TorchGoldens: Decodable {
        struct Case: Decodable {
            let bins, rate, smallest, nonzero: Int
            let low, high, selectedLow, selectedHigh, sum: Float
            let counts: [Float]
        }
        let cases: [String: Case]
    }

    /// Made by `Tests/Fixtures/goldens/torch_histogram.py`.
    @Test func theTorchFormGivesPyTorchsHistogramAndRange() throws {
        let url = Fixtures.directory.appending(path: "goldens/torch_histogram.json")
        let goldens = try JSONDecoder().decode(TorchGoldens.self, from: Data(contentsOf: url)).cases
        #expect(goldens.count == 8)
        var batches = Self.batches
        batches["A,2A bins64"] = batches["A,2A"]
        batches["A,3A+1,B bins50 up7"] = [Self.wave, Self.wave.map { 3 * $0 + 1 }, Self.outlier]
        batches["constant,A bins64"] = [[Float](repeating: 0.25, count: 5), Self.wave]
        for (name, golden) in goldens.sorted(by: { $0.key < $1.key }) {
            let algorithm = ObserverSpecification.Algorithm.histogram(
                bins: golden.bins, upsampleRate: golden.rate, form: .torch)
            let dtype: QuantDtype = golden.smallest == -8 ? .qint4 : .qint8
            var observer = ObserverState(ObserverSpecification(algorithm, dtype: dtype))
            var asymmetric = ObserverState(ObserverSpecification(algorithm, dtype: dtype, mode: .asymmetric))
            for batch in try #require(batches[name]) {
                observer.observe(batch)
                asymmetric.observe(batch)
            }
            #expect(try #require(observer.extremes) == (golden.low, golden.high), "\(name)")
            let counts = try counts(observer)
            #expect(isClose(counts.reduce(0, +), golden.sum), "\(name)")
            #expect(counts.count { $0 != 0 } == golden.nonzero, "\(name)")
            for (bin, expected) in golden.counts.enumerated() {
                #expect(
                    isClose(counts[bin], expected, tolerance: 1e-5), "\(name), bin \(bin): \(counts[bin]), \(expected)")
            }
            let (low, high) = (min(golden.selectedLow, 0), max(golden.selectedHigh, 0))
            let steps = Float(dtype.maximum - dtype.minimum)
            #expect(isClose(try observer.quantParameters().scale, max(-low, high) / (steps / 2)), "\(name)")
            #expect(isClose(try asymmetric.quantParameters().scale, (high - low) / steps), "\(name)")
        }
    }

    @Test func widenedHistogramsAreMegEngines() throws {
        let golden = try MegEngineGoldens.load().histogram.smallCombine
        var observer = ObserverState(
            ObserverSpecification(
                .histogram(bins: golden.bins, upsampleRate: golden.upsample, form: .megengine)))
        observer.observe((0...32).map { Float(-1 + Double($0) / 16) })
        #expect(try counts(observer) == golden.hist1)
        observer.observe((0...32).map { Float(-1.5 + Double($0) * 3.5 / 32) })
        let result = try counts(observer)
        #expect(zip(result, golden.hist2).allSatisfy { isClose($0, $1) }, "\(result)")
        let extremes = try #require(observer.extremes)
        #expect(extremes == (golden.min, golden.max))
    }

    /// By hand: parts of width 1, three to a new bin; [0, 9] becomes [-1.5, 10.5], and the old bins begin at part 2.
    @Test func theRangeIsWidenedOnBothSidesToAWholeNumberOfParts() throws {
        var observer = ObserverState(ObserverSpecification(.histogram(bins: 4, upsampleRate: 2, form: .megengine)))
        observer.observe([0, 2, 4, 6, 8])
        #expect(try counts(observer) == [1, 1, 1, 2])
        observer.observe([0, 9])
        #expect(try #require(observer.extremes) == (-1.5, 10.5))
        #expect(try counts(observer) == [1.5, 1.5, 2, 2])
    }

    /// An edge belongs to the bin above, however the division is rounded.
    @Test(arguments: 0..<20 as Range<UInt64>) func edgesBelongToTheBinAboveThem(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (low, width) = (generator.normal(), abs(generator.normal()) + 0.1)
        let range = TensorRange(minimum: low, maximum: low + width)
        let count = Int(3 + generator.next() % 1000)
        let step = (Double(range.maximum) - Double(range.minimum)) / Double(count)
        var edges = (0..<count).map { Float(Double(range.minimum) + Double($0) * step) }
        edges.append(range.maximum)
        var ranges = HistogramRanges(form: .megengine, binCount: count, upsampleRate: 1)
        let bins = ranges.advance(to: range).bins
        let counts = bins.counts(of: edges.span)
        #expect(counts == [UInt64](repeating: 1, count: count - 1) + [2], "seed \(seed)")
        let below = edges.dropFirst().map { $0.nextDown }
        #expect(bins.counts(of: below.span) == [UInt64](repeating: 1, count: count), "seed \(seed)")
    }

    /// Upstream divides by zero here.
    @Test(arguments: [ObserverSpecification.HistogramForm.megengine, .torch])
    func aConstantFirstBatchIsKeptAsAPoint(form: ObserverSpecification.HistogramForm) throws {
        var observer = ObserverState(ObserverSpecification(.histogram(bins: 16, upsampleRate: 4, form: form)))
        observer.observe([2, 2, 2])
        #expect(try isClose(observer.quantParameters().scale, 2 / 127.5))
        observer.observe([2])
        #expect(try counts(observer).enumerated().filter { $1 != 0 }.map { [$0, Int($1)] } == [[8, 4]])
        observer.observe([0, 4])
        let result = try counts(observer)
        #expect(result[0] == 1 && result[8] == 4 && result[15] == 1 && result.reduce(0, +) == 6, "\(result)")
        #expect(try #require(observer.extremes) == (0, 4))
    }

    /// Batches with ranges that widen, stay, are points, lie far apart, or are absent.
    private static func randomBatches(_ generator: inout SeededGenerator) -> [[Float]] {
        (0..<Int(2 + generator.next() % 6)).map { _ in
            let scale = Float([1, 1, 2, 0.01, 1e6, 1e-30, 3e37][Int(generator.next() % 7)])
            let offset = Float(Int(generator.next() % 5)) - 2
            let count = Int(generator.next() % 60)
            switch generator.next() % 8 {
            case 0: return [Float](repeating: offset * scale, count: count)
            case 1: return [.nan, .infinity]
            default:
                var values: [Float] = []
                for _ in 0..<count { values.append((generator.normal() + offset) * scale) }
                return values + [-.infinity]
            }
        }
    }

    @Test(arguments: [ObserverSpecification.HistogramForm.megengine, .torch], 0..<40 as Range<UInt64>)
    func twoPassesOverTheBatchesGiveWhatOneProcessHas(form: ObserverSpecification.HistogramForm, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let batches = Self.randomBatches(&generator)
        let (bins, rate) = ([16, 50, 256][Int(seed % 3)], [4, 16, 7][Int(seed % 3)])
        var sequential = ObserverState(ObserverSpecification(.histogram(bins: bins, upsampleRate: rate, form: form)))
        let empty = sequential
        for batch in batches { sequential.observe(batch) }

        // First pass: extremes, each by itself. Second pass: counts, each by itself, in any order.
        let extremes = batches.map { batch -> TensorRange? in
            let finite = batch.filter(\.isFinite)
            return TensorRange(checking: finite.min() ?? .nan, finite.max() ?? .nan)
        }
        let steps = HistogramRanges(form: form, binCount: bins, upsampleRate: rate).steps(through: extremes)
        var counted = [[UInt64]?](repeating: nil, count: batches.count)
        for index in batches.indices.reversed() {
            let batch = batches[index]
            if let step = steps[index] { counted[index] = step.bins.counts(of: batch.span) }
        }
        var folded = empty
        for (range, counts) in zip(extremes, counted) {
            if let range, let counts { try folded.observe(range, counts: counts) }
        }
        #expect(folded == sequential, "seed \(seed)")
        #expect(try folded.quantParameters() == sequential.quantParameters(), "seed \(seed)")
        let total = batches.joined().count(where: \.isFinite)
        if total > 0 {
            let sum = try counts(folded).reduce(0.0) { $0 + Double($1) }
            #expect(abs(sum - Double(total)) < 1e-3 * Double(total), "seed \(seed): \(sum) of \(total)")
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>) func theExactFormDoesNotDependOnTheOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let batches = Self.randomBatches(&generator)
        let specification = ObserverSpecification(
            .histogram(bins: 2048, upsampleRate: 128, form: .exact), dtype: .qint4)
        var forward = ObserverState(specification)
        var merged = forward
        for batch in batches { forward.observe(batch) }
        for batch in batches.shuffled(using: &generator) {
            var part = LatticeHistogram()
            part.add(batch.span)
            try merged.merge(part)
        }
        #expect(forward == merged, "seed \(seed)")
        #expect(try forward.quantParameters() == merged.quantParameters(), "seed \(seed)")
    }

    @Test func extremesAloneAreNotEnough() throws {
        var observer = ObserverState(ObserverSpecification(.histogram(bins: 16, upsampleRate: 4, form: .megengine)))
        #expect(throws: ObserverError.elementsNeeded) { try observer.observe(batchMinimum: 0, maximum: 1) }
        #expect(throws: ObserverError.self) { try observer.observe(TensorRange(minimum: 0, maximum: 1), counts: [1]) }
    }
}
