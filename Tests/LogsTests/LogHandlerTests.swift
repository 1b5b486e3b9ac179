import Foundation
import Logging
import Logs
import Synchronization
import Testing

/// Keeps lines.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) {
        lines.withLock { $0.append(line) }
    }
}

@Suite struct LogHandlerTests {
    private let lines = Lines()

    private var json: Logger {
        Logger(label: "coordinator") { [lines] label in
            JSONLogHandler(
                label: label, logLevel: .trace, sink: lines.add,
                now: { Date(timeIntervalSince1970: 1_795_279_479.25) })
        }
    }

    @Test func plainLinesAreThoseOfTheTool() {
        let logger = Logger(label: "x", format: .plain, level: .debug, sink: lines.add)
        logger.info("listening", metadata: ["port": "7788"])
        logger.notice("a worker joined")
        logger.warning("the disk is nearly full")
        logger.error("the disk is full")
        logger.debug("a frame", metadata: ["size": "12", "from": "x"])
        logger.trace("never")
        #expect(
            lines.all == [
                "listening", "a worker joined", "warning: the disk is nearly full", "error: the disk is full",
                "debug: a frame (from=x, size=12)",
            ])
    }

    @Test func textOfPeersCannotForgeAPlainLine() {
        let logger = Logger(label: "x", format: .plain, sink: lines.add)
        logger.info("worker says: a\nerror: b\u{1B}[2Jc\r")
        #expect(lines.all == ["worker says: a\n    error: b\u{FFFD}[2Jc\u{FFFD}"])
    }

    @Test func jsonEntriesHaveOrderedKeysAndSortedFields() {
        var logger = json
        logger[metadataKey: "job"] = "3"
        logger.info(
            "shard counted",
            metadata: [
                "shard": .stringConvertible(7), "seconds": .stringConvertible(1.5), "late": .stringConvertible(false),
                "devices": .array(["a:0", .dictionary(["n": "b"])]),
            ])
        logger.error("no fields of its own", metadata: ["job": "4"])
        #expect(
            lines.all == [
                #"{"time":"2026-11-21T16:44:39.250Z","level":"info","logger":"coordinator","message":"shard counted","#
                    + #""fields":{"devices":["a:0",{"n":"b"}],"job":"3","late":false,"seconds":1.5,"shard":7}}"#,
                #"{"time":"2026-11-21T16:44:39.250Z","level":"error","logger":"coordinator","#
                    + #""message":"no fields of its own","fields":{"job":"4"}}"#,
            ])
    }

    @Test func everyTextIsOneLineOfValidJSON() throws {
        let text = "quote \" backslash \\ line\nreturn\r tab\t bell\u{7} delete\u{7F} ü 🦆"
        json.info("\(text)", metadata: ["\(text)": "\(text)", "nan": .stringConvertible(Double.nan)])
        let line = try #require(lines.all.first)
        #expect(!line.contains("\n"))
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        let entry = try #require(object as? [String: Any])
        #expect(entry["message"] as? String == text)
        #expect((entry["fields"] as? [String: String]) == [text: text, "nan": "nan"])
    }

    @Test func providersGiveFieldsThatOthersOverride() {
        var logger = json
        logger.handler.metadataProvider = Logger.MetadataProvider { ["epoch": "2", "job": "0"] }
        logger.info("x", metadata: ["job": "1"])
        #expect(lines.all.first?.hasSuffix(#""fields":{"epoch":"2","job":"1"}}"#) == true)
    }
}
