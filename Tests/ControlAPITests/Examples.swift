import Calibration
import ControlAPI
import Foundation
import Quantization
import TestSupport
import Testing

/// One example of each document, with every key.
enum Examples {
    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: @Sendable () throws -> [UInt8]
        let text: @Sendable () throws -> String
        let roundTrip: @Sendable () throws -> Void

        init<Document: ControlDocument>(_ name: String, _ document: Document) {
            self.name = name
            bytes = { try Documents.encode(document) }
            text = { try Documents.text(document) }
            roundTrip = {
                for bytes in [try Documents.encode(document), Array(try Documents.text(document).utf8)] {
                    #expect(try Documents.decode(Document.self, from: bytes) == document)
                }
            }
        }

        var testDescription: String { name }
    }

    static let session = Identifier(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    static let submitted = Timestamp(seconds: 1_795_279_479)

    static func digest(_ text: String) -> ContentDigest { ContentDigest(of: Array(text.utf8)) }

    static var job: JobDocument {
        var job = JobDocument(
            id: 3, name: "nightly resnet", state: .running, priority: -2,
            model: JobDocument.Model(name: "resnet50.onnx", sha256: digest("model")), submitted: submitted)
        job.samplesDone = 512
        job.samplesTotal = 1000
        job.shardsDone = 7
        job.shardsTotal = 16
        job.workers = 4
        job.workersReady = 1
        job.samplesPerSecond = 12.25
        job.secondsLeft = 39.8
        return job
    }

    static var endedJob: JobDocument {
        var job = job
        job.state = .failed
        job.ended = Timestamp(seconds: 1_795_279_999)
        job.failure = JobDocument.Failure(text: "Sample 12: the image is cut off", exitStatus: 65)
        job.results = [ResultFile(name: "resnet50.int8.onnx", sha256: digest("result"), bytes: 25_600_000)]
        job.conflicts = [JobDocument.Conflict(shard: 2, counted: digest("a"), others: [digest("b")])]
        job.poisonedSamples = [JobDocument.PoisonedSample(sample: 12, text: "three workers were lost")]
        job.followUp = 4
        return job
    }

    static var worker: WorkerDocument {
        var worker = WorkerDocument(
            session: session, node: "n1", localRank: 1, process: 4711, state: .quarantined, build: "0.1.0",
            arithmetic: "avx2")
        worker.job = 3
        worker.shard = 8
        worker.samplesPerSecond = 3.5
        worker.secondsSinceHeard = 0.75
        worker.residentBytes = 123_456_789
        worker.shardsCounted = 5
        worker.failuresInARow = 2
        worker.loadedModel = digest("converted")
        worker.quarantined = "it computed other statistics for shard 2 than two other devices"
        return worker
    }

    static var shard: ShardDocument {
        var shard = ShardDocument(index: 7, firstSample: 448, samples: 64, state: .committed, attempts: 2)
        shard.worker = "01234567 on n1"
        shard.seconds = 4.5
        shard.sha256 = digest("shard")
        return shard
    }

    static var layer: LayerDocument {
        get throws {
            let range = TensorRange(minimum: -1.5, maximum: 6)
            let histogram = try DyadicHistogram(
                checkingExponent: DyadicLattice.exponent(covering: range), firstBin: -768,
                counts: [1] + Array(repeating: 0, count: 2000) + [1_000_000] + Array(repeating: 3, count: 1838) + [1])
            let counts = ElementCounts(
                total: histogram.total + 5, zeros: 0, nans: 2, positiveInfinities: 1, negativeInfinities: 2)
            let statistics = try TensorStatistics(
                counts: counts, range: range, histogram: histogram, batches: [BatchRange(batchIndex: 0, range: range)])
            var layer = LayerDocument(tensor: "conv1/out", statistics: statistics)
            layer.scale = 0.029411765
            layer.zeroPoint = -77
            return layer
        }
    }

    static let evaluatedLayer = EvaluatedLayerDocument(
        tensor: "conv1/out",
        own: ResultManifest.Evaluation.Errors(
            sqnrDecibels: 40.8512, cosine: 0.999958851, maximumError: 0.21854138374328613, elements: 1_843_200,
            notFinite: nil),
        total: ResultManifest.Evaluation.Errors(
            sqnrDecibels: nil, cosine: nil, maximumError: 0, elements: 0, notFinite: 1_843_200),
        saturatedShare: 0.000012207)

    static var cluster: ClusterDocument {
        var cluster = ClusterDocument(
            build: "0.1.0", protocol: 2, cluster: session, epoch: 4, isReady: false, started: submitted)
        cluster.reasons = ["the disk has 12 MB left"]
        cluster.jobsOpen = 1
        cluster.jobsEnded = 2
        cluster.workers = 5
        cluster.workersBusy = 4
        cluster.shardsDone = 7
        cluster.shardsTotal = 16
        cluster.quarantinedDevices = ["n1:1"]
        cluster.freeBytes = 12_000_000
        return cluster
    }

    static var event: EventDocument {
        var event = EventDocument(
            number: 17, time: submitted, level: .warning, kind: "shard-returned",
            text: "shard 7 goes to another worker: the worker was silent for 30 s")
        event.job = 3
        event.shard = 7
        event.worker = session
        event.node = "n1"
        return event
    }

    static let submission = SubmissionDocument(
        key: session, name: "nightly resnet", priority: 5,
        arguments: ["/data/resnet50.onnx", "--data", "/data/images", "--observer", "percentile"])

    static let requests: [(String, ControlRequest)] = [
        ("submit", .submit(submission)), ("cluster", .cluster), ("jobs", .jobs(Page())), ("status", .status(job: 3)),
        ("result", .result(job: 3)), ("cancel", .cancel(job: 3, reason: "wrong data")), ("drain-all", .drain(.all)),
        ("drain-one", .drain(.session(prefix: "0123abcd"))), ("workers", .workers(Page(offset: 5, limit: 10))),
        ("shards", .shards(job: 3, Page(offset: 100, limit: 1000))),
        ("layers", .layers(job: 18_446_744_073_709_551_615, Page())),
        ("events", .events(job: nil, Page(offset: 17))), ("events-of-job", .events(job: 3, Page())),
    ]

    static var all: [Example] {
        get throws {
            [
                Example("job", job), Example("job-ended", endedJob), Example("worker", worker), Example("shard", shard),
                Example("layer", try layer), Example("evaluated-layer", evaluatedLayer), Example("cluster", cluster),
                Example("event", event),
                Example("submission", submission),
                Example(
                    "result",
                    ResultDocument(
                        job: 3, name: "nightly resnet", dataEndpoint: "tcp://*:7789", files: endedJob.results)),
                Example("probe", ProbeDocument(status: .unavailable, reasons: ["the disk is full"])),
                Example("error", ControlError(.notReady, "Job 3 is running; wait for it with: tare result 3 --wait")),
                Example("page", PageDocument(offset: 7, total: 16, items: [shard])),
            ] + requests.map { Example("request-\($0)", $1) }
        }
    }
}
