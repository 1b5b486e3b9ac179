/// Which samples of a dataset are used.
public enum SampleSelection: Sendable, Hashable {
    /// All, in their order.
    case all
    /// The first `count`.
    case first(Int)
    /// A choice of `count` that depends only on the seed and the number of samples; they keep their order.
    case random(count: Int, seed: UInt64)

    /// At most `limit` samples: drawn when there is a seed, else the first.
    public init(limit: Int?, seed: UInt64?) {
        self =
            switch (limit, seed) {
            case (let count?, let seed?): .random(count: count, seed: seed)
            case (let count?, nil): .first(count)
            case (nil, _): .all
            }
    }

    /// The chosen sample indices in ascending order; `nil` stands for all.
    func indices(of available: Int) throws(DatasetError) -> [Int]? {
        switch self {
        case .all: return nil
        case .first(let count):
            try check(count, available)
            return Array(0..<count)
        case .random(let count, let seed):
            try check(count, available)
            var state = seed
            var chosen: [Int] = []
            chosen.reserveCapacity(count)
            // Selection sampling: each index is taken with the probability (still wanted) / (still left).
            for index in 0..<available where chosen.count < count {
                let left = UInt64(available - index)
                if Self.uniform(below: left, &state) < UInt64(count - chosen.count) { chosen.append(index) }
            }
            return chosen
        }
    }

    private func check(_ count: Int, _ available: Int) throws(DatasetError) {
        guard count >= 0, count <= available else {
            throw .tooFewSamples(requested: count, available: available)
        }
    }

    /// A number below `bound`, each equally likely: SplitMix64 and rejection.
    ///
    /// The algorithm is part of the result's identity and must not change with the Swift version.
    private static func uniform(below bound: UInt64, _ state: inout UInt64) -> UInt64 {
        let limit = UInt64.max - UInt64.max % bound
        while true {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            if z < limit { return z % bound }
        }
    }
}

extension SampleSelection: CustomStringConvertible {
    /// For example `first 512` or `random 512 seed 7`.
    public var description: String {
        switch self {
        case .all: "all"
        case .first(let count): "first \(count)"
        case .random(let count, let seed): "random \(count) seed \(seed)"
        }
    }
}
