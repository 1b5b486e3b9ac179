import ArgumentParser
import Conversion
import ONNXFormat
import OperatorReference

/// `tare operators`: says what Tare does with each operator of ONNX.
struct OperatorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operators",
        abstract: "Say which operators of ONNX are read, for which types, how fast, and how they are quantized.",
        discussion: """
            Asks the importer, type inference, the executor and the quantizer what they do with a small node of each \
            operator. docs/operators.md is the output of 'tare operators --markdown'.

            Examples:
              tare operators
              tare operators Conv 'Reduce*'
              tare operators --json
              tare operators --markdown > docs/operators.md
            """)

    @Argument(help: ArgumentHelp("Only these operators; * and ? stand for any characters.", valueName: "name"))
    var names: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print the page docs/operators.md.")
    var markdown = false

    func validate() throws {
        if json, markdown { throw ValidationError("--json and --markdown exclude each other.") }
    }

    func run() throws {
        try FailureReport.exitOnFailure {
            let patterns = names.map(NodeNamePattern.init)
            let reference = try OperatorReference { name in
                patterns.isEmpty || patterns.contains { $0.matches(name) }
            }
            let found = reference.operators.map(\.name) + reference.refused.map(\.name)
            for pattern in patterns where !found.contains(where: pattern.matches) {
                throw CommandFailure(.usage, "ONNX has no operator '\(pattern.text)' that Tare knows")
            }
            if json {
                StandardStreams.writeOutput(try JSONText.encode(reference))
            } else {
                StandardStreams.writeOutput(markdown ? reference.markdown : Self.text(reference))
            }
        }
    }

    private static func text(_ reference: OperatorReference) -> String {
        var table = TextTable(OperatorReference.headings, ofWords: true)
        for op in reference.operators {
            var cells = OperatorReference.cells(of: op)
            if !op.domain.isEmpty { cells[0] = "\(op.domain)::\(op.name)" }
            table.append(cells)
        }
        let refused = reference.refused.map { "\($0.name) is refused: \($0.reason)" }
        return ((reference.operators.isEmpty ? [] : table.lines) + refused).joined(separator: "\n")
    }
}
