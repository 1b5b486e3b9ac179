public import Foundation

/// What a simulated device can do in a cycle: the parameters of the cost model in `docs/mlu.md`.
///
/// The numbers are not those of a product. Two examples are built in, `server` and `edge`; others are read from JSON files
/// with the same keys (`Examples/devices`).
public struct DeviceModel: Hashable, Sendable, Codable {
    /// What people call it.
    public var name: String
    /// Cycles in a second.
    public var cyclesPerSecond: Double
    /// Bytes of memory.
    public var memoryBytes: Int
    /// Products of two int8 with accumulation, per cycle.
    public var int8ProductsPerCycle: Double
    /// Products of two int16 with accumulation, per cycle.
    public var int16ProductsPerCycle: Double
    /// Products of two float32 with accumulation, per cycle.
    public var float32ProductsPerCycle: Double
    /// Elements of float operators (activations, sums, pooling windows) per cycle.
    public var elementsPerCycle: Double
    /// Bytes between memory and compute units per cycle.
    public var memoryBytesPerCycle: Double
    /// Bytes between host and device per cycle.
    public var linkBytesPerCycle: Double
    /// Cycles from the begin of a copy between host and device to its first byte.
    public var linkLatencyCycles: Int
    /// Cycles that the host needs to launch one operator, or one traced graph.
    public var launchCycles: Int
    /// Cycles between two kernels of one traced graph.
    public var dispatchCycles: Int

    /// A large accelerator in a server.
    public static let server = DeviceModel(
        name: "server", cyclesPerSecond: 1e9, memoryBytes: 16 << 30, int8ProductsPerCycle: 65_536,
        int16ProductsPerCycle: 32_768, float32ProductsPerCycle: 4_096, elementsPerCycle: 4_096,
        memoryBytesPerCycle: 512, linkBytesPerCycle: 12, linkLatencyCycles: 2_000, launchCycles: 5_000,
        dispatchCycles: 200)

    /// A small accelerator beside a camera.
    public static let edge = DeviceModel(
        name: "edge", cyclesPerSecond: 8e8, memoryBytes: 2 << 30, int8ProductsPerCycle: 2_048,
        int16ProductsPerCycle: 1_024, float32ProductsPerCycle: 128, elementsPerCycle: 256,
        memoryBytesPerCycle: 16, linkBytesPerCycle: 4, linkLatencyCycles: 4_000, launchCycles: 12_000,
        dispatchCycles: 400)

    /// The built-in models.
    public static let examples = [server, edge]
}

extension DeviceModel {
    /// Makes a model of a built-in name or a file.
    ///
    /// - Parameter text: `server`, `edge`, or the path of a JSON file.
    /// - Throws: `MLUError.deviceModel` when the file cannot be read or a parameter is missing or out of range.
    public init(named text: String) throws(MLUError) {
        if let example = Self.examples.first(where: { $0.name == text }) {
            self = example
            return
        }
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: text))
        } catch {
            let names = Self.examples.map(\.name).joined(separator: ", ")
            throw .deviceModel(text, reason: "it is neither a built-in device (\(names)) nor a file that can be read")
        }
        try self.init(json: data, source: text)
    }

    /// Reads the parameters from JSON.
    ///
    /// - Throws: `MLUError.deviceModel`, naming `source` and the key.
    public init(json: Data, source: String) throws(MLUError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: json)
        } catch let DecodingError.keyNotFound(key, _) {
            throw .deviceModel(source, reason: "the key '\(key.stringValue)' is missing")
        } catch let DecodingError.typeMismatch(_, context) {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw .deviceModel(source, reason: "the value of '\(path)' has the wrong type")
        } catch {
            throw .deviceModel(source, reason: "it is no JSON object with a device's parameters")
        }
        try validate(source)
    }

    private func validate(_ source: String) throws(MLUError) {
        let rates = [
            ("cyclesPerSecond", cyclesPerSecond), ("int8ProductsPerCycle", int8ProductsPerCycle),
            ("int16ProductsPerCycle", int16ProductsPerCycle), ("float32ProductsPerCycle", float32ProductsPerCycle),
            ("elementsPerCycle", elementsPerCycle), ("memoryBytesPerCycle", memoryBytesPerCycle),
            ("linkBytesPerCycle", linkBytesPerCycle),
        ]
        // With less the cycles of large operators go beyond Int.
        for (key, rate) in rates where !(1e-3...1e15).contains(rate) {
            throw .deviceModel(source, reason: "'\(key)' is \(rate); it must be 1e-3 to 1e15")
        }
        let counts = [
            ("linkLatencyCycles", linkLatencyCycles), ("launchCycles", launchCycles),
            ("dispatchCycles", dispatchCycles),
        ]
        for (key, count) in counts where !(0...1_000_000_000).contains(count) {
            throw .deviceModel(source, reason: "'\(key)' is \(count); it must be 0 to 1e9")
        }
        guard (1 << 20...1 << 50).contains(memoryBytes) else {
            throw .deviceModel(source, reason: "'memoryBytes' is \(memoryBytes); it must be 1 MiB to 1 PiB")
        }
    }
}
