import Foundation
import ONNXFormat
import OperatorReference
import TestSupport
import Testing

/// What is said about operators.
@Suite struct OperatorReferenceTests {
    @Test func pageIsWhatTheCodeSays() throws {
        let page = Fixtures.directory.appending(path: "../../docs/operators.md")
        let committed = try String(contentsOf: page, encoding: .utf8)
        #expect(
            committed == (try OperatorReference().markdown) + "\n",
            "docs/operators.md is stale: tare operators --markdown > docs/operators.md")
    }

    /// Every operator of ONNX up to the newest opset is read, or refused with a reason.
    @Test func everyOperatorOfONNXIsKnown() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let script = """
            import onnx.defs, sys
            newest = int(sys.argv[1])
            schemas = onnx.defs.get_all_schemas_with_history()
            print(" ".join(sorted({s.name for s in schemas if s.domain == "" and s.since_version <= newest})))
            """
        let run = try PythonOracle.run(
            python, script: script, arguments: [String(ONNXModel.supportedOpsets.upperBound)])
        try #require(run.status == 0, Comment(rawValue: run.output))
        let names = Set(run.output.split(whereSeparator: \.isWhitespace).map(String.init))
        let read = Set(ONNXOperator.all.filter(\.domain.isEmpty).map(\.name))
        let refused = Set(RefusedOperator.all.map(\.name))
        #expect(names.subtracting(read).subtracting(refused).isEmpty)
        #expect(refused.subtracting(names).isEmpty)
        #expect(read.isDisjoint(with: refused))
        #expect(names.count > 190)
    }

    @Test func convolutionIsDescribed() throws {
        let reference = try OperatorReference { $0 == "Conv" || $0 == "Reshape" || $0 == "Relu" || $0 == "Where" }
        let byName = Dictionary(uniqueKeysWithValues: reference.operators.map { ($0.name, $0) })
        let convolution = try #require(byName["Conv"])
        #expect(convolution.opsetText == "7 to 26")
        #expect(convolution.elementTypeText == "floats")
        #expect(convolution.kernelText == "fast with constant parameters: float32")
        #expect(
            convolution.quantization
                == "yes, with a scale of its own; weight int8 (per channel, axis 0); bias int32")
        #expect(byName["Reshape"]?.quantization == "yes, with the scale of its input")
        #expect(byName["Relu"]?.quantization == "disappears into the range of what writes its input")
        #expect(byName["Where"]?.elementTypeText == "all")
    }
}
