"""ONNX models made by hand, for cases that need one of a certain size."""

import pathlib
import random
import struct

import wire


def write_large_model(path: pathlib.Path, megabytes: int, seed: int = 3) -> None:
    """x[N,1,32,32] -> Flatten -> MatMul with a weight of that size, which repeats a few thousand random numbers."""
    columns = megabytes * 256
    generator = random.Random(seed)
    block = struct.pack("<4096f", *(generator.uniform(-0.1, 0.1) for _ in range(4096)))
    weight = {1: [1024, columns], 2: 1, 8: "w", 9: block * (columns // 4)}

    def value(name: str, *extents: int | str) -> dict:
        shape = {1: [{2: extent} if isinstance(extent, str) else {1: extent} for extent in extents]}
        return {1: name, 2: {1: {1: 1, 2: shape}}}

    graph = {
        1: [{1: ["x"], 2: ["flat"], 3: "flatten", 4: "Flatten"}, {1: ["flat", "w"], 2: ["y"], 3: "matmul", 4: "MatMul"}],
        2: "large", 5: [weight], 11: [value("x", "N", 1, 32, 32)], 12: [value("y", "N", columns)],
    }
    path.write_bytes(wire.message({1: 8, 2: "tare-faults", 7: graph, 8: [{1: "", 2: 17}]}))
