import Dispatch
import Foundation
import Glibc
import MLU
import Tensors

/// Measures a level-2 dump against the disk; `Benchmarks/dump/README.md` says how.
@main
enum DumpBenchmark {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count >= 2 else {
            write("usage: dump-benchmark DIRECTORY [images] [runs]\n")
            exit(64)
        }
        let images = words.count > 2 ? Int(words[2]) ?? 0 : 16
        let runs = words.count > 3 ? Int(words[3]) ?? 0 : 3
        guard images > 0, runs > 0 else {
            write("dump-benchmark: images and runs are whole numbers from 1 on\n")
            exit(64)
        }
        let root = URL(filePath: words[1]).appending(path: "dump-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }

        let network = Activations(images: images)
        write("formatting alone: \(network.formattingRate()) MB of text per second of processor time\n")
        for run in 1...runs {
            let dump = try measureDump(network, in: root.path)
            let plain = try measurePlain(byteCount: dump.bytes, path: root.path + "/plain")
            write(
                "run \(run): \(dump.bytes / 1_000_000) MB in \(dump.files) files; "
                    + "dump \(rate(dump.bytes, dump.written)) MB/s (on the disk: \(rate(dump.bytes, dump.synced))), "
                    + "plain write \(rate(dump.bytes, plain.written)) MB/s (on the disk: \(rate(dump.bytes, plain.synced)))\n"
            )
        }
    }

    /// Seconds until everything is written, and until it is on the disk.
    private struct Measurement {
        var bytes = 0
        var files = 0
        var written = 0.0
        var synced = 0.0
    }

    private static func measureDump(_ network: Activations, in folder: String) throws -> Measurement {
        sync()
        let start = ContinuousClock.now
        let dumper = try Dumper(DumpConfiguration(directory: folder + "/dump", level: .all))
        network.run(dumper)
        let summary = dumper.finish()
        // The dumper has said why on standard error.
        guard summary.failure == nil else {
            try? FileManager.default.removeItem(atPath: folder)
            exit(74)
        }
        let written = (ContinuousClock.now - start) / .seconds(1)
        sync()
        let synced = (ContinuousClock.now - start) / .seconds(1)
        try FileManager.default.removeItem(atPath: summary.directory)
        return Measurement(bytes: summary.bytes, files: summary.files, written: written, synced: synced)
    }

    /// What `dd bs=1M` does: one file, 1 MiB at a time.
    private static func measurePlain(byteCount: Int, path: String) throws -> Measurement {
        var generator = SystemRandomNumberGenerator()
        let block = Data((0..<1 << 20).map { _ in UInt8.random(in: 0x30...0x39, using: &generator) })
        try Data().write(to: URL(filePath: path))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        sync()
        let start = ContinuousClock.now
        var rest = byteCount
        while rest > 0 {
            try file.write(contentsOf: rest >= block.count ? block : block.prefix(rest))
            rest -= block.count
        }
        try file.close()
        let written = (ContinuousClock.now - start) / .seconds(1)
        sync()
        let synced = (ContinuousClock.now - start) / .seconds(1)
        try FileManager.default.removeItem(atPath: path)
        return Measurement(bytes: byteCount, files: 1, written: written, synced: synced)
    }

    static func rate(_ bytes: Int, _ seconds: Double) -> Int { Int(Double(bytes) / seconds / 1_000_000) }

    private static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}

/// Tensors with the shapes of ResNet-50's convolutions and the additions behind them, with normally distributed elements.
struct Activations {
    private let calls: [(OperatorCall, Tensor)]

    init(images: Int) {
        // Channels, extent and number of the bottleneck blocks of each stage.
        let stages = [(64, 56, 3), (128, 28, 4), (256, 14, 6), (512, 7, 3)]
        var calls: [(OperatorCall, Tensor)] = []
        var state: UInt64 = 7
        func tensor(_ shape: Shape, _ scale: Float) -> Tensor {
            let elements = (0..<shape.elementCount).map { _ -> Float in
                var sum: Float = -6
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                for byte in 0..<8 { sum += Float((state >> (8 * UInt64(byte))) & 0xFF) / 170 }
                return sum * scale
            }
            return Tensor(shape: shape, elements: elements)
        }
        for (channels, extent, blocks) in stages {
            let wide: Shape = [images, 4 * channels, extent, extent]
            let narrow: Shape = [images, channels, extent, extent]
            let (input, inner) = (tensor(wide, 0.7), tensor(narrow, 1.3))
            let weight = tensor([channels, 4 * channels, 1, 1], 0.05)
            for _ in 0..<blocks {
                let convolution = OperatorCall(
                    name: "convolution_overrideable",
                    arguments: [("input", .tensor(input)), ("weight", .tensor(weight)), ("bias", .undefinedTensor)])
                calls.append((convolution, inner))
                let addition = OperatorCall(
                    name: "add",
                    arguments: [("self", .tensor(input)), ("other", .tensor(input)), ("alpha", .scalar(.integer(1)))])
                calls.append((addition, input))
            }
        }
        self.calls = calls
    }

    /// Shows all calls to an observer.
    func run(_ observer: any OperatorObserver) {
        for (call, result) in calls {
            observer.begin(call)
            observer.end(call, result: .tensor(result), origin: .library) { .tensor(result) }
        }
    }

    /// MB/s of text that one thread makes without writing it, in processor time.
    func formattingRate() -> Int {
        let start = clock()
        var bytes = 0
        for (_, result) in calls { bytes += DumpText.byteCount(of: result) }
        return DumpBenchmark.rate(bytes, Double(clock() - start) / Double(CLOCKS_PER_SEC))
    }
}
