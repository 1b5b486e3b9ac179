import Graphs
import Tensors

/// How a module is named when it is not known, and how names stay unique.
enum ModulePath {
    /// The path that a module wants.
    ///
    /// In this order: what the exporter wrote; the weight's name without `.weight`, else the bias's without `.bias`; the
    /// node's name without leading slashes and the operator's name, with dots for slashes.
    static func wanted(node: Node, weight: String, bias: String?) -> String {
        if let path = node.module?.path, !path.isEmpty { return path }
        if let path = weight.removingSuffix(".weight") { return path }
        if let path = bias?.removingSuffix(".bias") { return path }
        return path(ofNode: node.name, operatorName: node.op.name)
    }

    /// The part of a node's name behind the last slash.
    static func lastPart(ofNode name: String) -> String {
        name.split(separator: "/").last.map(String.init) ?? name
    }

    /// `/layer1/0/conv1/Conv` gives `layer1.0.conv1`; so does `/layer1/layer1.0/conv1/Conv_1`.
    static func path(ofNode name: String, operatorName: String) -> String {
        var parts: [String] = []
        for part in name.split(separator: "/").map(String.init) {
            // PyTorch's older exporter repeats the path so far in each element of a container.
            if let last = parts.last, part.hasPrefix(last + ".") { parts.removeLast() }
            parts.append(part)
        }
        if parts.count > 1, let last = parts.last {
            let suffix = last.dropFirst(operatorName.count)
            let isNumber = suffix.isEmpty || (suffix.first == "_" && suffix.dropFirst().allSatisfy(\.isNumber))
            if last.hasPrefix(operatorName), isNumber { parts.removeLast() }
        }
        return parts.isEmpty ? name : parts.joined(separator: ".")
    }
}

extension String {
    /// The text before a suffix; `nil` when it does not end so, or there is nothing before it.
    fileprivate func removingSuffix(_ suffix: String) -> String? {
        hasSuffix(suffix) && count > suffix.count ? String(dropLast(suffix.count)) : nil
    }
}

/// Gives modules paths under which no other value lies.
struct UniquePaths {
    private var taken: Set<String> = []
    private let values: Set<String>
    private let constants: [String: Tensor]

    /// - Parameters:
    ///   - values: Names of values that stay in the graph.
    ///   - constants: The graph's initializers: a parameter may keep the name of one that it equals.
    init(values: Set<String>, constants: [String: Tensor]) {
        self.values = values
        self.constants = constants
    }

    /// The wanted path, or with the first number behind it that makes it free.
    mutating func take(_ wanted: String, parameters: [StateDictionary.Entry]) -> String {
        var path = wanted
        var number = 1
        while taken.contains(path) || !isFree(path, parameters) {
            path = "\(wanted)_\(number)"
            number += 1
        }
        taken.insert(path)
        return path
    }

    private func isFree(_ path: String, _ parameters: [StateDictionary.Entry]) -> Bool {
        MLUInput.allCases.compactMap(\.stateKey).allSatisfy { key in
            let name = "\(path).\(key)"
            guard values.contains(name) else { return true }
            return parameters.contains { $0.name == key && constants[name] == $0.tensor }
        }
    }
}
