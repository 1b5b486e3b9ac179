internal import Foundation
internal import Graphs
internal import SwiftProtobuf
internal import Tensors

/// A node of an operator, as small as it can be: what the importer and everybody behind it make of the operator is tried with it.
struct OperatorSpecimen: Sendable {
    /// An input of the node.
    enum Input: Sendable {
        /// Data of the element type that is tried.
        case data([Int])
        /// Zeros of the element type that is tried; a constant, or data when parameters are to come with the data.
        case parameter([Int])
        /// A constant.
        case constant(Tensor)
        /// Data of one element type.
        case other(ElementType, [Int])
        /// Data that only a graph inside of the node reads.
        case captured([Int])
        /// Nothing.
        case absent

        static func data(_ extents: Int...) -> Input { .data(extents) }
        static func parameter(_ extents: Int...) -> Input { .parameter(extents) }
        /// A constant list of integers.
        static func integers(_ values: Int64...) -> Input {
            .constant(Tensor(shape: [values.count], elements: values))
        }
        /// One constant number.
        static func number<Element: TensorElement>(_ value: Element) -> Input { .constant(Tensor(scalar: value)) }
    }

    /// A value of an attribute.
    enum Attribute: Sendable {
        case integer(Int)
        case integers([Int])
        case text(String)
        case number(Float)
        case graph(Onnx_GraphProto)
        /// Zeros of the element type that is tried.
        case zeros([Int])
    }

    let inputs: [Input]
    let attributes: [String: Attribute]
    let outputCount: Int

    init(_ inputs: Input..., attributes: [String: Attribute] = [:], outputCount: Int = 1) {
        self.inputs = inputs
        self.attributes = attributes
        self.outputCount = outputCount
    }
}

extension OperatorSpecimen {
    /// The model of the node alone.
    func graph(
        of name: String, domain: String, opset: Int, elementType: ElementType, parametersAreConstant: Bool
    ) throws(ONNXImportError) -> Graph {
        var model = Onnx_ModelProto()
        model.irVersion = 10
        model.opsetImport = [
            Self.opset("", opset),
            Self.opset(QuantizedFamily.domain, QuantizedFamily.opset),
        ]
        model.graph.name = name
        var node = Onnx_NodeProto()
        node.name = name
        node.opType = name
        node.domain = domain
        node.attribute = attributes.sorted { $0.key < $1.key }.map {
            $0.value.message(name: $0.key, elementType: elementType)
        }
        for (index, input) in inputs.enumerated() {
            let name = Self.add(
                input, named: "input_\(index)", elementType: elementType,
                parametersAreConstant: parametersAreConstant, to: &model.graph)
            if let name { node.input.append(name) }
        }
        node.output = (0..<outputCount).map { "output_\($0)" }
        model.graph.node = [node]
        // The type is not looked at: what is inferred counts.
        model.graph.output = node.output.map {
            TensorEncoder.message($0, TensorType(elementType: elementType, dimensions: nil))
        }
        let bytes: Data
        do {
            bytes = try model.serializedData()
        } catch {
            throw .notONNX(source: name, byteCount: 0, reason: "\(error)")
        }
        return try ONNXModel.load(from: bytes, baseDirectory: nil, source: name).graph
    }

    private static func opset(_ domain: String, _ version: Int) -> Onnx_OperatorSetIdProto {
        var entry = Onnx_OperatorSetIdProto()
        entry.domain = domain
        entry.version = Int64(version)
        return entry
    }

    /// Adds an input to the model.
    ///
    /// - Returns: What the node reads: a name, empty when it is absent; `nil` when the node does not list it.
    private static func add(
        _ input: Input, named name: String, elementType: ElementType, parametersAreConstant: Bool,
        to graph: inout Onnx_GraphProto
    ) -> String? {
        func data(_ type: ElementType, _ extents: [Int]) -> Onnx_ValueInfoProto {
            TensorEncoder.message(name, TensorType(elementType: type, shape: Shape(extents)))
        }
        switch input {
        case .absent: return ""
        case .captured(let extents):
            graph.input.append(data(elementType, extents))
            return nil
        case .data(let extents): graph.input.append(data(elementType, extents))
        case .other(let type, let extents): graph.input.append(data(type, extents))
        case .constant(let tensor): graph.initializer.append(TensorEncoder.message(tensor, name: name))
        case .parameter(let extents):
            if parametersAreConstant {
                let zeros = Tensor(zeros: Shape(extents), elementType: elementType)
                graph.initializer.append(TensorEncoder.message(zeros, name: name))
            } else {
                graph.input.append(data(elementType, extents))
            }
        }
        return name
    }
}

extension OperatorSpecimen.Attribute {
    fileprivate func message(name: String, elementType: ElementType) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        attribute.name = name
        switch self {
        case .integer(let value): (attribute.type, attribute.i) = (.int, Int64(value))
        case .integers(let values): (attribute.type, attribute.ints) = (.ints, values.map(Int64.init))
        case .text(let text): (attribute.type, attribute.s) = (.string, Data(text.utf8))
        case .number(let value): (attribute.type, attribute.f) = (.float, value)
        case .zeros(let extents):
            let zeros = Tensor(zeros: Shape(extents), elementType: elementType)
            (attribute.type, attribute.t) = (.tensor, TensorEncoder.message(zeros, name: ""))
        case .graph(let graph): (attribute.type, attribute.g) = (.graph, graph)
        }
        return attribute
    }
}
