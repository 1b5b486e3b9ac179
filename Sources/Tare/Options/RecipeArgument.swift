import Foundation
import Quantization
import Tensors
import Yams

/// A recipe as a command line gives it: a preset, a YAML file, or the recipe itself between braces.
struct RecipeArgument: Equatable {
    /// What was written.
    let text: String

    private static let maximumBytes = 1 << 20

    /// Whether it names a file, which only the machine can read that it lies on.
    var isFile: Bool { !isWhole && [".yaml", ".yml"].contains(where: text.lowercased().hasSuffix) }

    /// Whether it is the recipe itself.
    private var isWhole: Bool { text.hasPrefix("{") }

    /// What messages call it.
    private var name: String { isWhole ? "{...}" : text }

    /// The recipe.
    ///
    /// - Throws: `QConfigError` for an unknown preset; `CommandFailure` that names the file and the key that is wrong.
    func qconfig() throws -> QConfig {
        if isWhole { return try Self.decode(text, name: "The recipe \(text)") }
        guard isFile else { return try QConfig(named: text) }
        let file = try InputFile(path: InputPath.existingFile(text, what: "The file with the recipes"))
        guard file.byteCount <= Self.maximumBytes,
            let content = String(validating: try file.bytes(0..<file.byteCount), as: UTF8.self)
        else { throw CommandFailure(.configuration, "\(text) is no UTF-8 text of at most 1 MiB") }
        return try Self.decode(content, name: text)
    }

    /// What a calibration makes of it.
    ///
    /// - Throws: `QConfigError` also for what only training can follow.
    func configuration() throws -> PostTrainingConfiguration {
        guard isWhole || isFile || QConfig.trainedNames.contains(text) else {
            return try PostTrainingConfiguration(preset: text)
        }
        return try PostTrainingConfiguration(qconfig(), named: name)
    }

    /// The same without a file, for another machine.
    func withoutFile() throws -> RecipeArgument {
        isFile ? try RecipeArgument(qconfig()) : self
    }

    private static func decode(_ text: String, name: String) throws -> QConfig {
        do {
            return try YAMLDecoder().decode(QConfig.self, from: text)
        } catch {
            throw CommandFailure(.configuration, "\(name): \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        if case DecodingError.dataCorrupted(let context) = error { return context.debugDescription }
        return "\(error)"
    }
}

extension RecipeArgument {
    /// Writes a recipe between braces.
    init(_ qconfig: QConfig) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        text = String(decoding: try encoder.encode(qconfig), as: UTF8.self)
    }
}

/// `PATTERN=RECIPE`: a recipe for some nodes or modules.
struct RecipeOverride: Equatable {
    /// Names with `*` and `?`, or the name of an operator or module.
    let pattern: String
    /// Their recipe.
    let recipe: RecipeArgument

    /// Takes a value of `--qconfig-for` apart.
    ///
    /// - Throws: `CommandFailure` without a pattern and a recipe.
    init(_ text: String) throws {
        // A name may hold this sign, a preset or file hardly ever; between braces there may be anything.
        let head = text.firstRange(of: "={")?.lowerBound ?? text.lastIndex(of: "=")
        guard let sign = head, sign > text.startIndex, text.index(after: sign) < text.endIndex else {
            throw CommandFailure(
                .usage, "--qconfig-for takes PATTERN=PRESET, such as 'Conv=ema_fakequant', not '\(text)'")
        }
        pattern = String(text[..<sign])
        recipe = RecipeArgument(text: String(text[text.index(after: sign)...]))
    }

    /// The value of `--qconfig-for`, without files.
    func textWithoutFile() throws -> String { "\(pattern)=\(try recipe.withoutFile().text)" }
}

extension QConfig {
    /// Presets beside MegEngine's, which leaves them to its users: trained steps, and 4 bits with trained thresholds.
    static let trainedNames = ["lsq", "lsq_int4", "tqt_int4"]

    /// A preset of MegEngine, or one of those beside them.
    fileprivate init(named name: String) throws(QConfigError) {
        func trained(_ algorithm: FakeQuantSpecification.Algorithm, _ weight: QuantDtype, _ act: QuantDtype) -> QConfig
        {
            QConfig(
                weightObserver: nil, actObserver: nil,
                weightFakeQuant: FakeQuantSpecification(algorithm, dtype: weight),
                actFakeQuant: FakeQuantSpecification(algorithm, dtype: act))
        }
        switch name {
        case "lsq": self = trained(.lsq, .qint8Narrow, .qint8)
        case "lsq_int4": self = trained(.lsq, .qint4, .qint4)
        case "tqt_int4": self = trained(.tqt, .qint4, .qint4)
        default:
            guard Self.presetNames.contains(name) else {
                throw .unknownPreset(name, accepted: (Self.presetNames + Self.trainedNames).sorted())
            }
            try self.init(preset: name)
        }
    }
}
