import Execution
import Foundation
import Graphs
import Logging
import Tensors
import TestSupport
import Testing

@testable import MLU

/// Dumps of graphs that the backends really run.
@Suite(.ownDumperPlace) struct DumpBackendTests {
    private let folder: TemporaryFolder
    private let graph = Graph(
        [
            Node(name: "relu", op: .unary(.relu), inputs: ["x"], outputs: ["r"]),
            Node(name: "add", op: .binary(.add), inputs: ["r", "one"], outputs: ["a"]),
            Node(name: "soft", op: .softmax(axis: 1), inputs: ["a"], outputs: ["y"]),
        ], input: [2, 30], initializers: ["one": Tensor(scalar: Float(1))])
    private let input: Tensor

    init() throws {
        folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 8)
        input = Tensor(random: [2, 30], &random)
    }

    /// C88, C95b: the network goes on with the device's result, whatever is dumped.
    @Test func theOutputDoesNotDependOnTheDump() throws {
        let plain = try EagerBackend(graph, on: MLUDevice()).run(["x": input]).outputs
        for (index, comparesCPU) in [false, true].enumerated() {
            let directory = folder.path("dump_of_\(comparesCPU)")
            let dumped = try withDumper(directory: directory, compareCPU: comparesCPU, level: 2) {
                try EagerBackend(graph, on: MLUDevice()).run(["x": input]).outputs
            }
            #expect(dumped == plain)
            let tree = URL(filePath: directory).tree
            let calls = tree.filter { !$0.hasSuffix("result") && !$0.contains("mlu_") }
            #expect(calls == ["1_relu", "2_add", "2_add/1_fill_", "2_add/2_local_scalar_dense", "3__softmax"])
            #expect(tree.contains { $0.hasSuffix("cpu_result") } == (index == 1))
            #expect(Set(calls.dropFirst(0)).allSatisfy { tree.contains("\($0)/cnnl_result") })
        }
        let dump = try DumpReader(directory: folder.path("dump_of_true"))
        let difference = try DumpDifference(deviceAgainstHost: dump, tolerance: 1e-5)
        #expect(difference.isEqual && difference.notCompared == ["2_add/1_fill_"])
        // The two runs themselves are equal to the last digit.
        let other = try DumpReader(directory: folder.path("dump_of_false"))
        #expect(try DumpDifference(other, against: dump, tolerance: 0).isEqual)
    }

    /// C103: a traced graph has no operators to dump.
    @Test func theTracedBackendDumpsNothing() throws {
        let directory = folder.path("dump")
        try withDumper(directory: directory, level: 2) {
            _ = try TracedBackend(tracing: graph, on: MLUDevice(), example: ["x": input]).run(["x": input])
        }
        #expect(URL(filePath: directory).tree == [])
    }

    /// C102: another process's dumper is not this one's.
    @Test func aDumperOfAnotherProcessRecordsNothingHere() throws {
        try Dumper.start(directory: folder.path("parent"), level: 0)
        try Dumper.$place.withValue(Dumper.Place()) {
            #expect(Dumper.current == nil)
            _ = try EagerBackend(graph, on: MLUDevice()).run(["x": input])
        }
        #expect(Dumper.stop()?.operators == 0)
    }
}
