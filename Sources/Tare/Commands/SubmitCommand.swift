import ArgumentParser
import Calibration
import ControlAPI
import Foundation

/// `tare submit`: hands a job to a coordinator.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Hand a calibration to a coordinator.",
        discussion: """
            The model and the data are read by the coordinator and, with shared delivery, by the workers: their paths must be \
            the same there, and lie in a folder that the coordinator allows (--data-root). The job is taken once, however often \
            the network loses the answer; with --once also however often the command is run, as a requeued script does.

            A method that needs two passes over the data (histogram:megengine, histogram:torch) makes two jobs: the second is called \
            'histograms of job N' and gives the model; 'tare result N' finds it. With --evaluate the coordinator takes another job when the model is there, called 'evaluation of job N'; its \
            result is the same model with what quantization cost in its manifest.

            Examples:
              tare submit model.onnx --data /data/images.npz --coordinator tcp://head:7788
              tare submit --config job.yaml --wait --json
              tare submit model.onnx --data /data/images.npz --once "$SLURM_JOB_ID" --wait
            """)

    @OptionGroup
    var job: SubmittedJob

    @Option(
        help: ArgumentHelp(
            "A YAML job file with these options as keys, 'model' too; an option given here wins over the file.",
            valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Take the job only if none was handed in under this name; otherwise show that one.", valueName: "name"))
    var once: String?

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    @Flag(help: "Wait for the end of the job, and end with its exit status.")
    var wait = false

    @Flag(help: "Print the job as JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let submission = SubmissionDocument(
                key: key(),
                name: job.name ?? URL(filePath: job.model).lastPathComponent, priority: job.policy.priority,
                arguments: try job.words())
            let connection = try await connection.connect()
            // So that a missing coordinator is told soon: reading a data set may take long.
            _ = try connection.ask(.cluster, for: ClusterDocument.self)
            var document = try connection.ask(.submit(submission), for: JobDocument.self, timeout: .seconds(3600))
            if wait {
                let watch = JobWatch(connection: connection)
                document = try watch.untilEnd(of: document)
                if document.isFirstPass {
                    document = try watch.untilFollowed(document, what: "count the histograms of")
                }
                if job.evaluation.count != nil, document.state == .completed {
                    document = try watch.untilFollowed(document, what: "evaluate")
                }
            }
            try JobReport(json: json).show(document)
            if wait { try JobReport.exitUnlessCompleted(document) }
        }
    }

    /// Names the submission: by the digest of the name that was given, or at random.
    private func key() -> Identifier {
        var random = SystemRandomNumberGenerator()
        guard let once else { return Identifier.random(using: &random) }
        let words = ContentDigest(of: Array(once.utf8)).bytes.prefix(16).map(UInt64.init)
        return Identifier(
            high: words.prefix(8).reduce(0) { $0 << 8 | $1 }, low: words.suffix(8).reduce(0) { $0 << 8 | $1 })
    }
}
