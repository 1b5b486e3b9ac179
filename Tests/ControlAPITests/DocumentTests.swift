import Calibration
import ControlAPI
import Foundation
import Quantization
import TestSupport
import Testing

@Suite struct DocumentTests {
    /// With `TARE_RECORD` the golden files are written instead; somebody then reads the difference.
    @Test func writingGivesTheGoldenText() throws {
        let folder = Fixtures.directory.appending(path: "control-api")
        for example in try Examples.all {
            let file = folder.appending(path: "\(example.name).json")
            let text = try example.text() + "\n"
            if Scenario.records { try text.write(to: file, atomically: true, encoding: .utf8) }
            #expect(try String(contentsOf: file, encoding: .utf8) == text, "\(example.name)")
        }
    }

    @Test func readingGivesWhatWasWritten() throws {
        for example in try Examples.all { try example.roundTrip() }
    }

    @Test func barsShowOutliersAndTheHighestBarIsFull() throws {
        let bars = try #require(try Examples.layer.histogram)
        #expect(bars.count <= ControlLimits.sparklineBins)
        #expect(bars.max() == 255)
        #expect(bars.first == 1)
        #expect(bars.contains(0))
    }

    @Test func keysAreSortedAndValuesThatAreNotThereAreLeftOut() throws {
        let document = WorkerDocument(
            session: Identifier(high: 1, low: 2), node: "n", localRank: 0, process: 7, state: .idle, build: "1",
            arithmetic: "avx2")
        let text = String(decoding: try Documents.encode(document), as: UTF8.self)
        #expect(
            text
                == #"{"arithmetic":"avx2","build":"1","failuresInARow":0,"localRank":0,"node":"n","process":7,"#
                + #""residentBytes":0,"secondsSinceHeard":0,"session":"00000000000000010000000000000002","#
                + #""shardsCounted":0,"state":"idle","version":1}"#)
    }

