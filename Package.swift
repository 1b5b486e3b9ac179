// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: Swift 6 mode, strict memory safety, and no warning left standing.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Numeric targets are optimised in debug builds too: their plain loops are what the tests compare against, and they
/// run whole networks; so are the store and the decisions of the cluster, which tests open and run thousands of times.
let numericSettings: [SwiftSetting] = settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// Whether `make fuzz` builds.
let isFuzzing = Context.environment["TARE_FUZZING"] != nil

/// libFuzzer gives the kernels tiny tensors; optimised and instrumented they take longer to compile than all the rest.
let kernelSettings = isFuzzing ? settings + [.unsafeFlags(["-Onone"])] : numericSettings

let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let http: [Target.Dependency] = [
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

/// A library target in `Sources/<folder>`.
func library(
    _ name: String, folder: String, dependencies: [Target.Dependency], settings: [SwiftSetting] = settings,
    exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(folder)", exclude: exclude, swiftSettings: settings)
}

/// The test target of one library, in `Tests/<name>Tests`.
func tests(
    _ name: String, dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, path: "Tests/\(name)Tests",
        exclude: exclude, resources: resources, swiftSettings: settings)
}

let package = Package(
    name: "tare",
    products: [.executable(name: "tare", targets: ["tare"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without its traits: neither swift-configuration nor all of Foundation is needed.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C libraries and shims.
        .systemLibrary(name: "CArchive", path: "Sources/Shared/CArchive"),
        .systemLibrary(name: "CZeroMQ", path: "Sources/Shared/CZeroMQ"),
        .systemLibrary(name: "CZlib", path: "Sources/Shared/CZlib"),
        .target(name: "CAcceptLimit", path: "Sources/Shared/CAcceptLimit"),
        .target(
            name: "CImages", path: "Sources/Shared/CImages",
            linkerSettings: [.linkedLibrary("turbojpeg"), .linkedLibrary("png")]),
        .target(
            name: "CKernels", path: "Sources/Shared/CKernels",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])],
            cxxSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])],
            linkerSettings: [.linkedLibrary("dnnl")]),

        // Shared, in dependency order: a target imports only targets above it.
        library("Tensors", folder: "Shared/Tensors", dependencies: ["CZlib"], settings: numericSettings),
        library("Quantization", folder: "Shared/Quantization", dependencies: ["Tensors"], settings: numericSettings),
        library("Graphs", folder: "Shared/Graphs", dependencies: ["Quantization", "Tensors"]),
        library(
            "Kernels", folder: "Shared/Kernels", dependencies: ["CKernels", "Graphs", "Quantization", "Tensors"],
            settings: kernelSettings),
        library(
            "Execution", folder: "Shared/Execution",
            dependencies: ["CKernels", "Graphs", "Kernels", "Quantization", "Tensors"], settings: numericSettings),
        library(
            "Training", folder: "Shared/Training",
            dependencies: ["CKernels", "Graphs", "Kernels", "Quantization", "Tensors"], settings: numericSettings),
        library(
            "Conversion", folder: "Shared/Conversion",
            dependencies: ["Graphs", "Kernels", "Quantization", "Tensors"]),
        library(
            "ONNXFormat", folder: "Shared/ONNXFormat", dependencies: ["Graphs", "Tensors", protobuf],
            exclude: ["onnx.proto"]),
        library(
            "OperatorReference", folder: "Shared/OperatorReference",
            dependencies: ["Conversion", "Execution", "Graphs", "ONNXFormat", "Quantization", "Tensors"]),
        library(
            "Modules", folder: "Shared/Modules",
            dependencies: ["Conversion", "Execution", "Graphs", "ONNXFormat", "Quantization", "Tensors"]),
        library(
            "Datasets", folder: "Shared/Datasets",
            dependencies: ["CArchive", "CImages", "Graphs", "Tensors", crypto, yams], settings: numericSettings),
        library(
            "Calibration", folder: "Shared/Calibration",
            dependencies: ["Conversion", "Quantization", "Tensors", crypto]),
        library("Logs", folder: "Shared/Logs", dependencies: [logging]),
        library(
            "MLU", folder: "Shared/MLU",
            dependencies: [
                "Conversion", "Execution", "Graphs", "Kernels", "Logs", "Quantization", "Tensors", logging,
            ], settings: numericSettings),
        library(
            "TrainingJobs", folder: "Shared/TrainingJobs",
            dependencies: ["Calibration", "Conversion", "Graphs", "MLU", "Quantization", "Tensors", "Training"],
            settings: numericSettings),
        library(
            "Evaluation", folder: "Shared/Evaluation",
            dependencies: ["Calibration", "CKernels", "Conversion", "Graphs", "Tensors"],
            settings: numericSettings),
        library(
            "Wire", folder: "Shared/Wire", dependencies: ["CAcceptLimit", "Calibration", "CZeroMQ", protobuf],
            exclude: ["tare.proto"]),
        library("Launch", folder: "Shared/Launch", dependencies: ["Tensors", "Wire"]),
        library("Processes", folder: "Shared/Processes", dependencies: ["Wire"]),
        library("ControlAPI", folder: "Shared/ControlAPI", dependencies: ["Calibration", "Quantization"]),

        // The two sides of the cluster, and the command line.
        library(
            "CoordinatorCore", folder: "Coordinator/Core", dependencies: ["Calibration", "Wire"],
            settings: numericSettings),
        library(
            "CoordinatorStore", folder: "Coordinator/Store",
            dependencies: [
                "Calibration", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], settings: numericSettings),
        library(
            "CoordinatorService", folder: "Coordinator/Service",
            dependencies: [
                "Calibration", "ControlAPI", "CoordinatorCore", "CoordinatorStore", "Evaluation", "Processes",
                "Tensors", "Wire",
            ]),
        library(
            "CoordinatorHTTP", folder: "Coordinator/HTTP",
            dependencies: ["ControlAPI", coreMetrics, logging, metrics] + http),
        library(
            "WorkerCore", folder: "Worker/Core", dependencies: ["Calibration", "Wire"], settings: numericSettings),
        library(
            "WorkerService", folder: "Worker/Service",
            dependencies: [
                "Calibration", "Conversion", "Datasets", "Evaluation", "Execution", "Graphs", "Kernels", "MLU",
                "ONNXFormat",
                "Quantization", "Tensors", "Training", "TrainingJobs", "Wire", "WorkerCore",
            ]),
        .executableTarget(
            name: "tare",
            dependencies: [
                "Calibration", "ControlAPI", "Conversion", "CoordinatorCore", "CoordinatorHTTP", "CoordinatorService",
                "CoordinatorStore", "Datasets", "Evaluation", "Execution", "Graphs", "Kernels", "Launch", "Logs", "MLU",
                "Modules", "ONNXFormat", "OperatorReference", "Processes",
                "Quantization", "Tensors", "Training", "TrainingJobs", "Wire", "WorkerCore", "WorkerService",
                argumentParser, coreMetrics, logging,
                yams,
            ],
            path: "Sources/Tare", swiftSettings: settings),

        // Measures the forward pass; `Benchmarks/forward/README.md` says how.
        .executableTarget(
            name: "forward-benchmark",
            dependencies: ["Conversion", "Execution", "Graphs", "Kernels", "ONNXFormat", "Tensors"],
            path: "Benchmarks/forward", exclude: ["README.md", "compare.py"], swiftSettings: settings),

        // Measures a training step; `Benchmarks/training/README.md` says how.
        .executableTarget(
            name: "training-benchmark",
            dependencies: ["Conversion", "Graphs", "Modules", "Quantization", "Tensors", "Training", "TrainingJobs"],
            path: "Benchmarks/training", exclude: ["README.md", "compare.py"], swiftSettings: settings),

        // Measures an evaluation; `Benchmarks/evaluation/README.md` says how.
        .executableTarget(
            name: "evaluation-benchmark",
            dependencies: ["Conversion", "Evaluation", "Execution", "Graphs", "ONNXFormat", "Tensors"],
            path: "Benchmarks/evaluation", exclude: ["README.md"], swiftSettings: settings),

        // Measures the modules of the simulated device; `Benchmarks/mlu/README.md` says how.
        .executableTarget(
            name: "mlu-benchmark",
            dependencies: ["Conversion", "Execution", "Graphs", "MLU", "ONNXFormat", "Quantization", "Tensors"],
            path: "Benchmarks/mlu", exclude: ["README.md", "compare.py"], swiftSettings: settings),

        // Measures quantized modules; `Benchmarks/modules/README.md` says how.
        .executableTarget(
            name: "modules-benchmark",
            dependencies: ["Conversion", "Execution", "Graphs", "Modules", "ONNXFormat", "Quantization", "Tensors"],
            path: "Benchmarks/modules", exclude: ["README.md"], swiftSettings: settings),

        // Measures what encryption costs; `Benchmarks/wire/README.md` says how.
        .executableTarget(
            name: "wire-benchmark", dependencies: ["Calibration", "Wire"], path: "Benchmarks/wire",
            exclude: ["README.md"], swiftSettings: settings),

        // Measures the durable store; `Benchmarks/store/README.md` says how.
        .executableTarget(
            name: "store-benchmark", dependencies: ["Calibration", "CoordinatorStore"], path: "Benchmarks/store",
            exclude: ["README.md"], swiftSettings: settings),

        // The guide's walk-through: float training, quantization-aware training, quantization, export.
        .executableTarget(
            name: "resnet-walkthrough",
            dependencies: [
                "Conversion", "Datasets", "Graphs", "Modules", "Quantization", "Tensors", "Training", "TrainingJobs",
            ],
            path: "Examples/resnet", swiftSettings: settings),
        // Measures a dump against the disk; `Benchmarks/dump/README.md` says how.
        .executableTarget(
            name: "dump-benchmark", dependencies: ["MLU", "Tensors"], path: "Benchmarks/dump", exclude: ["README.md"],
            swiftSettings: settings),

        // Measures how many workers a coordinator can feed; `Benchmarks/cluster/README.md` says how.
        .executableTarget(
            name: "feed-benchmark",
            dependencies: ["Calibration", "Execution", "Quantization", "Wire", "WorkerService"],
            path: "Benchmarks/cluster", exclude: ["README.md", "feed.py", "overhead.py", "daemon.py"],
            swiftSettings: settings),

        // One test target per target; `TestSupport` finds fixtures and the optional shared folder.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        tests("Tensors", dependencies: ["TestSupport"]),
        tests("Graphs", dependencies: ["Tensors"]),
        tests("Quantization", dependencies: ["Tensors", "TestSupport"]),
        tests("Kernels", dependencies: ["CKernels", "Graphs", "Quantization", "Tensors", "TestSupport"]),
        tests("Execution", dependencies: ["CKernels", "Graphs", "Kernels", "Quantization", "Tensors", "TestSupport"]),
        tests("Training", dependencies: ["CKernels", "Graphs", "Kernels", "Quantization", "Tensors", "TestSupport"]),
        tests(
            "Conversion", dependencies: ["Execution", "Graphs", "Kernels", "Quantization", "Tensors", "TestSupport"]),
        tests(
            "ONNXFormat",
            dependencies: ["Conversion", "Execution", "Graphs", "Quantization", "Tensors", "TestSupport", protobuf]),
        tests("OperatorReference", dependencies: ["ONNXFormat", "TestSupport"]),
        tests("Datasets", dependencies: ["Graphs", "Tensors", "TestSupport"]),
        tests("Calibration", dependencies: ["Quantization", "Tensors", "TestSupport"]),
        tests(
            "MLU",
            dependencies: ["Conversion", "Execution", "Graphs", "Quantization", "Tensors", "TestSupport", logging]),
        tests(
            "Evaluation",
            dependencies: [
                "Calibration", "CKernels", "Conversion", "Execution", "Graphs", "ONNXFormat", "Quantization", "Tensors",
                "TestSupport",
            ]),
        tests(
            "Modules",
            dependencies: [
                "Conversion", "Execution", "Graphs", "Kernels", "ONNXFormat", "Quantization", "Tensors", "TestSupport",
            ]),
        tests(
            "TrainingJobs",
            dependencies: [
                "Calibration", "Conversion", "Graphs", "MLU", "Modules", "Quantization", "Tensors", "TestSupport",
                "Training",
            ]),
        tests("Wire", dependencies: ["Calibration", "TestSupport", protobuf]),
        tests("Launch", dependencies: ["Wire"]),
        tests("Processes", dependencies: ["Wire"]),
        tests("Logs", dependencies: [logging]),
        tests("ControlAPI", dependencies: ["Calibration", "Quantization", "TestSupport"]),
        tests("CoordinatorHTTP", dependencies: ["ControlAPI", "TestSupport", coreMetrics, logging, metrics]),
        tests("CoordinatorCore", dependencies: ["Calibration", "TestSupport", "Wire"], exclude: ["Scenarios"]),
        // The store's tests share a model of it with a process that they kill.
        .target(
            name: "StoreScenario", dependencies: ["Calibration", "CoordinatorStore", "TestSupport"],
            path: "Tests/StoreScenario", swiftSettings: numericSettings),
        .executableTarget(
            name: "store-child", dependencies: ["Calibration", "CoordinatorStore", "StoreScenario"],
            path: "Tests/StoreChild", swiftSettings: settings),
        tests(
            "CoordinatorStore",
            dependencies: [
                "Calibration", "StoreScenario", "TestSupport", "store-child",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        tests("WorkerCore", dependencies: ["Calibration", "TestSupport", "Wire"], exclude: ["Scenarios"]),
        // The cores in a simulated world, for the tests and for `make simulate`.
        .target(
            name: "ClusterSimulation", dependencies: ["Calibration", "CoordinatorCore", "Wire", "WorkerCore"],
            path: "Tests/ClusterSimulation", swiftSettings: numericSettings),
        .executableTarget(
            name: "cluster-simulation", dependencies: ["ClusterSimulation"], path: "Tests/SimulationRunner",
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["ClusterSimulation"], path: "Tests/SimulationTests",
            swiftSettings: settings),
        // The readers of foreign files as one function, for libFuzzer and for what it once found.
        .target(
            name: "FuzzEntries", dependencies: ["Conversion", "Datasets", "Graphs", "ONNXFormat", "Tensors"],
            path: "Fuzzing/Entries", swiftSettings: settings),
        .testTarget(
            name: "FuzzRegressionTests",
            dependencies: ["FuzzEntries", "TestSupport"], path: "Tests/FuzzRegressionTests",
            swiftSettings: settings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Calibration", "CoordinatorCore", "CoordinatorService", "Quantization", "Tensors", "Wire", "WorkerCore",
                "WorkerService",
            ],
            path: "Tests/ClusterTests", swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Calibration", "ControlAPI", "Conversion", "Execution", "Graphs", "Kernels", "ONNXFormat",
                "Quantization", "Tensors",
                "TestSupport", "Training", "tare",
            ],
            path: "Tests/EndToEndTests", swiftSettings: settings),
    ],
    cxxLanguageStandard: .cxx17
)

// Only `make fuzz` builds the program that libFuzzer drives: it is linked with libFuzzer's library.
if isFuzzing {
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "Fuzzing/CFuzzer"),
        .executableTarget(
            name: "fuzz", dependencies: ["CFuzzer", "FuzzEntries"], path: "Fuzzing/Runner", swiftSettings: settings),
    ]
}
