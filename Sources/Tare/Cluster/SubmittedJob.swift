import ArgumentParser
import CoordinatorService
import Datasets
import Foundation
import Quantization

/// The command line of a job: what `tare submit` reads from a job file and its options, and the coordinator parses again.
struct SubmittedJob: ParsableArguments {
    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("What people call the job; the model's name by default.", valueName: "text"))
    var name: String?

    @OptionGroup(title: "Data")
    var data: DataOptions

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    @OptionGroup(title: "Evaluation")
    var evaluation: EvaluationOptionGroup

    @OptionGroup(title: "Policy")
    var policy: PolicyOptions

    @Option(
        help: ArgumentHelp(
            "SHA-256 of the manifest of an earlier job, whose quantized model is evaluated; for jobs that follow others.",
            visibility: .hidden))
    var evaluatedManifest: String?

    @Option(
        help: ArgumentHelp(
            "SHA-256 of the statistics of an earlier job, whose histograms are counted; for jobs that follow others.",
            visibility: .hidden))
    var firstPass: String?

    @Option(
        name: .customLong("first-pass-skipped"),
        help: ArgumentHelp("SAMPLE:REASON of a sample that the earlier job left out.", visibility: .hidden))
    var firstPassSkipped: [FirstPassSample] = []

    func validate() throws {
        // Whoever may submit jobs could otherwise run anything on the coordinator's machine.
        if data.command != nil {
            throw ValidationError(
                "--data-command is for 'tare calibrate': a coordinator runs no commands of its clients. Write the samples to a "
                    + "file and submit that.")
        }
    }

    /// Parses words.
    ///
    /// - Throws: `CommandFailure` with the parser's message.
    static func parsing(_ words: [String]) throws -> SubmittedJob {
        do {
            return try parse(words)
        } catch {
            throw CommandFailure(.usage, message(for: error))
        }
    }
}

/// A sample that the first pass of a calibration left out.
struct FirstPassSample: ExpressibleByArgument, Equatable {
    /// Index of the sample.
    let sample: Int
    /// Why it was left out.
    let reason: String

    /// Names a sample.
    init(sample: Int, reason: String) {
        self.sample = sample
        self.reason = reason
    }

    init?(argument: String) {
        guard let colon = argument.firstIndex(of: ":"), let sample = Int(argument[..<colon]), sample >= 0 else {
            return nil
        }
        self.init(sample: sample, reason: String(argument[argument.index(after: colon)...]))
    }

    /// As on the command line.
    var text: String { "\(sample):\(reason)" }
}

/// How a job is scheduled on a cluster, and what happens to samples and devices that fail.
struct PolicyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Jobs with a higher priority are served first.", valueName: "n"))
    var priority: Int = 0

    @Option(
        name: .customLong("on-poison"),
        help: ArgumentHelp(
            "What a sample does that crashes workers or exhausts their memory: fail ends the job and names it, skip leaves it "
                + "out and lists it in the manifest.", valueName: "policy"))
    var onPoison: PoisonChoice = .fail

    @Option(
        help: ArgumentHelp(
            "Have this many percent of the shards computed again on another node, to find devices that compute wrongly.",
            valueName: "percent"))
    var audit: Double = 0

    /// The two policies.
    enum PoisonChoice: String, ExpressibleByArgument, CaseIterable {
        case fail
        case skip
    }

    func validate() throws {
        guard (0...100).contains(audit) else { throw ValidationError("--audit must be from 0 to 100, not \(audit).") }
        guard (-1000...1000).contains(priority) else {
            throw ValidationError("--priority must be from -1000 to 1000, not \(priority).")
        }
    }

    /// The same for the service.
    var jobPolicy: JobPolicy {
        var policy = JobPolicy()
        policy.priority = priority
        policy.skipsPoison = onPoison == .skip
        policy.auditPercent = audit
        return policy
    }
}

extension SubmittedJob {
    /// The command line that `parsing` reads back to the same job on another machine: paths are whole.
    ///
    /// - Throws: What is wrong with a file with recipes: what it says becomes part of the line.
    func words() throws -> [String] {
        let scheme = try scheme.withoutFiles()
        var words = [Self.whole(model)]
        func add(_ name: String, _ value: String?) {
            if let value { words.append("--\(name)=\(value)") }
        }
        add("name", name)
        words += ["--data"] + data.paths.map(Self.whole)
        add("data-format", data.format)
        if data.spoolByteLimit != DatasetSource.defaultSpoolLimit { add("spool-limit", String(data.spoolLimit)) }
        add("preprocess", data.preprocess.map(Self.whole))
        add("samples", data.samples.map(String.init))
        add("seed", data.seed.map(String.init))
        add("on-bad-sample", data.onBadSample.rawValue)
        add("observer", scheme.observer?.description)
        add("qconfig", scheme.qconfig)
        if !scheme.qconfigFor.isEmpty { words += ["--qconfig-for"] + scheme.qconfigFor }
        add("activation-type", scheme.activationType?.rawValue)
        add("weight-granularity", scheme.weightGranularity?.rawValue)
        if let symmetry = scheme.symmetry { words.append("--\(symmetry.rawValue)") }
        for name in scheme.skippedOperators { add("skip-op", name) }
        for name in scheme.skippedNodes { add("skip-node", name) }
        if scheme.hasFloatOutputs { words.append("--float-outputs") }
        words += scheme.mlu.words
        if let count = evaluation.count { add("evaluate", count.text) }
        if !evaluation.paths.isEmpty { words += ["--evaluation-data"] + evaluation.paths.map(Self.whole) }
        add("labels", evaluation.labels.map { LabelSource.whole($0, path: Self.whole) })
        add("evaluated-manifest", evaluatedManifest)
        add("batch-size", plan.batchSize.map(String.init))
        add("shard-batches", String(plan.shardBatches))
        add("data-delivery", plan.dataDelivery.rawValue)
        add("priority", String(policy.priority))
        add("on-poison", policy.onPoison.rawValue)
        add("audit", String(policy.audit))
        return words
    }

    private static func whole(_ path: String) -> String {
        URL(filePath: path).standardizedFileURL.path
    }
}
