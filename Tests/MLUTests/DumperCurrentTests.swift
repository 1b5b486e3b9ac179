import Foundation
import Tensors
import TestSupport
import Testing

@testable import MLU

/// The dumper of a process; each test stands for a process of its own.
@Suite(.ownDumperPlace) struct DumperCurrentTests {
    private let folder: TemporaryFolder
    private let backend = DumpTestBackend { Dumper.current }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func relu() {
        backend.call("relu", ["self": Samples.tensor(-1)]) { Samples.tensor(0) }
    }

    /// C80, C81, C94: everything inside is recorded, nothing before or after.
    @Test func leavingTheScopeEndsTheDump() throws {
        relu()
        let result = try withDumper(directory: folder.path("dump"), enable: true, compareCPU: false, level: 0) {
            for _ in 0..<3 { relu() }
            return 5
        }
        relu()
        #expect(result == 5 && Dumper.current == nil)
        #expect(
            folder.url.appending(path: "dump").tree.filter { $0.hasSuffix("relu") } == ["1_relu", "2_relu", "3_relu"])
    }

    /// C81.
    @Test func errorsPassThroughAndEndTheDump() throws {
        #expect(throws: NotOnTheHost.self) {
            try withDumper(directory: folder.path("dump")) {
                relu()
                throw NotOnTheHost()
            }
        }
        #expect(Dumper.current == nil)
        #expect(
            try folder.url.text("dump/1_relu/cnnl_result") == "Tensor : Type = Float : Shape = [1] : Dumped = 1\n0\n")
    }

    /// C84.
    @Test func nothingHappensWhenItIsNotEnabled() throws {
        try withDumper(directory: folder.path("dump"), enable: false, compareCPU: true, level: 2) { relu() }
        #expect(try Dumper.start(directory: folder.path("dump"), enable: false) == nil)
        #expect(Dumper.current == nil && Dumper.stop() == nil)
        #expect(try folder.names == [])
    }

    /// C85: the guide's own example.
    @Test func theGuidesIterationsGiveTheGuidesDirectories() throws {
        for iteration in 0..<6 {
            try withDumper(
                directory: folder.path("dump_iter_\(iteration)"), enable: [0, 1, 2, 3].contains(iteration),
                compareCPU: true, level: 2
            ) { relu() }
        }
        #expect(try folder.names == ["dump_iter_0", "dump_iter_1", "dump_iter_2", "dump_iter_3"])
    }

    @Test func iterationsOfAConfigurationGiveTheSameDirectories() throws {
        let configuration = DumpConfiguration(
            directory: folder.path("dump"), level: 2, iterations: try DumpIterations(parsing: "0-1,3"))
        var summaries: [DumpSummary] = []
        for iteration in 0..<5 {
            try withDumper(configuration, iteration: iteration, finished: { summaries.append($0) }) { relu() }
            try withDumper(nil, iteration: iteration) { relu() }
        }
        #expect(try folder.names == ["dump_iter_0", "dump_iter_1", "dump_iter_3"])
        #expect(summaries.map(\.operators) == [1, 1, 1])
    }

    /// C105, and starting again while a dump is being made.
    @Test func functionsStartAndStopTheDump() throws {
        let first = try Dumper.start(directory: folder.path("a"), level: 2)
        relu()
        relu()
        #expect(Dumper.current === first)
        try Dumper.start(directory: folder.path("b"))
        relu()
        #expect(Dumper.stop()?.directory == folder.path("b"))
        relu()
        #expect(Dumper.stop() == nil)
        // Counting starts again, and what was being dumped is whole.
        #expect(
            folder.url.tree.filter { $0.hasSuffix("cnnl_result") } == [
                "a/1_relu/cnnl_result", "a/2_relu/cnnl_result", "b/1_relu/cnnl_result",
            ])
    }

    /// A dump that starts or ends inside an operator does not mix up the directories.
    @Test func startingInsideAnOperatorKeepsTheOrder() throws {
        let backend = DumpTestBackend { Dumper.current }
        backend.call("outer", ["self": Samples.tensor(1)]) {
            #expect(throws: Never.self) { try Dumper.start(directory: folder.path("dump")) }
            return backend.call("inner", ["self": Samples.tensor(1)]) { Samples.tensor(1) }
        }
        backend.call("last", ["self": Samples.tensor(1)]) {
            Dumper.stop()
            return Samples.tensor(1)
        }
        #expect(
            folder.url.appending(path: "dump").tree == [
                "1_inner", "1_inner/cnnl_result", "1_inner/mlu_self", "2_last", "2_last/mlu_self",
            ])
    }
}

/// Gives each test a place of its own for the dumper, as a process has.
struct OwnDumperPlace: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await Dumper.$place.withValue(Dumper.Place()) { try await function() }
    }
}

extension Trait where Self == OwnDumperPlace {
    /// Each test has a dumper of its own.
    static var ownDumperPlace: Self { OwnDumperPlace() }
}
