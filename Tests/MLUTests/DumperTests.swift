import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import MLU

/// Directories and files of a dump.
///
/// These dumpers are the tests' own; the process's one has `DumperCurrentTests`.
@Suite struct DumperTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func dumper(
        _ level: DumpLevel = 2, comparesCPU: Bool = false, bytesInFlight: Int = 1 << 20,
        storage: DumpStorage = .system, report: @escaping @Sendable (String) -> Void = { Issue.record("\($0)") }
    ) throws -> Dumper {
        try Dumper(
            DumpConfiguration(directory: folder.path("dump"), level: level, comparesCPU: comparesCPU),
            bytesInFlight: bytesInFlight, storage: storage, report: report)
    }

    private var dump: URL { folder.url.appending(path: "dump") }

    /// C95, C96, C97: the tree that the guide shows.
    @Test func directoriesNestAndCountAsTheGuideShows() throws {
        let dumper = try dumper()
        let backend = DumpTestBackend { dumper }
        let one = Samples.tensor(1)
        backend.call(
            "convolution_overrideable", ["input": one, "weight": one, "bias": one, "stride": .sequence(.list, [])]
        ) { one }
        backend.call("add", ["self": one, "other": one, "alpha": .scalar(.integer(1))]) {
            backend.call("fill_", ["self": one, "value": .scalar(.integer(0))]) { one }
            backend.call("local_scalar_dense", ["self": one]) { .scalar(.real(1)) }
            return one
        }
        backend.call("relu_", ["self": one]) { one }
        let summary = dumper.finish()
        #expect(
            dump.tree == [
                "1_convolution_overrideable", "1_convolution_overrideable/cnnl_result",
                "1_convolution_overrideable/mlu_bias", "1_convolution_overrideable/mlu_input",
                "1_convolution_overrideable/mlu_stride", "1_convolution_overrideable/mlu_weight", "2_add",
                "2_add/1_fill_", "2_add/1_fill_/cnnl_result", "2_add/1_fill_/mlu_self", "2_add/1_fill_/mlu_value",
                "2_add/2_local_scalar_dense", "2_add/2_local_scalar_dense/cnnl_result",
                "2_add/2_local_scalar_dense/mlu_self", "2_add/cnnl_result", "2_add/mlu_alpha", "2_add/mlu_other",
                "2_add/mlu_self", "3_relu_", "3_relu_/cnnl_result", "3_relu_/mlu_self",
            ])
        #expect(try dump.text("2_add/mlu_alpha") == "Scalar : Type = int\n1\n")
        #expect(summary.operators == 5 && summary.files == 16 && summary.failure == nil)
        let bytes = try dump.tree.map { try FileManager.default.attributesOfItem(atPath: dump.path + "/" + $0) }
            .filter { $0[.type] as? FileAttributeType == .typeRegular }.compactMap { $0[.size] as? Int }
        #expect(summary.bytes == bytes.reduce(0, +))
    }

    /// C101.
    @Test func copiesAreNeitherDumpedNorCounted() throws {
        let dumper = try dumper()
        let backend = DumpTestBackend { dumper }
        let one = Samples.tensor(1)
        backend.call("copy_", ["self": one]) {
            backend.call("neg", ["self": one]) { one }
        }
        backend.call("abs", ["self": one]) {
            backend.call("copy_", ["self": one]) { one }
            return backend.call("exp", ["self": one]) { one }
        }
        dumper.finish()
        #expect(
            dump.tree.filter { !$0.hasSuffix("self") && !$0.hasSuffix("result") } == [
                "1_neg", "2_abs", "2_abs/1_exp",
            ])
    }

    /// C86, C87, C89, C90: when the host computes, and when it is not even asked.
    @Test func hostResultsAreWrittenOnlyWhereTheyAreWantedAndPossible() throws {
        for comparesCPU in [false, true] {
            let folder = try TemporaryFolder()
            let dumper = try Dumper(
                DumpConfiguration(directory: folder.path("dump"), level: 2, comparesCPU: comparesCPU))
            let backend = DumpTestBackend { dumper }
            let asked = Mutex<[String]>([])
            func call(_ name: String, _ origin: OperatorResultOrigin = .library, fails: Bool = false) {
                backend.call(
                    name, ["self": Samples.tensor(1)], origin: origin,
                    host: {
                        asked.withLock { $0.append(name) }
                        if fails { throw NotOnTheHost() }
                        return Samples.tensor(3)
                    }
                ) { Samples.tensor(2) }
            }
            call("relu")
            call("relu_")
            call("add_out")
            call("bang_only", .handwritten)
            call("nms", .host)
            call("custom", fails: true)
            #expect(dumper.finish().failure == nil)
            let results = folder.url.appending(path: "dump").tree.filter { $0.hasSuffix("result") }
            let compared = comparesCPU ? ["1_relu/cpu_result"] : []
            let handwritten = comparesCPU ? ["4_bang_only/cpu_result"] : []
            #expect(
                results == ["1_relu/cnnl_result"] + compared + [
                    "2_relu_/cnnl_result", "3_add_out/cnnl_result", "4_bang_only/bang_result",
                ] + handwritten + ["5_nms/cpu_result", "6_custom/cnnl_result"])
            #expect(asked.withLock { $0 } == (comparesCPU ? ["relu", "bang_only", "custom"] : []))
            #expect(try folder.url.text("dump/1_relu/cnnl_result").hasSuffix("\n2\n"))
            if comparesCPU { #expect(try folder.url.text("dump/1_relu/cpu_result").hasSuffix("\n3\n")) }
        }
    }

    /// The stack of directories stays right when the device fails, which it does not in the guide's software.
    @Test func failedOperatorsLeaveTheirArgumentsAndNothingElse() throws {
        let dumper = try dumper()
        let backend = DumpTestBackend { dumper }
        let one = Samples.tensor(1)
        #expect(throws: NotOnTheHost.self) {
            try backend.call("outer", ["self": one]) {
                try backend.call("inner", ["self": one]) { throw NotOnTheHost() }
            }
        }
        backend.call("next", ["self": one]) { one }
        dumper.finish()
        #expect(
            dump.tree == [
                "1_outer", "1_outer/1_inner", "1_outer/1_inner/mlu_self", "1_outer/mlu_self", "2_next",
                "2_next/cnnl_result", "2_next/mlu_self",
            ])
    }

    @Test func namesOfModelsCannotLeaveTheDump() throws {
        let dumper = try dumper()
        DumpTestBackend { dumper }.call("../../evil/op", ["../x": Samples.tensor(1)]) { Samples.tensor(1) }
        dumper.finish()
        #expect(
            dump.tree == [
                "1_.._.._evil_op", "1_.._.._evil_op/cnnl_result", "1_.._.._evil_op/mlu_.._x",
            ])
        #expect(try folder.names == ["dump"])
    }

    /// An argument that is overwritten after the call began is written as it was.
    @Test func argumentsAreThoseBeforeTheCall() throws {
        let dumper = try dumper()
        let backend = DumpTestBackend { dumper }
        var tensor = Tensor(shape: [100_000], elements: [Float](repeating: 1, count: 100_000))
        backend.call("mul_", ["self": .tensor(tensor)]) {
            tensor.withMutableElements(as: Float.self) { elements in
                for index in elements.indices { elements[index] = 2 }
            }
            return .tensor(tensor)
        }
        dumper.finish()
        #expect(Set(try dump.text("1_mul_/mlu_self").split(separator: "\n").dropFirst()) == ["1"])
        #expect(Set(try dump.text("1_mul_/cnnl_result").split(separator: "\n").dropFirst()) == ["2"])
    }

    /// Two threads have their own nesting, and no call is lost.
    @Test func callsOfSeveralThreadsDoNotNestInEachOther() throws {
        let dumper = try dumper()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            let backend = DumpTestBackend { dumper }
            for _ in 0..<20 {
                backend.call("outer", ["self": Samples.tensor(1)]) {
                    backend.call("inner", ["self": Samples.tensor(1)]) { Samples.tensor(2) }
                }
            }
        }
        #expect(dumper.finish().operators == 160)
        let names = dump.tree
        #expect(names.filter { $0.hasSuffix("_outer") }.count == 80)
        #expect(names.filter { $0.hasSuffix("/1_inner") }.count == 80)
    }

    /// More is dumped than may wait: who computes waits for the writer, and nothing is lost.
    @Test func aFullQueueMakesTheComputationWait() throws {
        let dumper = try dumper(bytesInFlight: 100_000)
        let backend = DumpTestBackend { dumper }
        let large = OperatorValue.tensor(Tensor(zeros: [60_000], elementType: .float32))
        for _ in 0..<20 {
            backend.call("relu", ["self": large, "other": Samples.tensor(1)]) { large }
        }
        let summary = dumper.finish()
        #expect(summary.files == 60 && summary.failure == nil)
        #expect(dump.tree.filter { $0.hasSuffix("cnnl_result") }.count == 20)
    }

    @Test func sameCallsGiveTheSameBytes() throws {
        var generator = SeededGenerator(seed: 11)
        let tensors = (0..<40).map { index in
            Tensor(shape: [index * 500 + 1], elements: (0...index * 500).map { _ in generator.normal() })
        }
        let dumps = try (0..<2).map { _ in
            let dumper = try dumper(bytesInFlight: 50_000)
            let backend = DumpTestBackend { dumper }
            for tensor in tensors { backend.call("op", ["self": .tensor(tensor)]) { .tensor(tensor) } }
            dumper.finish()
            return URL(filePath: dumper.directory)
        }
        #expect(dumps[0] != dumps[1] && dumps[0].tree == dumps[1].tree)
        for name in dumps[0].tree where !name.hasSuffix("_op") {
            #expect(try dumps[0].text(name) == dumps[1].text(name))
        }
    }
}
