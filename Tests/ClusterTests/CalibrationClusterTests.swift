import Calibration
import Conversion
import CoordinatorService
import Datasets
import Execution
import Foundation
import ONNXFormat
import Quantization
import TestSupport
import Testing
import WorkerService

/// A real model and real samples through a whole cluster in one process.
@Suite(.timeLimit(.minutes(5))) struct CalibrationClusterTests {
    private struct RawSamples: SampleByteSource {
        let source: DatasetSource

        func bytes(ofSample index: Int) throws -> [UInt8] { try source.readRaw(index).encoded() }
    }

    private static func statistics(
        of model: String, workers: Int, streams: Bool, endpoint: String? = nil
    ) async throws -> (bytes: [UInt8], statistics: CalibrationStatistics) {
        let modelURL = Fixtures.directory.appending(path: "models/\(model).onnx")
        let dataPath = Fixtures.directory.appending(path: "goldens/\(model)_random.npz").path
        let graph = try ONNXModel.load(from: modelURL).graph
        let observed = try QuantizationPlan(PreparedGraph(graph), options: QuantizationOptions()).observedTensors
        let source = try DatasetSource(paths: [dataPath], arrays: ["in_image"])
        let blob = Blob(Array(try Data(contentsOf: modelURL)))
        let size = try modelURL.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
        let specification = try JobSpecification(
            model: [.init(path: "\(model).onnx", digest: blob.digest, byteCount: size)],
            dataDigest: try #require(ContentDigest(hexadecimal: try source.manifest().digest)),
            sampleCount: source.sampleCount, batchSize: 2, batchesPerShard: 1, observedTensors: observed,
            collectsHistograms: true,
            options: try ComputationOptions(preprocessing: "source: in_image\n").canonicalText())
        let job = ClusterJob(
            specification: specification, delivery: streams ? .stream : .shared(paths: [dataPath]), blobs: [blob],
            samples: RawSamples(source: source),
            reduction: .calibration(
                modelDigest: blob.digest.hexadecimal, plan: try CalibrationPlan(specification)))
        let (listening, announce) = AsyncStream<String>.makeStream()
        let service = CoordinatorService(configuration: CoordinatorServiceConfiguration(endpoint: "tcp://127.0.0.1:*"))
        let task = Task {
            defer { announce.finish() }
            return try await service.run(job) { notice in
                if case .listening(let control, _) = notice { announce.yield(control) }
            }
        }
        var iterator = listening.makeAsyncIterator()
        let address = try #require(await iterator.next())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<workers {
                group.addTask {
                    let configuration = WorkerServiceConfiguration(
                        coordinator: address, instructionSet: InstructionSet.current, build: "test",
                        computers: CalibrationComputers(verifiesData: true))
                    _ = try await WorkerService(configuration: configuration).run()
                }
            }
            try await group.waitForAll()
        }
        let outcome = try await task.value
        return (try outcome.statistics.encoded(), outcome.statistics)
    }

    @Test func theStatisticsDependOnNeitherWorkersNorDelivery() async throws {
        let (reference, statistics) = try await Self.statistics(of: "fmnist_resnet", workers: 1, streams: false)
        #expect(statistics.batchIndices == [0, 1, 2, 3])
        #expect(statistics.tensors["image"]?.counts.total == 8 * 28 * 28)
        #expect(statistics.tensors.count > 5)
        for (workers, streams) in [(3, true), (2, false), (1, true)] {
            let (bytes, _) = try await Self.statistics(of: "fmnist_resnet", workers: workers, streams: streams)
            #expect(bytes == reference, "\(workers) workers, \(streams ? "streamed" : "shared")")
        }
    }
}
