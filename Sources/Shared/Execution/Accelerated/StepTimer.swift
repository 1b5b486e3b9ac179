import Graphs
import Kernels

/// Adds up how long each step of a plan takes.
public final class StepTimer {
    /// Nodes of a step and the time spent in it.
    public struct Entry: Sendable {
        /// Names of the nodes that the step computes; of a value for steps that only move one.
        public var nodes: [String]
        /// How it computes them: the library's implementation, or the kind of step.
        public var implementation: String
        /// Time in all runs.
        public var duration: Duration

        /// The names as one text.
        public var node: String { nodes.joined(separator: " + ") }
    }

    /// One entry for each step, in order.
    public private(set) var entries: [Entry] = []
    private let clock = ContinuousClock()
    private var start: ContinuousClock.Instant

    /// Makes a timer.
    public init() {
        start = clock.now
    }

    /// Names the steps of the plan that runs next; times go on adding up when they are the same plan's.
    func prepare(for steps: [PlanStep]) {
        guard entries.count != steps.count else { return }
        entries = steps.map { step in
            let implementation =
                switch step.action {
                case .primitive(let primitive, _): primitive.implementation
                case .reference(let call): "reference \(call.op.name)"
                case .quantize: "quantize"
                case .integerConvolution: IntegerArithmetic.ownKernels
                case .dequantize: "dequantize"
                case .round: "round"
                case .bytes(let step): step.name
                case .fakeQuantize: "fake quantize"
                case .extremes: "extremes"
                case .lowestWindows: "lowest windows"
                case .fill: "fill"
                case .observe, .observeConstant: "observe"
                }
            return Entry(nodes: step.nodes, implementation: implementation, duration: .zero)
        }
    }

    func begin() {
        start = clock.now
    }

    func end(step: Int) {
        entries[step].duration += clock.now - start
    }
}
