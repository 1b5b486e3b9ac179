internal import ONNXFormat
internal import Tensors

extension OperatorReference {
    /// The headings of the operators that are read, and the cells of each.
    public static let headings = ["operator", "opsets", "element types", "becomes", "kernel", "quantized"]

    /// The cells of an operator in the order of `headings`.
    public static func cells(of op: OperatorDescription) -> [String] {
        [op.name, op.opsetText, op.elementTypeText, op.operatorText, op.kernelText, op.quantization]
    }

    /// The page `docs/operators.md`.
    public var markdown: String {
        var lines = [
            "# Operators", "",
            "Made by `tare operators --markdown > docs/operators.md`: the command asks the importer, type inference, the executor",
            "and the quantizer what they do with a small node of each operator. A test compares this page with the code.",
            "",
            "* **opsets**: the versions of ONNX's operators in which it is read.",
            "* **element types**: of its data; other types are refused when a model is read, before there are data. "
                + ElementTypeGroup.allCases.map { group in
                    "*\(group.rawValue)*: \(group.types.map(\.rawValue).joined(separator: ", "))"
                }.joined(separator: "; ") + ".",
            "* **becomes**: the operators of the graph that the importer makes of it, if they are others.",
            "* **kernel**: *fast* by oneDNN or kernels of Tare's own, or as another view of memory, with the attributes' defaults;",
            "  *plain* by the reference kernels. With other attributes (dilated pooling, cubic interpolation, an even window of",
            "  LRN) a fast operator may be plain; the results are the same up to rounding.",
            "  A QuantizeLinear with the DequantizeLinear behind it is one fast step.",
            "* **quantized**: what `tare calibrate` does with it by default where its input is quantized; *no*: there is no rule for it,",
            "  it computes in floating point (`docs/quantization.md`).",
        ]
        for (domain, title) in [("", "ONNX"), ("com.microsoft", "ONNX Runtime (com.microsoft)")] {
            let own = operators.filter { $0.domain == domain }
            if own.isEmpty { continue }
            lines += ["", "## \(title)", ""] + Self.table(Self.headings, own.map(Self.cells))
        }
        if !refused.isEmpty {
            lines += [
                "", "## Refused", "",
                "Operators of ONNX up to opset \(ONNXModel.supportedOpsets.upperBound) that are not read.", "",
            ]
            lines += Self.table(["operator", "reason"], refused.map { [$0.name, $0.reason] })
        }
        return lines.joined(separator: "\n")
    }

    private static func table(_ headings: [String], _ rows: [[String]]) -> [String] {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        return [line(headings), line(headings.map { _ in "---" })] + rows.map(line)
    }
}
