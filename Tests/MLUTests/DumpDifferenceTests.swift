import Foundation
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct DumpDifferenceTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func dumped(
        _ level: DumpLevel = 2, comparesCPU: Bool = false, _ calls: (DumpTestBackend) -> Void
    ) throws -> DumpReader {
        let dumper = try Dumper(
            DumpConfiguration(directory: folder.path("dump"), level: level, comparesCPU: comparesCPU))
        calls(DumpTestBackend { dumper })
        dumper.finish()
        return try DumpReader(directory: dumper.directory)
    }

    /// A call with one argument.
    private func call(
        _ backend: DumpTestBackend, _ name: String, of argument: [Float] = [1], host: [Float]? = nil,
        _ result: [Float]
    ) {
        func tensor(_ values: [Float]) -> OperatorValue {
            .tensor(Tensor(shape: [values.count], elements: values))
        }
        backend.call(
            name, ["self": tensor(argument)],
            host: {
                guard let host else { throw NotOnTheHost() }
                return tensor(host)
            }
        ) { tensor(result) }
    }

    @Test func theWorstOperatorOfTheDeviceComesFirst() throws {
        let dump = try dumped(comparesCPU: true) { backend in
            call(backend, "equal", host: [3, 4], [3, 4])
            call(backend, "slightly", host: [3, 4], [3, 4.005])
            call(backend, "badly", host: [3, 4], [4, 3])
            call(backend, "undefined", host: [3, 4], [.nan, 4])
            call(backend, "relu_", host: [1], [1])
            call(backend, "custom", [1])
        }
        let difference = try DumpDifference(deviceAgainstHost: dump, tolerance: 0.01)
        #expect(difference.calls.map(\.path) == ["4_undefined", "3_badly", "2_slightly", "1_equal"])
        #expect(difference.notCompared == ["5_relu_", "6_custom"])
        #expect(!difference.isEqual)
        let badly = difference.calls[1].result
        #expect(badly.reference == "3_badly/cpu_result" && badly.file == "3_badly/cnnl_result")
        #expect(abs(badly.relativeL2 - 2.0.squareRoot() / 5) < 1e-12 && badly.maximumAbsoluteError == 1)
        #expect(badly.cosine == 24.0 / 25 && badly.notANumberMismatches == 0 && badly.coverage == .all)
        #expect(difference.calls[0].result.notANumberMismatches == 1)
        #expect(difference.calls[2].result.isWithin(0.01) && !difference.calls[2].result.isWithin(0.0005))
    }

    @Test func aDumpWithoutHostResultsSaysWhatIsMissing() throws {
        let dump = try dumped { call($0, "relu", [1]) }
        let failure = #expect(throws: DumpFormatError.self) {
            try DumpDifference(deviceAgainstHost: dump, tolerance: 1)
        }
        #expect("\(try #require(failure))".contains("--compare-cpu"))
    }

    @Test func twoDumpsOfTheSameRunAreEqual() throws {
        let dumps = try DumpLevel.allCases.map { level in
            try (0..<2).map { _ in
                try dumped(level) { backend in
                    call(backend, "relu", of: (0..<30).map { Float($0) - 7 }, [.infinity, .nan, 0])
                    call(backend, "sum", [1, 2])
                }
            }
        }
        for pair in dumps {
            let difference = try DumpDifference(pair[1], against: pair[0], tolerance: 0)
            #expect(difference.isEqual && difference.calls.count == 2)
            #expect(difference.calls.allSatisfy { $0.result.relativeL2 == 0 })
        }
    }

    @Test func missingAndExtraOperatorsAreNamedAndTheOthersStillPaired() throws {
        let first = try dumped { backend in
            for name in ["a", "b", "c", "d"] { call(backend, name, [1]) }
            backend.call("outer", ["self": Samples.tensor(1)]) {
                call(backend, "inner", [1])
                return Samples.tensor(1)
            }
        }
        let second = try dumped { backend in
            for name in ["a", "c", "x", "d"] { call(backend, name, [name == "d" ? 2 : 1]) }
            backend.call("outer", ["self": Samples.tensor(1)]) {
                call(backend, "inner", [1])
                call(backend, "more", [1])
                return Samples.tensor(1)
            }
        }
        let difference = try DumpDifference(second, against: first, tolerance: 0)
        #expect(difference.missing == ["2_b"] && difference.extra == ["3_x", "5_outer/2_more"])
        #expect(difference.calls.map(\.path) == ["4_d", "1_a", "3_c", "5_outer", "5_outer/1_inner"])
        #expect(difference.calls.map(\.otherPath) == [nil, nil, "2_c", nil, nil])
        #expect(!difference.isEqual)
    }

    /// The argument tells an operator's own error from one that it was handed.
    @Test func theWorstArgumentIsToldBesideTheResult() throws {
        let first = try dumped { call($0, "relu", of: [3, 4], [3, 4]) }
        let second = try dumped { call($0, "relu", of: [3, 5], [3, 5]) }
        let difference = try DumpDifference(second, against: first, tolerance: 1)
        #expect(difference.calls.first?.worstArgument?.relativeL2 == 0.2)
        #expect(difference.isEqual)
        // A different argument is a difference, also when the result is the same.
        let third = try dumped { call($0, "relu", of: [3, 5], [3, 4]) }
        #expect(try !DumpDifference(third, against: first, tolerance: 0.1).isEqual)
    }

    /// Levels 0 and 1 cannot see everything, and say so.
    @Test func sampledAndSummedTensorsAreComparedAsWhatTheyAre() throws {
        let values = (0..<40).map { Float($0) + 1 }
        var changed = values
        changed[30] = -31
        func dump(_ level: DumpLevel, _ values: [Float]) throws -> DumpReader {
            try dumped(level) { call($0, "op", values) }
        }
        func compared(_ left: DumpReader, _ right: DumpReader) throws -> DumpFileDifference {
            try #require(DumpDifference(right, against: left, tolerance: 0).calls.first).result
        }
        let sampled = try compared(dump(0, values), dump(0, changed))
        #expect(sampled.coverage == .firstValues && sampled.values == 10 && sampled.elements == 40)
        #expect(sampled.isWithin(0))
        let sums = try compared(dump(1, values), dump(1, changed))
        #expect(sums.coverage == .absoluteSum && sums.values == 1 && sums.cosine == nil && sums.isWithin(0))
        #expect(try !compared(dump(2, values), dump(2, changed)).isWithin(0))
        // Different levels are compared as the weaker one, as far as that is possible.
        #expect(try compared(dump(0, values), dump(2, changed)).coverage == .firstValues)
        let mixed = try compared(dump(2, values), dump(1, changed))
        #expect(mixed.coverage == .absoluteSum && mixed.isWithin(0))
        #expect(try compared(dump(0, values), dump(1, values)).problem?.contains("one level") == true)
    }

    @Test func shapesValuesAndTypesThatDoNotFit() throws {
        func compared(_ left: OperatorValue, _ right: OperatorValue) throws -> DumpFileDifference {
            let first = try dumped { $0.call("op", [:]) { left } }
            let second = try dumped { $0.call("op", [:]) { right } }
            return try #require(DumpDifference(second, against: first, tolerance: 0).calls.first).result
        }
        let one = Samples.tensor(1)
        #expect(try compared(one, Samples.tensor(1, 2)).problem == "shape [1] against [2]")
        let half = OperatorValue.tensor(Tensor(shape: [1], elements: [1] as [Float16]))
        let types = try compared(one, half)
        #expect(types.note == "Float against Half" && types.isWithin(0))
        #expect(try compared(.sequence(.tuple, [one]), .sequence(.tuple, [one, one])).problem != nil)
        #expect(try compared(one, .undefinedTensor).problem != nil)
        #expect(try compared(.text("mean"), .text("sum")).problem == "'mean' against 'sum'")
        #expect(try compared(.plain(.integer(3)), .plain(.integer(4))).maximumAbsoluteError == 1)
        let infinite = try compared(Samples.tensor(.infinity, 1), Samples.tensor(-.infinity, 1))
        #expect(infinite.relativeL2 == .infinity && infinite.maximumAbsoluteError == .infinity)
        #expect(try compared(Samples.tensor(0), Samples.tensor(1)).relativeL2 == .infinity)
        #expect(try compared(Samples.tensor(0), Samples.tensor(0)).cosine == 1)
    }

    /// A device that failed, and a process that was killed while it wrote.
    @Test func unfinishedDumpsAreNotEqual() throws {
        let whole = try dumped { call($0, "op", [1]) }
        let failed = try dumped { backend in
            #expect(throws: NotOnTheHost.self) {
                try backend.call("op", ["self": Samples.tensor(1)]) { throw NotOnTheHost() }
            }
        }
        let difference = try DumpDifference(failed, against: whole, tolerance: 1)
        #expect(difference.calls.first?.result.problem == "only one of the dumps has a result")
        #expect(!difference.isEqual)
        #expect(try DumpDifference(failed, against: failed, tolerance: 0).notCompared == ["1_op"])

        try Data("Tensor".utf8).write(to: URL(filePath: whole.directory + "/1_op/.mlu_other.unfinished"))
        let killed = try DumpReader(directory: whole.directory)
        #expect(killed.unfinished == ["1_op/.mlu_other.unfinished"])
        #expect(try !DumpDifference(killed, against: whole, tolerance: 0).isEqual)
        try Data().write(to: URL(filePath: whole.directory + "/1_op/cnnl_result"))
        #expect(throws: DumpFormatError.self) { try DumpDifference(killed, against: whole, tolerance: 0) }
    }

    /// A file is compared piece by piece: long ones give the same as short ones.
    @Test func longFilesAreComparedToTheirEnd() throws {
        var values = (0..<200_000).map { Float($0 % 977) - 400.25 }
        let first = try dumped { call($0, "op", values) }
        values[199_999] += 10
        let second = try dumped { call($0, "op", values) }
        let result = try #require(DumpDifference(second, against: first, tolerance: 0).calls.first).result
        #expect(result.values == 200_000 && abs(result.maximumAbsoluteError - 10) < 1e-3)
    }
}
