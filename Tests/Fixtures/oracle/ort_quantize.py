"""Quantizes an ONNX model with ONNX Runtime's static QDQ quantizer, calibrated on seeded noise.

Arguments: float model, quantized model, JSON file for the ranges it used, `per-channel` or `per-tensor`, activation type.
"""

import json
import logging
import pathlib
import sys
import tempfile

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import load_tensors_data

logging.disable(logging.WARNING)
source, target, ranges, granularity, activation = sys.argv[1:6]


class Noise(CalibrationDataReader):
    """Four batches; symbolic extents are 2."""

    def __init__(self, model):
        generator = np.random.default_rng(7)
        self.batches = []
        for _ in range(4):
            batch = {}
            for value in model.graph.input:
                extents = [d.dim_value or 2 for d in value.type.tensor_type.shape.dim]
                batch[value.name] = generator.standard_normal(extents).astype(np.float32)
            self.batches.append(batch)

    def get_next(self):
        return self.batches.pop(0) if self.batches else None


with tempfile.TemporaryDirectory() as folder:
    cache = pathlib.Path(folder) / "cache.json"
    quantize_static(
        source, target, Noise(onnx.load(source)), quant_format=QuantFormat.QDQ, per_channel=granularity == "per-channel",
        activation_type={"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}[activation], weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": activation == "int8"}, calibration_cache_path=cache)
    observed = {
        name: [float(np.squeeze(data.range_value[0])), float(np.squeeze(data.range_value[1]))]
        for name, data in load_tensors_data(cache).items()
    }
pathlib.Path(ranges).write_text(json.dumps(observed))
