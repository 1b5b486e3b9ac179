import Execution
import Foundation
import Graphs
import Tensors
import Testing

@testable import ONNXFormat

/// Which element types operators take: the table against the kernels.
@Suite struct ElementTypeTests {
    @Test func wrongTypeIsRefusedBeforeThereAreData() throws {
        var model = ModelBuilder()
        model.input("x", [1, 1, 3, 3], type: 6)
        model.proto.graph.initializer = [ModelBuilder.floats("w", [1, 1, 1, 1], [1])]
        model.proto.graph.node = [ModelBuilder.node("Conv", ["x", "w"], ["y"], name: "first")]
        model.output("y", [1, 1, 3, 3], type: 6)
        let description = try model.importError()?.description ?? ""
        #expect(description.hasPrefix("Node 'first' (Conv) cannot take int32[1, 1, 3, 3], float32[1, 1, 1, 1]: "))
        #expect(
            description.hasSuffix("input 0 is int32 but must be float32, float16, bfloat16 or float64; insert a Cast"))
    }

    @Test func typeThatFollowsAnotherIsNamed() {
        func refusal(_ op: Operator, _ types: ElementType?...) -> OperatorTypes.Refusal? {
            do throws(OperatorTypes.Refusal) {
                try op.elementTypes.check(types)
                return nil
            } catch {
                return error
            }
        }
        let sum = refusal(.binary(.add), .float32, .int64)
        #expect(sum?.description == "input 1 is int64 but must be float32; insert a Cast")
        #expect(refusal(.binary(.add), .float32, nil) == nil)
        // The third of each triple is as its first.
        let triples = refusal(
            .quantized(.concat(axis: 0)), .float32, .int8, .int8, .float32, .int8, .uint8, .float32, .int8)
        #expect(triples?.input == 7)
        #expect(triples?.allowed == [.uint8])
    }

    /// What kernels would refuse by type is refused before; what is taken is computed.
    @Test(arguments: ConformanceExecutor.allCases)
    func everyTypeThatIsTakenIsComputed(executor: ConformanceExecutor) throws {
        for op in ONNXOperator.all {
            var computed = 0
            for type in ElementType.allCases {
                guard let graph = try? op.specimen(elementType: type) else { continue }
                let inputs = graph.inputs.map { input in
                    (
                        input.name,
                        Self.ones(
                            input.type.shape ?? [], input.type.elementType, isIndex: input.type.elementType != type)
                    )
                }
                do {
                    _ = try executor.run(graph, Dictionary(uniqueKeysWithValues: inputs))
                    computed += 1
                } catch {
                    Issue.record("\(op.domain)::\(op.name) of \(type): \(error)")
                }
            }
            #expect(computed > 0, "\(op.domain)::\(op.name) is computed in no type")
        }
    }

    /// Ones, or zeros for indices.
    private static func ones(_ shape: Shape, _ type: ElementType, isIndex: Bool) -> Tensor {
        let zeros = Tensor(zeros: shape, elementType: type)
        if isIndex { return zeros }
        let count = shape.elementCount
        return switch type {
        case .float32: Tensor(shape: shape, elements: [Float](repeating: 1, count: count))
        case .float16: Tensor(shape: shape, elements: [Float16](repeating: 1, count: count))
        case .bfloat16: Tensor(shape: shape, elements: [BFloat16](repeating: BFloat16(1), count: count))
        case .float64: Tensor(shape: shape, elements: [Double](repeating: 1, count: count))
        case .int8: Tensor(shape: shape, elements: [Int8](repeating: 1, count: count))
        case .uint8: Tensor(shape: shape, elements: [UInt8](repeating: 1, count: count))
        case .int16: Tensor(shape: shape, elements: [Int16](repeating: 1, count: count))
        case .uint16: Tensor(shape: shape, elements: [UInt16](repeating: 1, count: count))
        case .int32: Tensor(shape: shape, elements: [Int32](repeating: 1, count: count))
        case .uint32: Tensor(shape: shape, elements: [UInt32](repeating: 1, count: count))
        case .int64: Tensor(shape: shape, elements: [Int64](repeating: 1, count: count))
        case .uint64: Tensor(shape: shape, elements: [UInt64](repeating: 1, count: count))
        case .bool: Tensor(shape: shape, elements: [Bool](repeating: true, count: count))
        }
    }
}
