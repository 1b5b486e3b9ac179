internal import Graphs
internal import Tensors

/// Spectra, windows and filters.
enum SignalFamily {
    static let imports =
        SignalOperator.Window.allCases.map { window in
            OperatorImport(window.rawValue, since: 17) { (node: inout NodeImport) throws(NodeRefusal) in
                .signal(
                    .window(
                        window, isPeriodic: try node.attributes.flag("periodic") ?? true,
                        elementType: try elementType(&node)))
            }
        }
        + [
            OperatorImport("DFT", since: 17) { (node: inout NodeImport) throws(NodeRefusal) in
                if node.opset < 20 {
                    // The axis was an attribute, whose default was the first axis behind the batch.
                    let axis = try node.attributes.integer("axis") ?? 1
                    node.setInput(2, role: "axis", to: Tensor(scalar: Int64(axis)))
                }
                return .signal(
                    .fourierTransform(
                        isInverse: try node.attributes.flag("inverse") ?? false,
                        isOneSided: try node.attributes.flag("onesided") ?? false))
            },
            OperatorImport("STFT", since: 17) { (node: inout NodeImport) throws(NodeRefusal) in
                .signal(.shortTimeFourierTransform(isOneSided: try node.attributes.flag("onesided") ?? true))
            },
            OperatorImport("MelWeightMatrix", since: 17) { (node: inout NodeImport) throws(NodeRefusal) in
                .signal(.melWeights(elementType: try elementType(&node)))
            },
        ]

    private static func elementType(_ node: inout NodeImport) throws(NodeRefusal) -> ElementType {
        guard let code = try node.attributes.integer("output_datatype") else { return .float32 }
        guard let type = ElementType(onnxCode: code), type != .bool else {
            throw .attribute("output_datatype", "Tare has no numbers with the code \(code)")
        }
        return type
    }
}

extension SignalFamily {
    static func minimumOpset(_ op: SignalOperator) -> Int {
        if case .fourierTransform = op { 20 } else { 17 }
    }

    static func export(_ op: SignalOperator, to node: inout NodeExport) {
        switch op {
        case .window(_, let isPeriodic, let type):
            node.set("periodic", isPeriodic)
            node.set("output_datatype", type.onnxCode)
        case .fourierTransform(let isInverse, let isOneSided):
            node.set("inverse", isInverse)
            node.set("onesided", isOneSided)
        case .shortTimeFourierTransform(let isOneSided): node.set("onesided", isOneSided)
        case .melWeights(let type): node.set("output_datatype", type.onnxCode)
        }
    }
}
