import Foundation
import Quantization
import Testing

/// Presets and files of recipes.
@Suite struct QConfigTests {
    private func decode(_ json: String) throws -> QConfig {
        try JSONDecoder().decode(QConfig.self, from: Data(json.utf8))
    }

    /// What a refused file's error says.
    private func refusal(_ json: String, sourceLocation: SourceLocation = #_sourceLocation) -> String {
        do {
            let qconfig = try decode(json)
            Issue.record("\(json) was read as \(qconfig)", sourceLocation: sourceLocation)
            return ""
        } catch DecodingError.dataCorrupted(let context) {
            return context.debugDescription
        } catch {
            Issue.record("\(json) gave \(error)", sourceLocation: sourceLocation)
            return ""
        }
    }

    /// Observer and fake quantizer of a preset, weights first, as MegEngine has them.
    private static let table: [(name: String, parts: [String])] = [
        (
            "min_max_fakequant",
            ["MinMaxObserver qint8_narrow", "MinMaxObserver qint8", "FakeQuantize qint8_narrow", "FakeQuantize qint8"]
        ),
        (
            "ema_fakequant",
            [
                "MinMaxObserver qint8_narrow", "ExponentialMovingAverageObserver qint8", "FakeQuantize qint8_narrow",
                "FakeQuantize qint8",
            ]
        ),
        (
            "sync_ema_fakequant",
            [
                "SyncMinMaxObserver qint8_narrow", "SyncExponentialMovingAverageObserver qint8",
                "FakeQuantize qint8_narrow", "FakeQuantize qint8",
            ]
        ),
        (
            "ema_lowbit_fakequant",
            [
                "MinMaxObserver qint4", "ExponentialMovingAverageObserver qint4", "FakeQuantize qint4",
                "FakeQuantize qint4",
            ]
        ),
        ("calibration", ["MinMaxObserver qint8_narrow", "HistogramObserver qint8", "none", "none"]),
        ("tqt", ["none", "none", "TQT qint8_narrow", "TQT qint8"]),
        (
            "passive",
            [
                "PassiveObserver qint8_narrow", "PassiveObserver qint8", "FakeQuantize qint8_narrow",
                "FakeQuantize qint8",
            ]
        ),
        (
            "easyquant",
            [
                "PassiveObserver qint8_narrow", "PassiveObserver qint8", "FakeQuantize qint8_narrow",
                "FakeQuantize qint8",
            ]
        ),
    ]

