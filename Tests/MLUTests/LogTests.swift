import Foundation
import Glibc
import Logging
import Tensors
import Testing

@testable import MLU

@Suite struct LogTests {
    private let lines = DumpTestLines()

    private func logger(_ level: DeviceLogLevel) -> Logger {
        Logger(label: "mlu") { [lines] _ in DeviceLogHandler(level: { level }, sink: lines.add) }
    }

    /// C70, C72.
    @Test func levelsAreNumbersOrNamesAndWarningOtherwise() {
        let cases: [(String?, DeviceLogLevel)] = [
            ("-1", .debug), ("0", .info), ("1", .warning), ("2", .error), ("3", .fatal), ("DEBUG", .debug),
            ("info", .info), ("Warning", .warning), ("ERROR", .error), ("fatal", .fatal), (nil, .warning),
            ("", .warning),
            ("x", .warning), ("1.5", .warning), (" 0", .warning), ("2x", .warning), ("-7", .debug), ("9", .fatal),
        ]
        for (text, level) in cases {
            #expect(DeviceLogLevel(variable: text) == level, "\(text ?? "unset")")
        }
    }

    /// C71: what is as important as the level or more is shown.
    @Test func entriesFromTheLevelOnAreWritten() {
        for level in DeviceLogLevel.allCases {
            let lines = DumpTestLines()
            let logger = Logger(label: "mlu") { _ in DeviceLogHandler(level: { level }, sink: lines.add) }
            logger.debug("DEBUG")
            logger.info("INFO")
            logger.warning("WARNING")
            logger.error("ERROR")
            logger.critical("FATAL")
            let shown = DeviceLogLevel.allCases.filter { $0 >= level }.map(\.name)
            #expect(lines.all.compactMap { $0.split(separator: " ").last.map(String.init) } == shown)
            #expect(lines.all.map { String($0.dropFirst().prefix { $0 != "]" }) } == shown)
        }
    }

    /// C75, C76, C77, C78: the four levels of the traced backend, which has no DEBUG.
    @Test func theTracedBackendHasFourLevels() {
        let shown = ["0", "1", "2", "3", "-1", nil].map { DeviceLogVariable.traced.level(of: $0) }
        #expect(shown == [.info, .warning, .error, .fatal, .info, .warning])
    }

    /// C74.
    @Test func linesAreThoseOfTheDevicesSoftware() throws {
        logger(.info).warning("too warm", file: "MLU/Queue.swift", function: "enqueue(_:)", line: 12)
        let expected =
            "[WARNING][MLU/Queue.swift][line: 12][enqueue(_:)][thread:\(pthread_self())][process:\(getpid())]: too warm"
        #expect(lines.all == [expected])
    }

    /// C69, C79: each variable is read from the environment, the eager backend's before every entry.
    ///
    /// This is the only test that sets them.
    @Test func theTwoVariablesAreIndependent() {
        unsafe setenv("TORCH_MIN_CNLOG_LEVEL", "-1", 1)
        unsafe setenv("MM_CPP_MIN_LOG_LEVEL", "2", 1)
        defer {
            unsafe unsetenv("TORCH_MIN_CNLOG_LEVEL")
            unsafe unsetenv("MM_CPP_MIN_LOG_LEVEL")
        }
        let (eager, traced) = (DeviceLog.eager(sink: lines.add), DeviceLog.traced(sink: lines.add))
        #expect(eager.logLevel == .trace && traced.logLevel == .error)
        unsafe setenv("TORCH_MIN_CNLOG_LEVEL", "3", 1)
        unsafe setenv("MM_CPP_MIN_LOG_LEVEL", "0", 1)
        #expect(eager.logLevel == .critical && traced.logLevel == .error)
        eager.error("not shown")
        traced.error("shown")
        #expect(lines.all.count == 1 && lines.all.allSatisfy { $0.hasSuffix(": shown") })
        unsafe unsetenv("TORCH_MIN_CNLOG_LEVEL")
        #expect(eager.logLevel == .warning)
    }

