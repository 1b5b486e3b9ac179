import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import MLU

@Suite struct DumpDirectoryTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// C82.
    @Test func existingDirectoriesGetANumberAndAreNotTouched() throws {
        for name in ["dump", "dump1", "dump2"] {
            #expect(try DumpDirectory.claim(folder.path("dump")) == folder.path(name))
        }
        // A file of that name is not overwritten either.
        _ = try folder.file("trace", [1])
        #expect(try DumpDirectory.claim(folder.path("trace")) == folder.path("trace1"))
    }

    @Test func numbersBehindDigitsAreSetApart() throws {
        #expect(try DumpDirectory.claim(folder.path("dump_iter_1")) == folder.path("dump_iter_1"))
        #expect(try DumpDirectory.claim(folder.path("dump_iter_1")) == folder.path("dump_iter_1_1"))
        #expect(try DumpDirectory.claim(folder.path("dump_iter_11")) == folder.path("dump_iter_11"))
    }

    /// C83.
    @Test func trailingSlashesAreDroppedAndEmptyIsTheDefault() throws {
        #expect(try DumpDirectory.claim(folder.path("dump") + "/") == folder.path("dump"))
        #expect(try DumpDirectory.claim(folder.path("dump") + "//") == folder.path("dump1"))
        #expect(DumpDirectory.normalized("") == "./dump")
        #expect(DumpDirectory.normalized("/") == "/")
        #expect(DumpConfiguration().directory == "./dump")
    }

    @Test func missingParentsAreMade() throws {
        #expect(try DumpDirectory.claim(folder.path("a/b/c/dump")) == folder.path("a/b/c/dump"))
        #expect(try DumpDirectory.claim(folder.path("a/b/c/dump")) == folder.path("a/b/c/dump1"))
    }

    /// The link is there, so it cannot be made, and what it points to is not.
    @Test(arguments: ["link/dump", "link/b/dump", "link/b/c/dump"])
    func parentsThatPointNowhereAreRefused(path: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("link"), withDestinationPath: folder.path("nowhere"))
        #expect {
            try DumpDirectory.claim(folder.path(path))
        } throws: { "\($0)".contains("make the directory") && "\($0)".contains(folder.path("link/")) }
    }

    @Test func nobodySharesADirectory() throws {
        let claimed = Mutex<[String]>([])
        let wanted = folder.path("x/y/dump")
        DispatchQueue.concurrentPerform(iterations: 40) { _ in
            let path = try? DumpDirectory.claim(wanted)
            claimed.withLock { $0.append(path ?? "none") }
        }
        let expected = (0..<40).map { wanted + ($0 == 0 ? "" : "\($0)") }
        #expect(Set(claimed.withLock { $0 }) == Set(expected))
    }

    /// C102: every process of a cluster has a directory of its own.
    @Test func workersAndIterationsHaveTheirOwnDirectories() throws {
        var configuration = DumpConfiguration(directory: "out/dump/", level: 1, comparesCPU: true)
        #expect(configuration.forIteration(5) == configuration)
        #expect(configuration.forWorker(3).directory == "out/dump/worker_3")
        #expect(configuration.forWorker(3).level == 1 && configuration.forWorker(3).comparesCPU)
        configuration.iterations = try DumpIterations(parsing: "0-3,7")
        #expect(configuration.forIteration(2)?.directory == "out/dump_iter_2")
        #expect(configuration.forIteration(4) == nil)
        #expect(configuration.forWorker(1).forIteration(7)?.directory == "out/dump/worker_1_iter_7")
    }

    @Test func iterationsAreNumbersAndRanges() throws {
        let iterations = try DumpIterations(parsing: "0-3, 7")
        #expect((0..<10).filter(iterations.contains) == [0, 1, 2, 3, 7])
        #expect("\(iterations)" == "0-3,7")
        for text in ["", ",", "1,", "a", "3-1", "-1", "1-2-3", "1.5", "99999999999", "0x1", "+1", "١"] {
            let failure = #expect(throws: DumpError.self) { try DumpIterations(parsing: text) }
            #expect("\(try #require(failure))".contains("'\(text)' does not list iterations"))
        }
    }
}
