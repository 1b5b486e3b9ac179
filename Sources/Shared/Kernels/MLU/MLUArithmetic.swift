/// How the simulated device turns stored scales into the scales with which it computes.
public enum MLUArithmetic: String, Hashable, Sendable, CaseIterable {
    /// The stored scales as they are: the guide's formula `round(x * scale)`, `qy / scale1 / scale2`.
    case exact
    /// The power-of-two positions of the device's eager library; see `MLUPositions`.
    case positions

    /// Most products that an int8 module sums for one output: one more could leave the range of Int32.
    public static let maximumInt8ProductCount = 131_071
}