    /// C74: printed and then thrown, instead of ending the process.
    @Test func fatalEntriesAreThrown() throws {
        let log = logger(.fatal)
        let failure = #expect(throws: DeviceFault.self) { throw log.fatal("queue 0 has stopped") }
        #expect(failure?.description == "queue 0 has stopped")
        #expect(
            lines.all.count == 1
                && lines.all.allSatisfy { $0.hasPrefix("[FATAL][") && $0.hasSuffix(": queue 0 has stopped") })
    }

    /// C73.
    @Test func everyOperatorCallIsOneLineAtDebugAndNoneAbove() {
        let one = Samples.tensor(1)
        for (level, count) in [(DeviceLogLevel.debug, 2), (.info, 0)] {
            let lines = DumpTestLines()
            let log = OperatorLog(
                logger: Logger(label: "mlu") { _ in DeviceLogHandler(level: { level }, sink: lines.add) })
            let backend = DumpTestBackend { log }
            backend.call("add", ["self": one, "other": one, "alpha": .scalar(.integer(1))]) {
                backend.call("fill_", ["self": one]) { one }
            }
            #expect(lines.all.count == count)
            if let line = lines.all.first {
                let tensor = "[shape: [1], device: mlu:0, dtype: Float] "
                #expect(line.hasPrefix("[DEBUG][MLU/OperatorLog.swift][line: "))
                #expect(line.contains("][add][thread:"))
                #expect(line.hasSuffix("]: self\(tensor)other\(tensor)alpha[value: 1] "))
            }
        }
    }

    @Test func failedOperatorsAreErrors() {
        let log = OperatorLog(logger: logger(.warning))
        #expect(throws: NotOnTheHost.self) {
            try DumpTestBackend { log }.call("add", ["self": Samples.tensor(1)]) { throw NotOnTheHost() }
        }
        #expect(lines.all.count == 1 && lines.all.allSatisfy { $0.hasPrefix("[ERROR]") && $0.contains("][add][") })
    }

    /// Case 43 of the device software's own tests: copy, add, avg_pool2d both ways, clamp, cat, convolution with and without
    /// bias.
    @Test func case43Arguments() {
        func tensor(_ shape: Shape, _ type: ElementType = .float32) -> OperatorValue {
            .tensor(Tensor(zeros: shape, elementType: type))
        }
        func text(_ arguments: KeyValuePairs<String, OperatorValue>) -> String {
            OperatorLog.text(arguments.map { (name: $0.key, value: $0.value) }, device: "mlu:0")
        }
        func integers(_ values: Int64...) -> OperatorValue {
            .sequence(.list, values.map { .plain(.integer($0)) })
        }
        func shown(_ name: String, _ shape: String, _ type: String = "Float") -> String {
            "\(name)[shape: \(shape), device: mlu:0, dtype: \(type)] "
        }
        let image = tensor([1, 3, 4, 4])
        #expect(
            text(["self": tensor([1, 2]), "src": tensor([1, 2], .float16), "non_blocking": .plain(.boolean(false))])
                == shown("self", "[1, 2]") + shown("src", "[1, 2]", "Half") + "non_blocking[false] ")
        #expect(
            text(["self": tensor([2]), "other": tensor([2]), "alpha": .scalar(.real(0.5))])
                == shown("self", "[2]") + shown("other", "[2]") + "alpha[value: 0.5] ")
        let pool: KeyValuePairs<String, OperatorValue> = [
            "self": image, "kernel_size": integers(2, 2), "stride": integers(2), "ceil_mode": .plain(.boolean(true)),
            "divisor_override": .optional(nil),
        ]
        #expect(
            text(pool) == shown("self", "[1, 3, 4, 4]")
                + "kernel_size[value: [2, 2]] stride[value: [2]] ceil_mode[true] divisor_override[no use] ")
        #expect(
            text(["grad_output": tensor([1, 3, 2, 2]), "divisor_override": .optional(.plain(.integer(3)))])
                == shown("grad_output", "[1, 3, 2, 2]") + "divisor_override[value: 3] ")
        #expect(
            text(["self": tensor([2]), "min": .optional(.scalar(.integer(0))), "max": .optional(nil)])
                == shown("self", "[2]") + "min[value: 0] max[no use] ")
        #expect(
            text([
                "tensors": .sequence(.tensorList, [tensor([1]), tensor([2], .int64)]), "dim": .plain(.integer(0)),
            ])
                == "tensors[shape: [1], device: mlu:0, dtype: Float] [shape: [2], device: mlu:0, dtype: Long] dim[value: 0] "
        )
        let weight = tensor([8, 3, 3, 3])
        #expect(
            text(["input": image, "weight": weight, "bias": tensor([8]), "groups": .plain(.integer(1))])
                == shown("input", "[1, 3, 4, 4]") + shown("weight", "[8, 3, 3, 3]") + shown("bias", "[8]")
                + "groups[value: 1] ")
        #expect(
            text(["input": image, "bias": .undefinedTensor, "transposed": .plain(.boolean(false))])
                == shown("input", "[1, 3, 4, 4]") + "bias[undefined] transposed[false] ")
    }
}
