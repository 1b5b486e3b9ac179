import Quantization
import Testing

/// The search of easy quantization.
@Suite struct EasyQuantSearchTests {
    @Test func candidatesAreEvenlySpacedAroundTheScale() {
        let candidates = EasyQuantSearch().candidates(around: 2)
        #expect(candidates.count == 40 && candidates.first == 1.6 && candidates.last == 2.4)
        for (left, right) in zip(candidates, candidates.dropFirst()) { #expect(abs(right - left - 0.8 / 39) < 1e-6) }
        #expect(EasyQuantSearch(start: 0.5, stop: 1.5, count: 3).candidates(around: 1) == [0.5, 1, 1.5])
        #expect(EasyQuantSearch(start: 0.5, stop: 1.5, count: 1).candidates(around: 4) == [2])
    }

    @Test func theMostSimilarCandidateIsKeptIfAnyIsSimilar() {
        let search = EasyQuantSearch(start: 0.5, stop: 1.5, count: 5)
        #expect(search.best(around: 1) { 1 - Double(abs($0 - 1.25)) } == 1.25)
        #expect(search.best(around: 1) { _ in 0.5 } == 0.5)
        #expect(search.best(around: 1) { _ in 0 } == nil)
        #expect(search.best(around: 1) { _ in .nan } == nil)
    }

    @Test func similarityIsTheMeanCosineOfTheSamples() {
        let reference: [Float] = [1, 0, 3, 4, 0, 0, 0, 0]
        let output: [Float] = [1, 1, -3, -4, 0, 0, 1, 0]
        let expected = (0.5.squareRoot() - 1 + 1 + 0) / 4
        let actual = EasyQuantSearch.meanCosineSimilarity(reference.span, output.span, sampleCount: 4)
        #expect(abs(actual - expected) < 1e-12)
        // Of the rounded grids, the one that hits all numbers is the best.
        let values: [Float] = [0.75, -1.5, 2.25, 3]
        let found = EasyQuantSearch(start: 0.5, stop: 1.5, count: 21).best(around: 0.75) { scale in
            let quantizer = FakeQuantizer(FakeQuantSpecification(dtype: .qint4), parameter: scale)
            let rounded = values.map { quantizer($0) }
            return EasyQuantSearch.meanCosineSimilarity(values.span, rounded.span, sampleCount: 1)
        }
        #expect(found == 0.75)
    }
}
