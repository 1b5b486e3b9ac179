/// Steele, Lea and Flood's generator: the same numbers everywhere.
public struct SplitMix64: Sendable {
    private var state: UInt64

    /// Begins behind a state.
    public init(state: UInt64) {
        self.state = state
    }

    /// The output function.
    public static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A number of 0..<bound, all equally likely.
    public mutating func below(_ bound: Int) -> Int {
        let bound = UInt64(bound)
        let rest = (UInt64.max % bound + 1) % bound
        while true {
            let bits = next()
            if bits <= UInt64.max - rest { return Int(bits % bound) }
        }
    }

    /// A multiple of 2^-24 from 0 to below 1, all equally likely.
    public mutating func share() -> Float { Float(next() >> 40) * 0x1p-24 }
}
