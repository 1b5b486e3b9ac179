import Foundation
import Tensors
import TestSupport
import Testing

@testable import MLU

/// The cases of the device software's own dump tests, with the calls that its backend makes.
@Suite struct DumpUpstreamTests {
    private let rows = Tensor(shape: [2, 12], elements: Samples.row + Samples.row)
    private let first = Tensor(shape: [12], elements: Samples.row)
    private let numbers: [Int32] = [-1, 2, -3, -4, 5, 6, 7, 8, -9, -10, -11, 12]

    /// `A[0]` and `B[:, 0] > 0`, as four operators.
    private func run(_ observer: (any OperatorObserver)?) -> OperatorValue {
        let backend = DumpTestBackend { observer }
        let wide = Tensor(shape: [12, 3], elements: numbers.flatMap { [$0, 50, 60] })
        let column = OperatorValue.tensor(Tensor(shape: [12], elements: numbers))
        let positive = OperatorValue.tensor(Tensor(shape: [12], elements: numbers.map { $0 > 0 }))
        let zero = OperatorValue.plain(.integer(0))
        backend.call(
            "select", ["self": .tensor(rows), "dim": zero, "index": zero], host: { .tensor(first) }
        ) { .tensor(first) }
        let all: KeyValuePairs<String, OperatorValue> = [
            "self": .tensor(wide), "dim": zero, "start": .optional(zero), "end": .optional(.plain(.integer(.max))),
            "step": .plain(.integer(1)),
        ]
        backend.call("slice", all, host: { .tensor(wide) }) { .tensor(wide) }
        backend.call(
            "select", ["self": .tensor(wide), "dim": .plain(.integer(1)), "index": zero], host: { column }
        ) { column }
        return backend.call(
            "gt", ["self": column, "other": .scalar(.integer(0))], host: { positive }
        ) { positive }
    }

    /// Case 38, with all combinations of enable, use_cpu and level; C88: the result is the device's in each.
    @Test func case38Tensors() throws {
        for enable in [false, true] {
            for comparesCPU in [false, true] {
                for level: DumpLevel in [0, 1, 2] {
                    let folder = try TemporaryFolder()
                    let dumper =
                        enable
                        ? try Dumper(
                            DumpConfiguration(
                                directory: folder.path("dump"), level: level, comparesCPU: comparesCPU)) : nil
                    let result = run(dumper)
                    guard case .tensor(let flags) = result else { continue }
                    #expect(flags.elements(as: Bool.self) == numbers.map { $0 > 0 })
                    guard let dumper else {
                        #expect(try folder.names == [])
                        continue
                    }
                    dumper.finish()
                    try check(folder.url.appending(path: "dump"), level: level, comparesCPU: comparesCPU)
                }
            }
        }
    }

    private func check(_ dump: URL, level: DumpLevel, comparesCPU: Bool) throws {
        #expect(dump.tree.filter { !$0.contains("/") } == ["1_select", "2_slice", "3_select", "4_gt"])
        let count = [10, 1, 12][level.rawValue]
        let row = ["-2.1", "-1.1", "0.1", "1.1", "2.1", "3.1", "4.1", "5.1", "6.1", "7.1", "8.1", "9.1"]
        let flags = numbers.map { $0 > 0 ? "1" : "0" }
        let results = comparesCPU ? ["cnnl_result", "cpu_result"] : ["cnnl_result"]
        for name in results {
            let values = try dump.text("1_select/\(name)").split(separator: "\n").map(String.init)
            #expect(values.first == "Tensor : Type = Float : Shape = [12] : Dumped = \(count)")
            #expect(Array(values.dropFirst()) == (level == 1 ? ["49.2"] : Array(row.prefix(count))))
            let truths = try dump.text("4_gt/\(name)").split(separator: "\n").map(String.init)
            #expect(truths.first == "Tensor : Type = Bool : Shape = [12] : Dumped = \(count)")
            #expect(Array(truths.dropFirst()) == (level == 1 ? ["6"] : Array(flags.prefix(count))))
        }
        #expect(dump.tree.filter { $0.hasSuffix("cpu_result") }.count == (comparesCPU ? 4 : 0))
        let column = try dump.text("4_gt/mlu_self").split(separator: "\n").map(String.init)
        #expect(column.first == "Tensor : Type = Int : Shape = [12] : Dumped = \(count)")
        #expect(Array(column.dropFirst()) == (level == 1 ? ["78"] : numbers.prefix(count).map { "\($0)" }))
        #expect(try dump.text("4_gt/mlu_other") == "Scalar : Type = int\n0\n")
        #expect(try dump.text("2_slice/mlu_start") == "Optional : \n0\n")
    }

    /// Case 39: the maximum along an axis gives a tuple.
    @Test func case39Tuples() throws {
        let text = try dumped { backend in
            let input = Tensor(shape: [4], elements: [1, 2, 3, 4] as [Float])
            backend.call(
                "max", ["self": .tensor(input), "dim": .plain(.integer(0)), "keepdim": .plain(.boolean(true))]
            ) {
                .sequence(
                    .tuple,
                    [
                        .tensor(Tensor(shape: [1], elements: [4] as [Float])),
                        .tensor(Tensor(shape: [1], elements: [3] as [Int64])),
                    ])
            }
        }
        #expect(
            try text("1_max/cnnl_result") == """
                Tuple : Size = 2
                Tensor : Type = Float : Shape = [1] : Dumped = 1
                4
                Tensor : Type = Long : Shape = [1] : Dumped = 1
                3

                """)
        #expect(try text("1_max/mlu_keepdim") == "1\n")
    }

    /// Case 40: the mask of a batch normalization's backward pass.
    @Test func case40Arrays() throws {
        let text = try dumped { backend in
            let mask = [false, true, true].map { OperatorValue.plain(.boolean($0)) }
            backend.call(
                "native_batch_norm_backward", ["input": Samples.tensor(1), "output_mask": .sequence(.array, mask)]
            ) { Samples.tensor(1) }
        }
        #expect(try text("1_native_batch_norm_backward/mlu_output_mask") == "Array : Size = 3\n0\n1\n1\n")
    }

    /// Case 41: a random number generator.
    @Test func case41Generators() throws {
        let text = try dumped { backend in
            backend.call(
                "bernoulli_",
                [
                    "self": Samples.tensor(1), "p": .plain(.real(0.5)),
                    "generator": .optional(.generator(seed: 67_280_421_310_721, device: "cpu")),
                ]
            ) { Samples.tensor(1) }
        }
        #expect(try text("1_bernoulli_/mlu_generator") == "Optional : \nGenerator : \n67280421310721\ncpu\n")
        #expect(try text("1_bernoulli_/mlu_p") == "0.5\n")
    }

    private func dumped(_ calls: (DumpTestBackend) -> Void) throws -> (String) throws -> String {
        let folder = try TemporaryFolder()
        let dumper = try Dumper(DumpConfiguration(directory: folder.path("dump"), level: 0))
        calls(DumpTestBackend { dumper })
        dumper.finish()
        return { try folder.url.appending(path: "dump").text($0) }
    }
}
