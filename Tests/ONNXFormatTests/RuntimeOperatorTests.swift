import Execution
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Operators with random inputs against what ONNX Runtime computes at the time of the test.
@Suite struct RuntimeOperatorTests {
    @Test func operatorsGiveWhatTheRuntimeComputes() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-operators-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = Self.preamble + Self.floatCases + Self.integerCases + Self.runtimeCases
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".onnx") }
        #expect(names.count > 40)
        for name in names.sorted() {
            let model = folder.appending(path: name)
            let graph = try ONNXModel.load(from: model).graph
            let arrays = try NPZFile.read(path: model.deletingPathExtension().appendingPathExtension("npz").path)
            var inputs: [String: Tensor] = [:]
            for input in graph.inputs {
                let tensor: Tensor = try #require(arrays["in_" + input.name])
                inputs[input.name] = tensor
            }
            for executor in ConformanceExecutor.allCases {
                let outputs = try executor.run(graph, inputs)
                for output in graph.outputs {
                    let actual = try #require(outputs[output.name])
                    let expected: Tensor = try #require(arrays["out_" + output.name])
                    let difference = try ConformanceComparison.difference(
                        actual, expected, relative: 1e-4, absolute: 1e-5)
                    #expect(difference == nil, "\(name), \(executor.rawValue) executor, '\(output.name)'")
                }
            }
        }
    }

    /// `case` writes a model of one node, its inputs and what ONNX Runtime makes of them; the seed is the case's number.
    private static let preamble = """
        import sys, numpy as np, onnx, onnxruntime as ort
        from onnx import helper, numpy_helper
        count = 0
        def case(op, inputs, outputs=1, opset=21, constants=(), domain="", attributes=None, **more):
            global count
            attributes = (attributes or {}) | more
            count += 1
            names = ["" if value is None else f"x{i}" for i, value in enumerate(inputs)]
            known = {n: v for n, v in zip(names, inputs) if n}
            results = [f"y{i}" for i in range(outputs)]
            node = helper.make_node(op, names, results, domain=domain, **attributes)
            graph = helper.make_graph(
                [node], op,
                [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
                 for n, v in known.items() if int(n[1:]) not in constants],
                [helper.make_empty_tensor_value_info(r) for r in results],
                [numpy_helper.from_array(v, n) for n, v in known.items() if int(n[1:]) in constants])
            opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
            model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
            options = ort.SessionOptions()
            options.log_severity_level = 3
            options.intra_op_num_threads = 1
            session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            feed = {n: v for n, v in known.items() if int(n[1:]) not in constants}
            values = session.run(None, feed)
            for value, array in zip(model.graph.output, values):
                kind = helper.np_dtype_to_tensor_dtype(array.dtype)
                value.CopyFrom(helper.make_tensor_value_info(value.name, kind, array.shape))
            path = f"{sys.argv[1]}/{count:03}_{op}"
            onnx.save(model, path + ".onnx")
            arrays = {"in_" + n: v for n, v in feed.items()} | {"out_" + r: v for r, v in zip(results, values)}
            np.savez(path + ".npz", **arrays)
        def noise(*shape, dtype=np.float32):
            return np.random.default_rng(count).standard_normal(shape).astype(dtype)
        def whole(low, high, shape, dtype, salt=0):
            return np.random.default_rng(count + 1000 * (salt + 1)).integers(low, high, shape).astype(dtype)
        def real(value):
            return np.array(value, dtype=np.float32)

        """

    private static let floatCases = """
        for kind in (np.float32, np.float16):
            case("InstanceNormalization", [noise(2, 3, 4, 5, dtype=kind), noise(3, dtype=kind), noise(3, dtype=kind)])
        case("GroupNormalization", [noise(2, 6, 4, 5), noise(6), noise(6)], num_groups=3)
        case("GroupNormalization", [noise(2, 6, 4, 5), noise(3), noise(3)], opset=18, num_groups=3, epsilon=0.1)
        for axis, p in ((0, 1), (1, 2), (-1, 1)):
            case("LpNormalization", [noise(3, 4, 5)], axis=axis, p=p)
        case("MeanVarianceNormalization", [noise(2, 3, 4, 5)])
        case("MeanVarianceNormalization", [noise(2, 3, 4, 5)], axes=[1, 3])
        for opset, axis in ((11, 1), (13, 1), (13, -1)):
            case("Hardmax", [whole(0, 4, (3, 4, 5), np.float32)], opset=opset, axis=axis)
        for op in ("ReduceL1", "ReduceProd", "ReduceLogSum", "ReduceLogSumExp"):
            data = np.abs(noise(3, 4, 5)) + 0.1
            case(op, [data, np.array([1], np.int64)], constants=[1])
            case(op, [data, np.array([0, -1], np.int64)], constants=[1], keepdims=0)
            case(op, [data], opset=13, axes=[1, 2])
            case(op, [data], opset=11, keepdims=0)
        for op in ("ReduceL1", "ReduceProd"):
            case(op, [whole(-9, 9, (3, 4), np.int32), np.array([1], np.int64)], constants=[1])
        for p in (1, 2, 3):
            case("LpPool", [noise(2, 3, 7, 6)], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=p)
            case("GlobalLpPool", [noise(2, 3, 7, 6)], p=p)
        case("LpPool", [noise(2, 3, 7, 6)], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
        places = np.array([[[[6, 8], [16, 19]]]], np.int64)
        case("MaxUnpool", [noise(1, 1, 2, 2), places, np.array([1, 1, 5, 5], np.int64)], constants=[2],
             kernel_shape=[2, 2], strides=[2, 2])
        case("MaxUnpool", [noise(1, 1, 2, 2), places - 4], kernel_shape=[2, 2], strides=[2, 2])
        case("Det", [noise(3, 4, 4)])
        for equation, shapes in (
            ("ij,jk->ik", [(3, 4), (4, 5)]), ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)]), ("ii->i", [(4, 4)]),
            ("ii", [(4, 4)]), ("ijk->kij", [(2, 3, 4)]), ("i,j->ij", [(3,), (4,)]), ("ij,ij->", [(3, 4), (3, 4)]),
            ("...ij,...jk->...ik", [(2, 5, 3, 4), (2, 5, 4, 2)]), ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
            ("i...->...", [(3, 4, 5)]), ("ba,cb", [(2, 3), (4, 2)]), ("nchw,nc->nhw", [(2, 3, 4, 5), (2, 3)]),
            ("ij,j->ij", [(3, 4), (1,)]),
        ):
            case("Einsum", [noise(*shape) for shape in shapes], equation=equation)
        case("Einsum", [whole(-9, 9, (3, 4), np.int64), whole(-9, 9, (4, 2), np.int64, 1)], equation="ij,jk->ki")
        case("Mod", [noise(3, 4), noise(4)], fmod=1)
        case("Mod", [whole(-20, 20, (3, 4), np.int32), whole(1, 9, (4,), np.int32, 1) * -1])
        case("Mod", [whole(-20, 20, (3, 4), np.int8), whole(1, 9, (4,), np.int8, 1)], fmod=1)
        scores, classes = noise(3, 5, 4), whole(0, 5, (3, 4), np.int64)
        for reduction in ("none", "sum", "mean"):
            case("SoftmaxCrossEntropyLoss", [scores, classes, np.abs(noise(5))], 2, reduction=reduction, ignore_index=2)
            case("NegativeLogLikelihoodLoss", [scores, classes], reduction=reduction)
            case("NegativeLogLikelihoodLoss", [scores, classes, np.abs(noise(5))], reduction=reduction, ignore_index=1)

        """

    private static let integerCases = """
        for kind, low, high in ((np.uint8, 0, 256), (np.int8, -128, 128)):
            x, w = whole(low, high, (2, 4, 9, 8), kind), whole(low, high, (6, 2, 3, 3), kind, 1)
            zero, zeros = kind(3), whole(0, 5, (6,), kind)
            window = {"group": 2, "pads": [1, 1, 0, 1], "strides": [2, 1]}
            if kind == np.uint8:
                case("ConvInteger", [x, w, np.array(zero), np.array(kind(7))], constants=[1, 2, 3], **window)
                zeros = zeros * 0 + kind(128)
            else:
                zeros = zeros * 0
            bias = whole(-5000, 5000, (6,), np.int32)
            case("QLinearConv", [x, real(0.02), np.array(zero), w, np.abs(noise(6)) * 0.01 + 0.001, zeros, real(0.3),
                                 np.array(kind(5)), bias], constants=range(1, 9), **window)
            a, b = whole(low, high, (3, 4, 7), kind), whole(low, high, (7, 5), kind, 1)
            case("MatMulInteger", [a, b, np.array(zero), np.array(kind(9))], constants=[1, 2, 3])
            case("QLinearMatMul", [a, real(0.02), np.array(zero), b, real(0.01), np.array(kind(9)), real(0.2),
                                   np.array(kind(11))], constants=range(1, 8))
            for axis, block in ((1, 2), (0, 3), (2, 4)):
                shape = [3, 5, 8]
                shape[axis] = -(-shape[axis] // block)
                parameters = [np.abs(noise(*shape)) * 0.1 + 0.01, whole(0, 9, shape, kind)]
                case("QuantizeLinear", [noise(3, 5, 8)] + parameters, axis=axis, block_size=block)
                case("DequantizeLinear", [whole(low, high, (3, 5, 8), kind)] + parameters, axis=axis, block_size=block)
        for data in (noise(40), np.abs(noise(40)) + 1, np.zeros(4, np.float32)):
            case("DynamicQuantizeLinear", [data], 3)

        """

    private static let runtimeCases = """
        def parameters(scale, zero, kind):
            return [real(scale), np.array(kind(zero))]
        for kind, low, high in ((np.uint8, 0, 256), (np.int8, -128, 128)):
            x, y = whole(low, high, (2, 3, 7, 6), kind), whole(low, high, (2, 3, 7, 6), kind, 1)
            p, q, r = parameters(0.031, 3, kind), parameters(0.017, 7, kind), parameters(0.043, 11, kind)
            own = {"domain": "com.microsoft"}
            case("QLinearAdd", [x] + p + [y] + q + r, **own)
            case("QLinearAdd", [x] + p + [y[:1, :, :1, :1]] + q + r, **own)
            case("QLinearMul", [x] + p + [y] + q + r, **own)
            case("QLinearAveragePool", [x] + p + r, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], **own)
            case("QLinearAveragePool", [x] + p + r, kernel_shape=[2, 2], count_include_pad=1, pads=[1] * 4, **own)
            case("QLinearGlobalAveragePool", [x] + p + parameters(0.004, 11, kind), **own)
            case("QLinearLeakyRelu", [x] + p + r, alpha=0.2, **own)
            case("QLinearSigmoid", [x] + p + parameters(1 / 256, 0 if low == 0 else -128, kind), **own)
            case("QLinearConcat", r + [x] + p + [y] + q + [x[:, :2]] + r, axis=1, **own)
            for axis, opset in ((1, 12), (1, 13), (-1, 13)):
                target = parameters(1 / 256, 0 if low == 0 else -128, kind)
                softmax = {"axis": axis, "opset": opset}
                case("QLinearSoftmax", [x] + parameters(0.01, 3, kind) + target, attributes=softmax, **own)

        """
}
