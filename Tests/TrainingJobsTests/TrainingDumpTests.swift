import Conversion
import Foundation
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing
import Training
import TrainingJobs

@testable import MLU

/// A training in the scope of a dump.
@Suite struct TrainingDumpTests {
    private let folder: TemporaryFolder
    private static let batch = Stripes(6, seed: 4).batch(0..<6)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func computer(_ network: Network) throws -> MicroBatchComputer {
        try MicroBatchComputer(network.graph, loss: .crossEntropy(labelSmoothing: 0.1))
    }

    private func compute(_ network: Network) throws -> MicroBatchResult {
        try computer(network).compute(
            parameters: MicroBatchComputer.parameters(of: network.graph), inputs: Self.batch.inputs,
            targets: Self.batch.targets)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: folder.url.appending(path: path), encoding: .utf8)
    }

    /// The directories of a dump in the order of the calls, without their numbers.
    private func calls(_ dump: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(dump)).compactMap { name in
            let parts = name.split(separator: "_", maxSplits: 1)
            return Int(parts[0]).map { ($0, String(parts[1])) }
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// C94: forward passes, the loss and the way back are all recorded.
    @Test func forwardLossAndBackwardAreRecorded() throws {
        let network = TinyNet.network()
        let result = try Dumper.$place.withValue(Dumper.Place()) {
            try withDumper(directory: folder.path("dump"), level: 2) { try compute(network) }
        }
        let calls = try calls("dump")
        let loss = try #require(calls.firstIndex(of: "cross_entropy_loss"))
        #expect(calls[loss + 1] == "cross_entropy_loss_backward")
        // Identity and reshaping compute nothing, so that they have no way back.
        #expect(calls.first == "alias")
        let forward = calls[..<loss].filter { !["alias", "flatten"].contains($0) }
        #expect(
            forward == [
                "convolution_overrideable", "native_batch_norm", "relu", "convolution_overrideable",
                "native_batch_norm", "add", "relu", "adaptive_avg_pool2d", "addmm",
            ])
        // The first rectifier's result has two readers, whose gradients are added.
        let backward = calls[(loss + 2)...].filter { $0 != "add" }
        #expect(backward == forward.reversed().map { "\($0)_backward" })
        #expect(calls[(loss + 2)...].count { $0 == "add" } == 1)
        let own = try text("dump/\(loss + 1)_cross_entropy_loss/cpu_result").split(separator: "\n")
        let shown = try #require(own.last.flatMap { Double($0) })
        #expect(abs(shown - result.loss) < 1e-5 * result.loss)
        #expect(own.first == "Tensor : Type = Float : Shape = [] : Dumped = 1")
    }

    /// The gradient of the first weights in the last directory is the one that training gets.
    @Test func theLastGradientIsTheFirstLayers() throws {
        let network = TinyNet.network()
        let result = try Dumper.$place.withValue(Dumper.Place()) {
            try withDumper(directory: folder.path("dump"), level: 2) { try compute(network) }
        }
        let calls = try calls("dump")
        #expect(calls.last == "convolution_overrideable_backward")
        let lines = try text("dump/\(calls.count)_convolution_overrideable_backward/cpu_result")
        let numbers = lines.split(separator: "\n").compactMap { Float(String($0)) }
        let gradient = try #require(result.gradients["first.conv.weight"]).elements(as: Float.self)
        #expect(numbers.count == gradient.count)
        #expect(zip(numbers, gradient).allSatisfy { abs($0 - $1) <= 1e-5 * max(abs($1), 1e-3) })
    }

    @Test func aDumpChangesNoBitOfQuantizationAwareTraining() throws {
        var network = TinyNet.network()
        try network.quantizeQAT(.emaFakequant)
        let plain = try compute(network)
        let dumped = try Dumper.$place.withValue(Dumper.Place()) {
            try withDumper(directory: folder.path("dump")) { try compute(network) }
        }
        #expect(try dumped.encoded(input: "", shard: 0) == plain.encoded(input: "", shard: 0))
        #expect(try calls("dump").contains("fakequantize"))
    }
}