    @Test func numbersThatAreNotFiniteCannotBeWritten() {
        var job = Examples.job
        job.samplesPerSecond = .infinity
        #expect(throws: DocumentError.unwritable(key: "samplesPerSecond", reason: "inf is no JSON number")) {
            try Documents.encode(job)
        }
    }

    @Test(arguments: [
        (#"{"version":1,"request":"status"}"#, "The key 'job' is missing"),
        (#"{"request":"cluster"}"#, "The key 'version' is missing"),
        (#"{"version":true,"request":"cluster"}"#, "The key 'version': it is not an integer"),
        (#"{"version":2,"request":"cluster"}"#, "The document has version 2"),
        (#"{"version":1,"request":"cluster","job":3}"#, "The key 'job' is not known here"),
        (#"{"version":1,"request":"workers","ofset":3}"#, "The key 'ofset' is not known here"),
        (#"{"version":1,"request":"workers","offset":null}"#, "The key 'offset': it is null"),
        (#"{"version":1,"request":"workers","offset":"3"}"#, "The key 'offset': it is not an integer"),
        (#"{"version":1,"request":"workers","offset":-1}"#, "The key 'offset': it is below 0"),
        (#"{"version":1,"request":"workers","limit":0}"#, "The key 'limit': it is not between 1 and 1000"),
        (#"{"version":1,"request":"workers","limit":1001}"#, "The key 'limit': it is not between 1 and 1000"),
        (#"{"version":1,"request":"status","job":-1}"#, "The key 'job': it must be an integer from 0"),
        (#"{"version":1,"request":"status","job":1.5}"#, "The key 'job': it must be an integer from 0"),
        (#"{"version":1,"request":"jobs","limit":1e99}"#, "The key 'limit': it must be an integer"),
        (#"{"version":1,"request":"explode"}"#, "The key 'request'"),
        (#"{"version":1,"request":"drain","worker":"abc"}"#, "The key 'worker': it must be 'all' or the first"),
        (#"{"version":1,"request":"drain","worker":"../../x"}"#, "The key 'worker': it must be 'all' or the first"),
        (#"[1]"#, "This is not a JSON object"),
        (#"{"version":1"#, "This is not a JSON object"),
        ("", "This is not a JSON object"),
        ("\u{0}\u{1}", "This is not a JSON object"),
    ]) func strangeRequestsAreRefusedByName(text: String, reason: String) {
        let error = #expect(throws: DocumentError.self) {
            try Documents.decode(ControlRequest.self, from: Array(text.utf8))
        }
        #expect(error?.description.hasPrefix(reason) == true, "\(error?.description ?? "")")
    }

    @Test func strangeSubmissionsAreRefusedByName() throws {
        var submission = SubmissionDocument(key: Identifier(high: 1, low: 2), name: "n", arguments: ["m.onnx"])
        func expect(_ key: String, _ mutate: (inout SubmissionDocument) -> Void) {
            var broken = submission
            mutate(&broken)
            #expect(throws: DocumentError.self, "\(key)") {
                try Documents.decode(ControlRequest.self, from: Documents.encode(ControlRequest.submit(broken)))
            }
            do throws(DocumentError) {
                try ControlRequest.submit(broken).validate()
                Issue.record("\(key) is taken")
            } catch .value(let found, _) {
                #expect(found == "submission.\(key)")
            } catch {
                Issue.record("\(error)")
            }
        }
        try submission.validate()
        expect("name") { $0.name = "" }
        expect("name") { $0.name = String(repeating: "ü", count: 129) }
        expect("name") { $0.name = "a\nb" }
        expect("priority") { $0.priority = 1001 }
        expect("arguments") { $0.arguments = [] }
        expect("arguments") { $0.arguments = Array(repeating: "x", count: 257) }
        expect("arguments[1]") { $0.arguments = ["x", String(repeating: "x", count: 4097)] }
        expect("arguments[0]") { $0.arguments = ["a\u{0}"] }
        submission.arguments = Array(repeating: "", count: 256)
        try submission.validate()
    }

    @Test func submissionsWithoutPriorityHaveNone() throws {
        let text = #"{"arguments":["m"],"key":"00000000000000010000000000000002","name":"n","version":1}"#
        #expect(try Documents.decode(SubmissionDocument.self, from: Array(text.utf8)).priority == 0)
    }

    @Test func identifiersAndDigestsAreChecked() {
        for key in [
            "", "0", "0000000000000001000000000000000G", "0000000000000001000000000000000A",
            "+0000000000000010000000000000002",
        ] {
            let text = #"{"arguments":["m"],"key":"\#(key)","name":"n","version":1}"#
            let error = #expect(throws: DocumentError.self) {
                try Documents.decode(SubmissionDocument.self, from: Array(text.utf8))
            }
            #expect(error?.description == "The key 'key': it must be 32 hexadecimal digits in lower case")
        }
    }

    @Test func numbersThatDoNotFitAreRefused() {
        let text = #"{"version":1,"job":-3,"name":"n","files":[]}"#
        let error = #expect(throws: DocumentError.self) {
            try Documents.decode(ResultDocument.self, from: Array(text.utf8))
        }
        #expect(error?.description.hasPrefix("A number is not of the kind") == true)
    }

    @Test func tooManyBytesAreRefusedBeforeTheyAreRead() {
        #expect(throws: DocumentError.tooLarge(bytes: 100, limit: 99)) {
            try Documents.decode(ControlRequest.self, from: Array(repeating: 0x20, count: 100), limit: 99)
        }
    }

    @Test func deepNestingIsRefused() {
        let text = #"{"version":1,"request":"# + String(repeating: "[", count: 60_000)
        #expect(throws: DocumentError.self) { try Documents.decode(ControlRequest.self, from: Array(text.utf8)) }
        let closed = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(throws: DocumentError.self) {
            try Documents.decode(
                ControlRequest.self, from: Array((#"{"version":1,"request":"# + closed + "}").utf8))
        }
    }

    @Test func mutatedDocumentsNeverCrash() throws {
        var generator = SeededGenerator(seed: 20_261_121)
        let examples = try Examples.all.map { try $0.bytes() }
        for _ in 0..<2000 {
            var bytes = examples[Int.random(in: 0..<examples.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? Documents.decode(ControlRequest.self, from: bytes)
            _ = try? Documents.decode(JobDocument.self, from: bytes)
        }
    }

    @Test func pagesAreCutOutOfLists() throws {
        let list = Array(0..<10)
        func page(_ offset: Int, _ limit: Int) -> PageDocument<ShardDocument> {
            PageDocument(Page(offset: offset, limit: limit), of: list) {
                ShardDocument(index: $0, firstSample: 0, samples: 1, state: .pending, attempts: 0)
            }
        }
        #expect(page(0, 3).items.map(\.index) == [0, 1, 2])
        #expect(page(8, 3).items.map(\.index) == [8, 9])
        #expect(page(50, 3).items.isEmpty)
        #expect(page(50, 3).offset == 10)
        #expect(page(0, 3).total == 10)
    }

    @Test func ratesThatSayNothingAreLeftOut() {
        var job = Examples.job
        job.setRate(samplesPerSecond: 61)
        #expect(job.samplesPerSecond == 61)
        #expect(job.secondsLeft == 8)
        for rate in [0, -1, .nan, .infinity] {
            job.setRate(samplesPerSecond: rate)
            #expect(job.samplesPerSecond == nil)
            #expect(job.secondsLeft == nil)
        }
    }

    @Test func aFullPageIsReadBack() throws {
        let list = Array(0..<ControlLimits.pageEntries)
        let page = PageDocument(Page(limit: ControlLimits.pageEntries), of: list) { index in
            var shard = Examples.shard
            shard.index = index
            return shard
        }
        let bytes = try Documents.encode(page)
        #expect(try Documents.decode(PageDocument<ShardDocument>.self, from: bytes) == page)
    }

    @Test func timesAreRoundedDownToSeconds() {
        #expect(Timestamp(Date(timeIntervalSince1970: 1_795_279_479.9)).description == "2026-11-21T16:44:39Z")
        #expect(Timestamp(Date(timeIntervalSince1970: -0.5)).description == "1969-12-31T23:59:59Z")
    }

    @Test func errorsHaveTheStatusOfHTTP() {
        let statuses = ControlError.Code.allCases.map { ControlError($0, "").status }
        #expect(statuses == [400, 413, 403, 404, 404, 422, 409, 409, 410, 503, 500])
        #expect(
            String(decoding: ControlError(.unknown, "There is no job 3").bytes, as: UTF8.self)
                == #"{"code":"unknown","error":"There is no job 3","version":1}"#)
    }
}
