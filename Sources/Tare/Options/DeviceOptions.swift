import ArgumentParser
import Kernels
import MLU

/// The simulated device.
struct DeviceChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The device that is simulated: server, edge, or a JSON file with its parameters.",
            discussion: "Examples/devices has two; docs/mlu.md says what the parameters mean.",
            valueName: "name-or-file"))
    var device: String = DeviceModel.server.name

    /// The device.
    ///
    /// - Throws: `MLUError.deviceModel`.
    func makeDevice() throws(MLUError) -> MLUDevice {
        MLUDevice(try DeviceModel(named: device))
    }
}

/// The simulated device and how a model runs on it.
struct DeviceOptions: ParsableArguments {
    @OptionGroup
    var choice: DeviceChoice

    @Flag(help: "Show where the device's cycles go, operator by operator.")
    var profile = false

    @Flag(help: "cnnl: compute with powers of two as steps, as the real eager library does.")
    var cnnlPositions = false

    @Flag(
        inversion: .prefixedNo,
        help: "cnnl: run an LSTM as one large operator, or as many small ones.")
    var mluFusion = true

    /// How quantized modules compute.
    var arithmetic: MLUArithmetic { cnnlPositions ? .positions : .exact }
}
