import Foundation
import Graphs
import Tensors

/// What Tare makes of a conformance case.
enum ConformanceOutcome {
    /// The expected values.
    case passed
    /// Another value, or an error in the middle.
    case failed(String)
    /// An error that names what Tare does not have, before anything is computed.
    case refused(String)

    /// Runs a case.
    init(_ conformanceCase: ConformanceCase, _ executor: ConformanceExecutor, in archive: URL) {
        let graph: Graph
        do {
            graph = try conformanceCase.graph(in: archive)
        } catch {
            self = .refused("\(error)")
            return
        }
        do {
            let outputs = try executor.run(graph, try conformanceCase.inputTensors(in: archive))
            let expected = try conformanceCase.expectedTensors(in: archive)
            for (value, wanted) in zip(conformanceCase.outputs, expected) {
                guard let actual = outputs[value.name] else {
                    self = .failed("output '\(value.name)' is missing")
                    return
                }
                let difference = try ConformanceComparison.difference(
                    actual, wanted, relative: conformanceCase.relativeTolerance,
                    absolute: conformanceCase.absoluteTolerance)
                if let difference {
                    self = .failed("output '\(value.name)': \(difference)")
                    return
                }
            }
            self = .passed
        } catch {
            self = .failed("\(error)")
        }
    }

    /// Why the case does not pass; `nil` when it does.
    var reason: String? {
        switch self {
        case .passed: nil
        case .failed(let reason), .refused(let reason): reason
        }
    }
}
