import Calibration
import Evaluation
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// What `tare inspect` says about a file.
enum FileDescription: Encodable {
    case model(ModelDescription)
    case manifest(ResultManifest)
    case statistics(StatisticsDescription)
    case evaluation(EvaluationStatisticsDescription)
    case arrays(ArrayFileDescription)

    /// Recognises the file by its name's ending.
    static func describe(_ path: String) throws -> FileDescription {
        let name = path.lowercased()
        if name.hasSuffix(".onnx") {
            return .model(ModelDescription(try ONNXModel.load(from: URL(filePath: path)), path: path))
        }
        if name.hasSuffix(".json") {
            let bytes = Array(try Data(contentsOf: URL(filePath: path)))
            do {
                return .manifest(try ResultManifest(jsonBytes: bytes))
            } catch {
                throw CommandFailure(.badData, "\(path) is no manifest of Tare (\(error)); name a MODEL.manifest.json")
            }
        }
        if name.hasSuffix(".safetensors") {
            let file = try Safetensors(path: path)
            if CalibrationStatistics.isEncoded(in: file) {
                return .statistics(StatisticsDescription(try CalibrationStatistics(file)))
            }
            if EvaluationStatistics.isEncoded(in: file) {
                return .evaluation(EvaluationStatisticsDescription(try EvaluationStatistics(file)))
            }
            return .arrays(ArrayFileDescription(file.tensors))
        }
        if (try? StateFileFormat(path: path)) == .pyTorch {
            return .arrays(ArrayFileDescription(try PyTorchFile.read(path: path)))
        }
        if name.hasSuffix(".npz") { return .arrays(try ArrayFileDescription(NPZFile(path: path))) }
        if name.hasSuffix(".npy") { return .arrays(ArrayFileDescription(["array": try NPYFile.read(path: path)])) }
        throw CommandFailure(
            .badData,
            "\(path): unknown kind of file; inspect reads .onnx, .manifest.json, .safetensors, .pth, .npz and .npy")
    }

    /// The description as text.
    var text: String {
        switch self {
        case .model(let description): description.text
        case .manifest(let manifest): manifest.summary
        case .statistics(let description): description.text
        case .evaluation(let description): description.text
        case .arrays(let description): description.text
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .model(let description): try description.encode(to: encoder)
        case .manifest(let manifest): try manifest.encode(to: encoder)
        case .statistics(let description): try description.encode(to: encoder)
        case .evaluation(let description): try description.encode(to: encoder)
        case .arrays(let description): try description.encode(to: encoder)
        }
    }
}
