internal import Graphs

/// Operators on quantized integers.
enum IntegerFamily {
    static let imports = [
        OperatorImport("ConvInteger", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            .integer(.convolution(try ConvolutionFamily.attributes(&node)))
        },
        OperatorImport("MatMulInteger", since: 10, as: .integer(.matMul)),
        OperatorImport("QLinearConv", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
            .integer(.requantizedConvolution(try ConvolutionFamily.attributes(&node)))
        },
        OperatorImport("QLinearMatMul", since: 10, as: .integer(.requantizedMatMul)),
        OperatorImport("DynamicQuantizeLinear", since: 11, as: .integer(.quantizeByRange)),
    ]
}

extension IntegerFamily {
    static func export(_ op: IntegerOperator, to node: inout NodeExport) {
        switch op {
        case .convolution(let attributes), .requantizedConvolution(let attributes):
            ConvolutionFamily.export(attributes, to: &node)
        case .matMul, .requantizedMatMul, .quantizeByRange: break
        }
    }
}
