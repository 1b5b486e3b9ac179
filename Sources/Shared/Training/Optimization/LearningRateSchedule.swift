#if canImport(Glibc)
import Glibc
#endif

/// The learning rate of each step, a function of the step alone.
public struct LearningRateSchedule: Sendable, Hashable, Codable {
    /// How the rate goes down.
    public enum Decay: Sendable, Hashable, Codable {
        /// It does not.
        case constant
        /// `base * (1 - step / total)`, and 0 from step `total` on.
        case linear(total: Int)
        /// `base * (1 + cos(pi * step / total)) / 2`, and 0 from step `total` on.
        case cosine(total: Int)
        /// Times `gamma` at each milestone: `base * gamma ^ (number of milestones <= step)`.
        case steps(milestones: [Int], gamma: Double)
    }

    /// The rate before any decay.
    public var base: Double
    /// How the rate goes down.
    public var decay: Decay
    /// Number of steps in which the rate rises linearly; 0 is none.
    ///
    /// Step `s` < `warmUp` has `(s + 1) / warmUp` of its rate.
    public var warmUp: Int

    /// Makes a schedule.
    public init(base: Double, decay: Decay = .constant, warmUp: Int = 0) {
        self.base = base
        self.decay = decay
        self.warmUp = warmUp
    }

    /// The rate of step `step`; the first is 0.
    public func rate(step: Int) -> Double {
        var rate = base
        switch decay {
        case .constant: break
        case .linear(let total): rate *= total > 0 ? max(0, 1 - Double(step) / Double(total)) : 0
        case .cosine(let total):
            rate *= step < total ? (1 + cos(Double.pi * Double(step) / Double(total))) / 2 : 0
        case .steps(let milestones, let gamma): rate *= pow(gamma, Double(milestones.count { $0 <= step }))
        }
        return step < warmUp ? rate * Double(step + 1) / Double(warmUp) : rate
    }
}