    @Test func theEightPresetsAreThoseOfMegEngine() throws {
        #expect(Self.table.map(\.name).sorted() == QConfig.presetNames)
        for (name, parts) in Self.table {
            let qconfig = try QConfig(preset: name)
            let observers = [qconfig.weightObserver, qconfig.actObserver]
            let fakeQuants = [qconfig.weightFakeQuant, qconfig.actFakeQuant]
            let found =
                observers.map { $0.map { "\($0.className) \($0.dtype.rawValue)" } ?? "none" }
                + fakeQuants.map { $0.map { "\($0.algorithm.rawValue) \($0.dtype.rawValue)" } ?? "none" }
            #expect(found == parts, "\(name)")
            #expect(observers.allSatisfy { $0.map { $0.mode == .symmetric && $0.epsilon == 1e-5 } ?? true }, "\(name)")
            #expect(try QConfig(preset: name + "_qconfig") == qconfig)
        }
        #expect(QConfig.emaFakequant.actObserver?.algorithm == .exponentialMovingAverage(momentum: 0.9))
        #expect(
            QConfig.calibration.actObserver?.algorithm
                == .histogram(bins: 2048, upsampleRate: 128, form: .megengine))
        let error = #expect(throws: QConfigError.self) { try QConfig(preset: "mlu") }
        #expect(error?.description.contains("ema_fakequant, ema_lowbit_fakequant") == true)
    }

    @Test func recipesAreComparedByTheirSettings() {
        #expect(QConfig.passive == .easyQuant && QConfig.emaFakequant != .syncEMAFakequant)
        var custom = QConfig.emaFakequant
        custom.actObserver = ObserverSpecification(.exponentialMovingAverage(momentum: 0.8))
        #expect(custom != .emaFakequant)
        custom.actObserver = ObserverSpecification(.exponentialMovingAverage(momentum: 0.9))
        #expect(custom == .emaFakequant && custom.hashValue == QConfig.emaFakequant.hashValue)
    }

    @Test func everyRecipeIsReadBackFromItsFile() throws {
        var recipes = try QConfig.presetNames.map { try QConfig(preset: $0) }
        for form in ObserverSpecification.HistogramForm.allCases {
            recipes.append(
                QConfig(
                    weightObserver: nil,
                    actObserver: ObserverSpecification(
                        .histogram(bins: 100, upsampleRate: 7, form: form), dtype: .quint4, mode: .asymmetric,
                        epsilon: 1e-7),
                    weightFakeQuant: FakeQuantSpecification(.lsq, dtype: .qint4, epsilon: 1e-6), actFakeQuant: nil))
        }
        for recipe in recipes {
            let data = try JSONEncoder().encode(recipe)
            #expect(try JSONDecoder().decode(QConfig.self, from: data) == recipe)
        }
    }

    @Test func filesNamePresetsOrSettingsWithMegEnginesDefaults() throws {
        #expect(try decode("\"tqt\"") == .tqt)
        #expect(
            try decode("{}") == QConfig(weightObserver: nil, actObserver: nil, weightFakeQuant: nil, actFakeQuant: nil))
        let custom = try decode(
            """
            {"weight_observer": {"class": "MinMaxObserver", "dtype": "qint8", "narrow_range": true, "mode": "symmetric"},
             "act_observer": {"class": "ExponentialMovingAverageObserver", "momentum": 0.95},
             "weight_fake_quant": {"class": "FakeQuantize", "dtype": "qint8_narrow"},
             "act_fake_quant": {"class": "LSQ", "dtype": "quint8", "eps": 0.001}}
            """)
        #expect(custom.weightObserver == ObserverSpecification(.minMax, dtype: .qint8Narrow))
        #expect(custom.actObserver == ObserverSpecification(.exponentialMovingAverage(momentum: 0.95)))
        #expect(custom.weightFakeQuant == FakeQuantSpecification(dtype: .qint8Narrow))
        #expect(custom.actFakeQuant == FakeQuantSpecification(.lsq, dtype: .quint8, epsilon: 0.001))
        let histogram = try decode(#"{"act_observer": {"class": "HistogramObserver"}, "weight_observer": null}"#)
        #expect(histogram.actObserver == QConfig.calibration.actObserver && histogram.weightObserver == nil)
        let torch = try decode(#"{"act_observer": {"class": "HistogramObserver", "form": "torch", "bins": 64}}"#)
        #expect(torch.actObserver?.algorithm == .histogram(bins: 64, upsampleRate: 16, form: .torch))
    }

    @Test func bothSpellingsOfNarrowIntegersAreEqual() throws {
        let old = try decode(
            #"{"weight_observer": {"class": "MinMaxObserver", "dtype": "qint8", "narrow_range": true}}"#)
        let new = try decode(#"{"weight_observer": {"class": "MinMaxObserver", "dtype": "qint8_narrow"}}"#)
        #expect(old == new)
        #expect(try QuantDtype.qint8.withNarrowRange(true) == .qint8Narrow)
        #expect(try QuantDtype.quint8.withNarrowRange(false) == .quint8)
        for (dtype, isNarrow) in [(QuantDtype.qint8Narrow, false), (.quint8, true), (.qint4, true)] {
            #expect(throws: QuantDtypeError.narrowRange(dtype, isNarrow)) { try dtype.withNarrowRange(isNarrow) }
        }
    }

    @Test func refusedFilesSayWhichKeyAndWhatIsAccepted() {
        for (json, parts) in [
            (#"{"act_observr": null}"#, ["'act_observr'", "act_observer"]),
            (#"{"act_observer": {"dtype": "qint8"}}"#, ["'act_observer.class'", "missing", "PassiveObserver"]),
            (#"{"act_observer": {"class": "Observer"}}"#, ["'act_observer.class'", "'Observer'", "MinMaxObserver"]),
            (
                #"{"act_observer": {"class": "MinMaxObserver", "dtype": "int8"}}"#,
                ["'act_observer.dtype'", "qint8_narrow"]
            ),
            (#"{"act_observer": {"class": "MinMaxObserver", "bins": 5}}"#, ["'act_observer.bins'", "mode, eps"]),
            (#"{"act_observer": {"class": "HistogramObserver", "bins": 0}}"#, ["'act_observer.bins'", "0", "1..."]),
            (#"{"act_observer": {"class": "HistogramObserver", "bins": "x"}}"#, ["'act_observer.bins'", "an integer"]),
            (
                #"{"weight_observer": {"class": "ExponentialMovingAverageObserver", "momentum": 1.5}}"#,
                ["'weight_observer.momentum'", "0.0...1.0"]
            ),
            (
                #"{"weight_observer": {"class": "MinMaxObserver", "mode": "x"}}"#,
                ["'weight_observer.mode'", "asymmetric"]
            ),
            (#"{"weight_observer": {"class": "MinMaxObserver", "eps": 0}}"#, ["'weight_observer.eps'"]),
            (
                #"{"weight_observer": {"class": "MinMaxObserver", "dtype": "quint8", "narrow_range": true}}"#,
                ["'weight_observer.narrow_range'", "qint8_narrow"]
            ),
            (
                #"{"act_fake_quant": {"class": "TQT", "eps": 0.1}}"#,
                ["'act_fake_quant.eps'", "class, dtype, narrow_range"]
            ),
            (#"{"act_fake_quant": {"class": "tqt"}}"#, ["'act_fake_quant.class'", "FakeQuantize, TQT, LSQ"]),
            (#"{"act_fake_quant": "TQT"}"#, ["'act_fake_quant'", "a fake quantizer"]),
            (#""ema""#, ["'ema'", "ema_fakequant"]), ("3", ["a preset's name"]),
        ] {
            let message = refusal(json)
            for part in parts { #expect(message.contains(part), "\(json): \(message)") }
        }
    }

    @Test func calibrationsTakeIntegersAndMethodFromARecipe() throws {
        let custom = QConfig(
            weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow),
            actObserver: ObserverSpecification(
                .exponentialMovingAverage(momentum: 0.5), dtype: .quint8, mode: .asymmetric),
            weightFakeQuant: nil, actFakeQuant: nil)
        let configuration = try PostTrainingConfiguration(custom, named: "mine")
        #expect(configuration.activation == QuantizationScheme(type: .uint8, isSymmetric: false))
        #expect(configuration.activationMethod == .ema(momentum: 0.5))
        #expect(configuration.weight == QuantizationScheme(type: .int8, isSymmetric: true, narrowRange: true))
        let rule = try #require(HistogramRule(form: .megengine, binCount: 2048, upsampleRate: 128))
        let methods: [CalibrationMethod?] = [
            .rangedHistogram(rule), nil, .ema(momentum: 0.9), .minmax, nil, .ema(momentum: 0.9),
        ]
        let names = QConfig.presetNames.filter { !["ema_lowbit_fakequant", "tqt"].contains($0) }
        for (name, method) in zip(names, methods) {
            let preset = try PostTrainingConfiguration(preset: name)
            #expect(preset.activationMethod == method, "\(name)")
            #expect(preset.activation == QuantizationScheme(type: .int8, isSymmetric: true), "\(name)")
            #expect(preset.weight == configuration.weight, "\(name)")
        }
        let empty = QConfig(weightObserver: nil, actObserver: nil, weightFakeQuant: nil, actFakeQuant: nil)
        #expect(throws: QConfigError.integers("mine", nil)) { try PostTrainingConfiguration(empty, named: "mine") }
    }

    @Test func calibrationsRefuseWhatOnlyTrainingCanFollow() throws {
        func refusal(_ change: (inout QConfig) -> Void) throws -> QConfigError {
            var recipe = QConfig.minMaxFakequant
            change(&recipe)
            return try #require(throws: QConfigError.self) { try PostTrainingConfiguration(recipe, named: "mine") }
        }
        #expect(throws: QConfigError.needsTraining("tqt", "TQT")) { try PostTrainingConfiguration(preset: "tqt") }
        #expect(
            try refusal { $0.actFakeQuant = FakeQuantSpecification(.lsq, dtype: .qint8) }
                == .needsTraining("mine", "LSQ"))
        #expect(try refusal { $0.actFakeQuant?.dtype = .quint8 } == .differentIntegers("mine", .qint8, .quint8))
        #expect(try refusal { $0.actObserver?.epsilon = 1e-3 } == .epsilon("mine", 1e-3))
        let average = ObserverSpecification.Algorithm.exponentialMovingAverage(momentum: 0.5)
        let error = try refusal { $0.weightObserver?.algorithm = average }
        #expect(error == .weightObserver("mine", "ExponentialMovingAverageObserver"))
        for error in [error, .needsTraining("mine", "LSQ"), .epsilon("mine", 1), .fourBit("mine")] {
            #expect(error.description.contains("tare finetune") && error.description.contains("'mine'"), "\(error)")
        }
    }
}
