import Foundation
import TestSupport

/// The bundled digits example.
enum Example {
    private static let folder = Fixtures.directory.appending(path: "../../Examples/digits").standardizedFileURL

    /// The float model.
    static var model: String { folder.appending(path: "digits.onnx").path }
    /// 256 calibration images.
    static var calibration: String { folder.appending(path: "calibration.npz").path }
    /// 450 test images with labels.
    static var evaluation: String { folder.appending(path: "evaluation.npz").path }
}
