import Quantization
import Tensors
import TestSupport
import Testing

/// Observers: what they remember of batches, and the scale and zero point that follow.
@Suite struct ObserverTests {
    private func uniform(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-24 }
    }

    @Test func minMaxAndMovingAveragesGiveMegEnginesNumbers() throws {
        let goldens = try MegEngineGoldens.load().observers
        #expect(goldens.count == 120)
        for golden in goldens {
            let dtype = try #require(QuantDtype(rawValue: golden.dtype))
            let mode: QuantMode = golden.mode == "SYMMERTIC" ? .symmetric : .asymmetric
            let isMinMax = golden.observer == "MinMaxObserver"
            let specification = ObserverSpecification(
                isMinMax ? .minMax : .exponentialMovingAverage(momentum: 0.9), dtype: dtype, mode: mode)
            var observer = ObserverState(specification)
            for batch in golden.batches { observer.observe(batch) }
            let parameters = try observer.quantParameters()
            let extremes = try #require(observer.extremes)
            #expect(isClose(extremes.minimum, golden.min) && isClose(extremes.maximum, golden.max), "\(golden)")
            #expect(isClose(parameters.scale, golden.scale), "\(golden) \(parameters)")
            #expect(parameters.zeroPoint.map { Float($0) } == golden.zeroPoint, "\(golden) \(parameters)")
        }
    }

    /// Case 2 of semantics.md 5.2.
    @Test(arguments: 0..<4) func theExtremesAreThoseOfTheData(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let values = uniform(81, &generator)
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .histogram(bins: 2048, upsampleRate: 128, form: .megengine),
            .histogram(bins: 2048, upsampleRate: 16, form: .torch),
            .histogram(bins: 2048, upsampleRate: 1, form: .exact),
        ] {
            var observer = ObserverState(ObserverSpecification(algorithm))
            observer.observe(values)
            let extremes = try #require(observer.extremes)
            #expect(extremes.minimum == values.min() && extremes.maximum == values.max(), "seed \(seed) \(algorithm)")
        }
    }

    /// Case 3 of semantics.md 5.2.
    @Test(arguments: 0..<8) func theMovingAverageWeighsTheFirstBatchWithTheMomentum(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let momentum = uniform(1, &generator)[0]
        let batches = [uniform(9, &generator), uniform(9, &generator)]
        var observer = ObserverState(ObserverSpecification(.exponentialMovingAverage(momentum: momentum)))
        for batch in batches { observer.observe(batch) }
        let extremes = try #require(observer.extremes)
        for (actual, parts) in [
            (extremes.minimum, batches.map { $0.min() ?? 0 }), (extremes.maximum, batches.map { $0.max() ?? 0 }),
        ] {
            #expect(abs(actual - (momentum * parts[0] + (1 - momentum) * parts[1])) < 1e-5, "seed \(seed)")
        }
    }

    @Test func aNewMomentumIsUsedFromTheBatchAfterTheNextOn() throws {
        var observer = ObserverState(ObserverSpecification(.exponentialMovingAverage(momentum: 0.5)))
        observer.observe([0, 8])
        try observer.setMomentum(0)
        observer.observe([0, 4])
        #expect(observer.extremes?.maximum == 6)
        observer.observe([0, 1])
        #expect(observer.extremes?.maximum == 1)
        #expect(throws: ObserverError.momentum(1.5)) { try observer.setMomentum(1.5) }
        #expect(throws: ObserverError.momentum(-1)) { try observer.setMomentum(-1) }
        var minMax = ObserverState(ObserverSpecification(.minMax))
        #expect(throws: ObserverError.noMomentum) { try minMax.setMomentum(0.5) }
    }

    /// Case 5 of semantics.md 5.2: the extremes of two workers' slices, folded, are those of the whole batch.
    @Test(arguments: 0..<4) func theExtremesOfSlicesFoldToThoseOfTheWhole(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for algorithm in [ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.9)] {
            var whole = ObserverState(ObserverSpecification(algorithm, isSynchronized: true))
            var folded = whole
            for _ in 0..<5 {
                let batch = uniform(54, &generator)
                whole.observe(batch)
                let halves = [batch[..<27], batch[27...]]
                try folded.observe(
                    batchMinimum: halves.compactMap { $0.min() }.min() ?? 0,
                    maximum: halves.compactMap { $0.max() }.max() ?? 0)
            }
            #expect(whole == folded, "seed \(seed) \(algorithm)")
        }
    }

    /// Case 4 of semantics.md 5.2.
    @Test func aPassiveObserverKnowsWhatItWasSetToAndTheOriginalScale() throws {
        var observer = ObserverState(ObserverSpecification(.passive))
        #expect(throws: ObserverError.nothingSet) { try observer.quantParameters() }
        #expect(throws: ObserverError.nothingSet) { try observer.setScale(1) }
        #expect(observer.originalScale == nil)
        let parameters = QParams(.qint8, scale: 1)
        try observer.setQuantParameters(parameters)
        #expect(try observer.quantParameters() == parameters)
        observer.observe([-100, 100])
        try observer.setScale(0.5)
        #expect(try observer.quantParameters() == QParams(.qint8, scale: 0.5))
        #expect(observer.originalScale == 1)
        for scale in [Float(0), -1, .nan] { #expect(throws: ObserverError.self) { try observer.setScale(scale) } }
        #expect(throws: ObserverError.scale(0)) { try observer.setQuantParameters(QParams(.qint8, scale: 0)) }
        #expect(throws: ObserverError.dtype(.qint8Narrow, expected: .qint8)) {
            try observer.setQuantParameters(QParams(.qint8Narrow, scale: 1))
        }
        #expect(try observer.quantParameters() == QParams(.qint8, scale: 0.5))
        var other = ObserverState(ObserverSpecification(.minMax))
        #expect(throws: ObserverError.noOwnParameters) { try other.setQuantParameters(parameters) }
    }

    @Test func nothingObservedGivesTheSmallestScale() throws {
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.9),
            .histogram(bins: 64, upsampleRate: 4, form: .megengine),
            .histogram(bins: 64, upsampleRate: 4, form: .torch),
            .histogram(bins: 64, upsampleRate: 4, form: .exact),
        ] {
            var observer = ObserverState(ObserverSpecification(algorithm))
            observer.observe([.nan, .infinity, -.infinity])
            observer.observe([])
            #expect(try observer.quantParameters() == QParams(.qint8, scale: 1e-5), "\(algorithm)")
            let asymmetric = ObserverState(ObserverSpecification(algorithm, dtype: .quint8, mode: .asymmetric))
            #expect(try asymmetric.quantParameters() == QParams(.quint8, scale: 1e-5, zeroPoint: 0), "\(algorithm)")
        }
    }

    @Test func disabledObserversRememberNothing() throws {
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.9),
            .histogram(bins: 64, upsampleRate: 4, form: .megengine),
            .histogram(bins: 64, upsampleRate: 4, form: .torch),
            .histogram(bins: 64, upsampleRate: 4, form: .exact),
        ] {
            for isSynchronized in [false, true] {
                var observer = ObserverState(ObserverSpecification(algorithm, isSynchronized: isSynchronized))
                observer.observe([-1, 2])
                observer.isEnabled = false
                let before = observer
                observer.observe([-5, 7])
                #expect(observer == before)
                observer.isEnabled = true
                observer.observe([-5, 7])
                #expect(observer != before)
            }
        }
    }

    @Test(arguments: 0..<4) func aStateDictionaryRestoresAnObserver(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.75),
            .histogram(bins: 64, upsampleRate: 4, form: .megengine),
            .histogram(bins: 64, upsampleRate: 4, form: .torch),
            .histogram(bins: 64, upsampleRate: 4, form: .exact), .passive,
        ] {
            let specification = ObserverSpecification(algorithm)
            var observer = ObserverState(specification)
            #expect(try ObserverState(specification, tensors: observer.tensors) == observer, "\(algorithm)")
            if algorithm == .passive { try observer.setQuantParameters(QParams(.qint8, scale: 0.25)) }
            for _ in 0..<3 {
                observer.observe(uniform(50, &generator).map { $0 * 3 - 1 } + [0, .nan])
                let tensors = observer.tensors
                #expect(tensors.count == specification.stateKeys.count)
                let restored = try ObserverState(specification, tensors: tensors)
                #expect(restored == observer, "seed \(seed) \(algorithm)")
                #expect(try restored.quantParameters() == observer.quantParameters())
            }
            #expect(throws: ObserverError.self) { try ObserverState(specification, tensors: []) }
            let wrong = [Tensor](repeating: Tensor(scalar: Int8(1)), count: specification.stateKeys.count)
            #expect(throws: ObserverError.self) { try ObserverState(specification, tensors: wrong) }
        }
    }

    @Test func aZeroPointBetweenTwoIntegersIsRoundedAwayFromZero() throws {
        var observer = ObserverState(ObserverSpecification(.minMax, dtype: .quint8, mode: .asymmetric))
        observer.observe([-2.5, 252.5])
        #expect(try observer.quantParameters() == QParams(.quint8, scale: 1, zeroPoint: 3))
        observer = ObserverState(ObserverSpecification(.minMax, mode: .asymmetric))
        observer.observe([-2.5, 252.5])
        #expect(try observer.quantParameters() == QParams(.qint8, scale: 1, zeroPoint: -125))
    }

    @Test func largeNumbersGiveFiniteParameters() throws {
        let largest = Float.greatestFiniteMagnitude
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.9),
            .histogram(bins: 64, upsampleRate: 4, form: .megengine),
            .histogram(bins: 64, upsampleRate: 4, form: .torch),
            .histogram(bins: 64, upsampleRate: 4, form: .exact),
        ] {
            for mode in QuantMode.allCases {
                let dtype: QuantDtype = mode == .symmetric ? .qint8 : .quint8
                var observer = ObserverState(ObserverSpecification(algorithm, dtype: dtype, mode: mode))
                observer.observe([1, 1, 1])
                observer.observe([.leastNonzeroMagnitude, 1])
                observer.observe([-largest, largest, 0.5])
                observer.observe([-largest, largest])
                let parameters = try observer.quantParameters()
                #expect(parameters.scale > 0 && parameters.scale.isFinite, "\(algorithm) \(mode) \(parameters)")
            }
        }
    }
}
