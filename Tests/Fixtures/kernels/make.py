"""Makes operators.npz: inputs and ONNX Runtime outputs of operators whose arithmetic is hard to do by hand.

Array names are CASE/INPUT and CASE/out0, out1, ...; the attributes stand in ReferenceOracleTests.swift.
Run with python, numpy, onnx and onnxruntime 1.31: python make.py
"""

import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

random = np.random.RandomState(7)
arrays = {}


def case(name, operator, inputs, outputs, opset=21, **attributes):
    """Runs one node; an input that is None is absent."""
    present = {key: value for key, value in inputs.items() if value is not None}
    values = [
        helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape))
        for key, value in present.items()
    ]
    node = helper.make_node(
        operator,
        [key if value is not None else "" for key, value in inputs.items()],
        [f"out{index}" for index in range(outputs)],
        **attributes,
    )
    results = [helper.make_tensor_value_info(f"out{index}", TensorProto.UNDEFINED, None) for index in range(outputs)]
    for result in results:
        result.ClearField("type")
    model = helper.make_model(
        helper.make_graph([node], "case", values, results),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=10,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for key, value in present.items():
        arrays[f"{name}/{key}"] = value
    for index, value in enumerate(session.run(None, present)):
        arrays[f"{name}/out{index}"] = value


def noise(*shape, dtype=np.float32):
    return random.uniform(-1, 1, shape).astype(dtype)


def resize(name, scales=None, sizes=None, roi=None, shape=(1, 2, 5, 7), **attributes):
    inputs = {
        "X": noise(*shape),
        "roi": None if roi is None else np.array(roi, np.float32),
        "scales": None if scales is None else np.array(scales, np.float32),
        "sizes": None if sizes is None else np.array(sizes, np.int64),
    }
    while list(inputs.values())[-1] is None:
        inputs.popitem()
    case(name, "Resize", inputs, 1, opset=19, **attributes)


for mode in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
    resize(f"nearest_{mode}", scales=[1, 1, 1.5, 0.6], mode="nearest", nearest_mode=mode)
mappings = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
for mapping in mappings:
    for mode in ["nearest", "linear", "cubic"]:
        resize(f"{mode}_{mapping}", scales=[1, 1, 1.7, 0.7], mode=mode, coordinate_transformation_mode=mapping)
resize("linear_to_one", sizes=[1, 2, 1, 1], mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
resize("cubic_exclude", sizes=[1, 2, 9, 4], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
resize("linear_antialias", sizes=[1, 2, 3, 2], mode="linear", antialias=1)
resize("cubic_antialias", sizes=[1, 2, 2, 9], mode="cubic", antialias=1)
resize("cubic_antialias_exclude", sizes=[1, 2, 2, 3], mode="cubic", antialias=1, exclude_outside=1)
resize(
    "crop", sizes=[1, 2, 4, 6], roi=[0, 0, 0.2, -0.1, 1, 1, 0.9, 0.9], mode="linear",
    coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=-9.0,
)
resize("not_larger", sizes=[9, 9], axes=[2, 3], keep_aspect_ratio_policy="not_larger", mode="linear")
resize("not_smaller", sizes=[9, 9], axes=[3, 2], keep_aspect_ratio_policy="not_smaller", mode="nearest")


def recurrent(name, operator, directions, lengths=None, peepholes=True, **attributes):
    steps, batch, size, hidden = 4, 3, 2, 3
    gates = 4 if operator == "LSTM" else 3
    inputs = {
        "X": noise(steps, batch, size),
        "W": noise(directions, gates * hidden, size),
        "R": noise(directions, gates * hidden, hidden),
        "B": noise(directions, 2 * gates * hidden),
        "lengths": None if lengths is None else np.array(lengths, np.int32),
        "hidden": noise(directions, batch, hidden),
    }
    if operator == "LSTM":
        inputs["cell"] = noise(directions, batch, hidden)
        inputs["peepholes"] = noise(directions, 3 * hidden)
    case(name, operator, inputs, 3 if operator == "LSTM" else 2, hidden_size=hidden, **attributes)


recurrent("lstm", "LSTM", 1)
recurrent("lstm_bidirectional", "LSTM", 2, lengths=[2, 0, 4], direction="bidirectional")
recurrent("lstm_coupled", "LSTM", 1, input_forget=1, clip=0.7, activations=["HardSigmoid", "Elu", "Softsign"])
recurrent(
    "lstm_activations", "LSTM", 2, direction="bidirectional",
    activations=["Sigmoid", "LeakyRelu", "ScaledTanh", "HardSigmoid", "Softplus", "Affine"],
    activation_alpha=[0.3, 0.5, 0.4, 0.6], activation_beta=[0.9, 0.45, 0.1],
)
recurrent("gru", "GRU", 1)
recurrent("gru_bidirectional", "GRU", 2, lengths=[0, 3, 4], direction="bidirectional")
recurrent("gru_reset_after", "GRU", 1, direction="reverse", linear_before_reset=1, clip=0.5, lengths=[4, 1, 2])

case("layer_normalization", "LayerNormalization", {"X": noise(2, 3, 4), "scale": noise(3, 4), "bias": noise(3, 4)}, 3,
     axis=1, epsilon=1e-3)
case("batch_normalization", "BatchNormalization",
     {"X": noise(2, 3, 4), "scale": noise(3), "bias": noise(3), "mean": noise(3), "variance": noise(3) + 1.5}, 1)
case("batch_normalization_training", "BatchNormalization",
     {"X": noise(2, 3, 4), "scale": noise(3), "bias": noise(3), "mean": noise(3), "variance": noise(3) + 1.5}, 3,
     training_mode=1, momentum=0.8)
case("lrn", "LRN", {"X": noise(2, 6, 3, 2)}, 1, size=5, alpha=0.5, beta=0.6, bias=1.2)
case("softmax", "Softmax", {"X": noise(2, 3, 4) * 9}, 1, axis=1)
case("log_softmax", "LogSoftmax", {"X": noise(2, 3, 4) * 9}, 1, axis=1)

specials = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.25, 0.75, 1.25, -0.25, 63.9, 200], np.float32)
for dtype in [np.int8, np.uint8, np.int16, np.uint16]:
    case(f"quantize_{np.dtype(dtype).name}", "QuantizeLinear",
         {"X": specials, "scale": np.array(0.5, np.float32), "zero": np.array(3, dtype)}, 1)
case("quantize_channels", "QuantizeLinear",
     {"X": noise(2, 3, 2) * 20, "scale": np.array([0.1, 0.2, 0.3], np.float32), "zero": np.array([0, 128, 7], np.uint8)},
     1, axis=1)
case("dequantize_channels", "DequantizeLinear",
     {"X": random.randint(-128, 128, (3, 4)).astype(np.int8), "scale": np.array([0.1, 0.2, 0.3], np.float32),
      "zero": np.array([1, -2, 3], np.int8)}, 1, axis=0)

np.savez_compressed(pathlib.Path(__file__).with_name("operators.npz"), **arrays)
