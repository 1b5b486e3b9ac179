"""Makes small models of operators that Tare expands when it imports them, with what ONNX Runtime computes.

Run as `python generate.py` with the packages onnx and onnxruntime; it writes NAME.onnx and NAME.npz (arrays `in_...` and
`out_...`) beside itself. The same seeds give the same files.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(__file__).parent
random = np.random.default_rng(23)
kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32,
         np.dtype(np.int64): TensorProto.INT64, np.dtype(np.bool_): TensorProto.BOOL}


def noise(*extents):
    return random.standard_normal(extents).astype(np.float32)


def save(name, nodes, feeds, outputs, constants=None, functions=(), opset=17, domains=("com.microsoft",)):
    """`outputs` are names, or pairs of name and element type; their shapes are left open."""
    inputs = [helper.make_tensor_value_info(key, kinds[value.dtype], value.shape) for key, value in feeds.items()]
    pairs = [(item, TensorProto.FLOAT) if isinstance(item, str) else item for item in outputs]
    results = [helper.make_tensor_value_info(key, kind, None) for key, kind in pairs]
    initializers = [numpy_helper.from_array(value, key) for key, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, name, inputs, results, initializers)
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)
    onnx.save(model, folder / f"{name}.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run([key for key, _ in pairs], feeds)
    arrays = {f"in_{key}": value for key, value in feeds.items()}
    arrays |= {f"out_{key}": value for (key, _), value in zip(pairs, values)}
    np.savez(folder / f"{name}.npz", **arrays)


def microsoft(name, op, feeds, outputs=("y",), constants=None, results=None, **attributes):
    """A model of one node; absent inputs are the keys that start with `absent`."""
    names = ["" if key.startswith("absent") else key for key in list(feeds) + list(constants or {})]
    order = attributes.pop("order", names)
    feeds = {key: value for key, value in feeds.items() if not key.startswith("absent")}
    node = helper.make_node(op, order, list(outputs), name="node", domain="com.microsoft", **attributes)
    save(name, [node], feeds, results or [item for item in outputs if item], constants)


# Activations
microsoft("gelu", "Gelu", {"x": noise(3, 5)})
microsoft("bias_gelu", "BiasGelu", {"x": noise(3, 5)}, constants={"b": noise(5)})
microsoft("fast_gelu", "FastGelu", {"x": noise(3, 5)})
microsoft("fast_gelu_bias", "FastGelu", {"x": noise(3, 5)}, constants={"b": noise(5)})
microsoft("quick_gelu", "QuickGelu", {"x": noise(3, 5)}, alpha=1.5)

# Products
microsoft("fused_matmul", "FusedMatMul", {"a": noise(2, 4, 3), "b": noise(2, 5, 4)}, transA=1, transB=1, alpha=0.5)
microsoft("fused_matmul_plain", "FusedMatMul", {"a": noise(2, 3, 4), "b": noise(4, 5)})
for activation, parameters in [("Relu", None), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.75]), ("HardSigmoid", [0.3, 0.4])]:
    attributes = {"activation_params": parameters} if parameters else {}
    microsoft(f"fused_conv_{activation.lower()}", "FusedConv", {"x": noise(1, 2, 5, 5)},
              constants={"w": noise(3, 2, 3, 3), "b": noise(3)}, activation=activation, pads=[1, 1, 1, 1], **attributes)
microsoft("fused_conv_sum", "FusedConv", {"x": noise(1, 2, 5, 5), "z": noise(1, 3, 3, 3)},
          constants={"w": noise(3, 2, 3, 3), "b": noise(3)}, order=["x", "w", "b", "z"], activation="Relu")
microsoft("fused_gemm", "FusedGemm", {"a": noise(3, 4)}, constants={"b": noise(5, 4), "c": noise(5)},
          activation="LeakyRelu", activation_alpha=0.2, transB=1, alpha=0.5)

# Normalizations
skip = {"x": noise(2, 3, 8), "skip": noise(2, 3, 8)}
microsoft("skip_layer_normalization", "SkipLayerNormalization", skip, ("y", "", "", "sum"),
          {"gamma": noise(8), "beta": noise(8), "bias": noise(8)}, epsilon=1e-5)
microsoft("skip_layer_normalization_plain", "SkipLayerNormalization", skip, constants={"gamma": noise(8)})
microsoft("skip_simplified", "SkipSimplifiedLayerNormalization", skip, ("y", "", "", "sum"),
          {"gamma": noise(8), "bias": noise(8)}, epsilon=1e-5)
save("simplified_layer_normalization",
     [helper.make_node("SimplifiedLayerNormalization", ["x", "scale"], ["y"], name="node", axis=-1, epsilon=1e-5)],
     {"x": noise(2, 3, 8)}, ["y"], {"scale": noise(8)})
tables = {"words": noise(11, 8), "places": noise(6, 8), "kinds": noise(2, 8), "gamma": noise(8), "beta": noise(8)}
ids = random.integers(0, 11, (2, 4)).astype(np.int32)
segments = random.integers(0, 2, (2, 4)).astype(np.int32)
valid = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)
embedding = ["ids", "segments", "words", "places", "kinds", "gamma", "beta"]
integers = ("lengths", TensorProto.INT32)
microsoft("embed_layer_normalization", "EmbedLayerNormalization", {"ids": ids, "segments": segments, "valid": valid},
          ("y", "lengths", "sum"), tables, ["y", integers, "sum"], order=embedding + ["valid"], epsilon=1e-5)
microsoft("embed_layer_normalization_plain", "EmbedLayerNormalization", {"ids": ids}, ("y", "lengths"),
          {key: value for key, value in tables.items() if key != "kinds"}, ["y", integers],
          order=["ids", "", "words", "places", "", "gamma", "beta"])

# Attention
weights = {"w": noise(6, 24) * 0.5, "b": noise(24) * 0.5}
data = noise(2, 4, 6)
lengths = np.array([3, 2], np.int32)
rows = np.tril(np.ones((2, 4, 4), np.int32))
microsoft("attention", "Attention", {"x": data}, constants=weights, num_heads=2)
microsoft("attention_causal", "Attention", {"x": data}, constants=weights, num_heads=2, unidirectional=1)
microsoft("attention_mask", "Attention", {"x": data, "m": valid}, constants=weights, order=["x", "w", "b", "m"],
          num_heads=2)
microsoft("attention_lengths", "Attention", {"x": data, "m": lengths}, constants=weights, order=["x", "w", "b", "m"],
          num_heads=2)
microsoft("attention_mask_rows", "Attention", {"x": data, "m": rows}, constants=weights, order=["x", "w", "b", "m"],
          num_heads=2, mask_filter_value=-5000.0)
microsoft("attention_bias", "Attention", {"x": data, "a": noise(2, 2, 4, 4)}, constants=weights,
          order=["x", "w", "b", "", "", "a"], num_heads=2, scale=0.3)
microsoft("attention_sizes", "Attention", {"x": data}, constants={"w": noise(6, 20) * 0.5, "b": noise(20)}, num_heads=2,
          qkv_hidden_sizes=[8, 8, 4])
heads = {"q": noise(2, 3, 8), "k": noise(2, 5, 8), "v": noise(2, 5, 6)}
microsoft("multi_head", "MultiHeadAttention", heads, constants={"b": noise(22)}, num_heads=2)
microsoft("multi_head_mask", "MultiHeadAttention", heads | {"absent": noise(1), "m": np.array(
    [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)}, num_heads=2)
microsoft("multi_head_split", "MultiHeadAttention", {"q": noise(2, 3, 8), "k": noise(2, 2, 5, 4), "v": noise(2, 2, 5, 4)},
          num_heads=2)
cache = {"q": noise(2, 3, 8), "k": noise(2, 3, 8), "v": noise(2, 3, 8), "absent_b": noise(1), "absent_m": noise(1),
         "a": noise(1, 2, 3, 7), "pk": noise(2, 2, 4, 4), "pv": noise(2, 2, 4, 4)}
microsoft("multi_head_past", "MultiHeadAttention", cache, ("y", "keys", "values"), num_heads=2, unidirectional=1)
angles = np.outer(np.arange(9), 1 / 10 ** np.arange(2)).astype(np.float32)
turn = {"cosines": np.cos(angles), "sines": np.sin(angles)}
for name, positions, interleaved in [("", np.array([[3, 1, 0], [2, 4, 8]], np.int64), 0), ("_first", np.array([2], np.int64), 1)]:
    microsoft(f"rotary_embedding{name}", "RotaryEmbedding", {"x": noise(2, 3, 8), "p": positions}, constants=turn,
              num_heads=2, interleaved=interleaved)
microsoft("rotary_embedding_heads", "RotaryEmbedding", {"x": noise(2, 2, 3, 4), "p": np.array([[3, 1, 0], [2, 4, 8]])},
          constants=turn)

# Functions of the model
opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
slope = helper.make_node("LeakyRelu", ["s"], ["b"])
slope.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
activated = helper.make_function(
    "local", "Activated", ["a", "w"], ["b"],
    [helper.make_node("MatMul", ["a", "w"], ["s"], name="product"), slope], opsets, ["slope"])
inner = helper.make_node("Activated", ["a", "w"], ["t"], name="first", domain="local", slope=0.25)
passed = helper.make_node("Activated", ["t", "w"], ["r"], domain="local")
passed.attribute.append(onnx.AttributeProto(name="slope", type=onnx.AttributeProto.FLOAT, ref_attr_name="strength"))
block = helper.make_function(
    "local", "Block", ["a", "w"], ["c", "r"], [inner, passed, helper.make_node("Add", ["a", "r"], ["c"])], opsets, [],
    [helper.make_attribute("strength", 0.5)])
save("functions",
     [helper.make_node("Block", ["x", "w"], ["h", "unused"], name="lower", domain="local"),
      helper.make_node("Block", ["h", "w"], ["y", "z"], name="upper", domain="local", strength=0.125)],
     {"x": noise(3, 4)}, ["y", "z"], {"w": noise(4, 4)}, [activated, block], domains=("local",))

# Graphs inside of nodes
def graph(name, nodes, inputs, outputs, constants=None):
    """`inputs` and `outputs` are pairs of name and element type, or names of float32 values; others are scalars."""
    pairs = [[(item, TensorProto.FLOAT) if isinstance(item, str) else item for item in items]
             for items in (inputs, outputs)]
    inputs, outputs = [
        [helper.make_tensor_value_info(key, kind, None if kind == TensorProto.FLOAT else []) for key, kind in items]
        for items in pairs]
    return helper.make_graph(
        nodes, name, inputs, outputs, [numpy_helper.from_array(value, key) for key, value in (constants or {}).items()])


node = helper.make_node
truth, counter = ("condition", TensorProto.BOOL), ("step", TensorProto.INT64)
positive = [node("ReduceSum", ["x"], ["total"], keepdims=0), node("Greater", ["total", "zero"], ["isPositive"])]
then = graph("then", [node("MatMul", ["x", "w"], ["t"]), node("Relu", ["t"], ["r"])], [], ["r"])
other = graph("else", [node("Mul", ["x", "k"], ["t"])], [], ["t"], {"k": np.float32([2])})
choice = node("If", ["isPositive"], ["chosen"], name="choice", then_branch=then, else_branch=other)
shared = {"w": noise(4, 4), "zero": np.float32(0)}
for name, x in [("if_true", np.abs(noise(3, 4))), ("if_false", -np.abs(noise(3, 4)))]:
    save(name, positive + [choice, node("Add", ["chosen", "x"], ["y"])], {"x": x}, ["y"], shared, domains=())

body = graph(
    "body",
    [node("MatMul", ["state", "w"], ["product"], name="product"), node("Tanh", ["product"], ["next"]),
     node("ReduceMax", ["next"], ["peak"], keepdims=0), node("Less", ["peak", "limit"], ["go"]),
     node("Identity", ["go"], ["goOn"]), node("Add", ["next", "x"], ["part"])],
    [counter, truth, "state"], [("goOn", TensorProto.BOOL), "next", "part"], {"limit": np.float32(5)})
loop = node("Loop", ["count", "start", "x"], ["last", "parts"], name="loop", body=body)
for count in [0, 3]:
    save(f"loop_{count}", [loop], {"x": noise(2, 4), "count": np.array(count, np.int64)}, ["last", "parts"],
         {"w": noise(4, 4), "start": np.array(True)}, domains=())

double = graph("double", [node("Add", ["value", "value"], ["sum"])], [], ["sum"])
keep = graph("keep", [node("Mul", ["value", "s"], ["scaled"])], [], ["scaled"])
until = graph(
    "until",
    [node("Div", ["step", "two"], ["half"]), node("Mul", ["half", "two"], ["whole"]),
     node("Equal", ["step", "whole"], ["even"]),
     node("If", ["even"], ["turned"], name="turn", then_branch=double, else_branch=keep),
     node("ReduceSum", ["turned"], ["size"], keepdims=0), node("Less", ["size", "enough"], ["going"])],
    [counter, truth, "value"], [("going", TensorProto.BOOL), "turned"])
save("loop_until", [node("Loop", ["", "", "x"], ["y"], name="loop", body=until)], {"x": np.float32([1, 2, 0.5])}, ["y"],
     {"two": np.int64(2), "s": np.float32(1.5), "enough": np.float32(40)}, domains=())

recurrence = graph(
    "recurrence",
    [node("MatMul", ["element", "w"], ["driven"]), node("Add", ["driven", "old"], ["sum"]),
     node("Tanh", ["sum"], ["new"]), node("Mul", ["new", "other"], ["out"])],
    ["old", "element", "other"], ["new", "out"])
save("scan",
     [node("Scan", ["h", "x", "z"], ["last", "all"], name="scan", body=recurrence, num_scan_inputs=2,
           scan_input_axes=[1, 0], scan_input_directions=[0, 1], scan_output_axes=[1], scan_output_directions=[1])],
     {"h": noise(2, 4), "x": noise(2, 5, 3), "z": noise(5, 2, 4)}, ["last", "all"], {"w": noise(3, 4)}, domains=())
