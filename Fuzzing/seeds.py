"""Makes the files that each fuzz target starts from: our own small fixtures and generated files.

    .venv/bin/python Fuzzing/seeds.py FOLDER

FOLDER gets one folder for each target, and `dictionaries/onnx.dict` with the names that a model can hold. Needs the pip
packages numpy, onnx, Pillow and safetensors.
"""
import gzip
import io
import pathlib
import random
import struct
import sys
import tarfile
import warnings
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from PIL import Image

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = REPOSITORY / "Tests" / "Fixtures"
MAXIMUM_BYTES = 16 * 1024
NEWEST_OPSET = 26
EXTREMES = [-(2**63), -(2**31), -2, -1, 0, 2**16, 2**31 - 1, 2**31, 2**40, 2**58, 2**62, 2**63 - 1]


def write(folder: pathlib.Path, name: str, content: bytes) -> None:
    if len(content) <= MAXIMUM_BYTES:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def copy(folder: pathlib.Path, pattern: str) -> None:
    for path in sorted(FIXTURES.glob(pattern)):
        write(folder, path.name, path.read_bytes())


def with_constant_inputs(model: onnx.ModelProto, arrays: list) -> onnx.ModelProto | None:
    """The model with its inputs as constants, so that folding computes it; its results are copied to the outputs."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    if len(arrays) != len(graph.input) or len(graph.node) != 1:
        return None
    for info, array in zip(model.graph.input, arrays):
        if not isinstance(array, (np.ndarray, np.generic)) or np.asarray(array).dtype.kind not in "fiub":
            return None
        graph.initializer.append(numpy_helper.from_array(np.asarray(array), info.name))
    del graph.input[:]
    for node in list(graph.node):
        for index, name in enumerate(node.output):
            if name:
                node.output[index] = f"{name}_"
                graph.node.append(helper.make_node("Identity", [f"{name}_"], [name]))
    return result


def hostile(model: onnx.ModelProto, generator: random.Random) -> onnx.ModelProto | None:
    """The model with an integer attribute or element that is at or beyond an end of what makes sense."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    attributes = [attribute for attribute in result.graph.node[0].attribute if attribute.i or attribute.ints]
    constants = [tensor for tensor in result.graph.initializer if tensor.data_type == TensorProto.INT64]
    if not attributes and not constants:
        return None
    chosen, value = generator.choice(attributes + constants), generator.choice(EXTREMES)
    if isinstance(chosen, onnx.AttributeProto):
        if chosen.ints:
            chosen.ints[generator.randrange(len(chosen.ints))] = value
        else:
            chosen.i = value
    else:
        elements = numpy_helper.to_array(chosen).copy()
        if elements.size == 0:
            return None
        elements.reshape(-1)[generator.randrange(elements.size)] = value
        chosen.CopyFrom(numpy_helper.from_array(elements, chosen.name))
    return result


def models(folder: pathlib.Path) -> None:
    """ONNX's own cases of single operators, each with data and with constants as inputs, and with an extreme number in one of these."""
    generator = random.Random(0)
    for case in collect_testcases(None):
        if case.model is None or len(case.data_sets) == 0:
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        for imported in model.opset_import:
            if not imported.domain:
                imported.version = min(imported.version, NEWEST_OPSET)
        name = case.name.removeprefix("test_")
        if model.ByteSize() <= 4096:
            write(folder, f"{name}.onnx", model.SerializeToString())
        folded = with_constant_inputs(model, case.data_sets[0][0])
        if folded is not None and folded.ByteSize() <= 4096:
            write(folder, f"{name}_constant.onnx", folded.SerializeToString())
            if (refused := hostile(folded, generator)) is not None:
                write(folder, f"{name}_hostile.onnx", refused.SerializeToString())
    write(folder, "chain.onnx", chain().SerializeToString())


def chain() -> onnx.ModelProto:
    """Layers that preparation fuses, folds and plans."""
    generator = np.random.default_rng(0)
    constants = {
        "w": generator.normal(size=(2, 1, 3, 3)), "b": [0.5, 1.0], "scale": [1.0, 2.0], "bias": [0.0, 1.0],
        "mean": [0.1, 0.2], "variance": [1.0, 2.0], "m": generator.normal(size=(8, 3)), "c": generator.normal(size=3),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "scale", "bias", "mean", "variance"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["p"], ["s"], end=1),
        helper.make_node("Constant", [], ["minus"], value_ints=[-1]),
        helper.make_node("Concat", ["s", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["p", "target"], ["flat"]),
        helper.make_node("Gemm", ["flat", "m", "c"], ["y"], alpha=0.5),
    ]
    graph = helper.make_graph(
        nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def model_dictionary(path: pathlib.Path) -> None:
    """The names of operators, attributes and domains."""
    words = {"ai.onnx", "com.microsoft", "ai.onnx.ml", "N", "floor(N/2)", "N*2+1"}
    for schema in onnx.defs.get_all_schemas():
        words.add(schema.name)
        words.update(schema.attributes)
        for attribute in schema.attributes.values():
            if attribute.default_value.type == onnx.AttributeProto.STRING:
                words.add(attribute.default_value.s.decode())
    # Integers that overflow when something is added, as varints.
    numbers = [b"\xff" * 8 + b"\x7f", b"\x80" * 9 + b"\x01", b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x08"]
    lines = [f'"{word}"' for word in sorted(words)]
    lines += ['"' + "".join(f"\\x{byte:02x}" for byte in number) + '"' for number in numbers]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archives(folder: pathlib.Path) -> None:
    copy(folder, "tensors/*.npz")
    copy(folder, "tensors/*.npy")
    for deflated in [False, True]:
        buffer = io.BytesIO()
        (np.savez_compressed if deflated else np.savez)(
            buffer, x=np.arange(24, dtype=np.float32).reshape(4, 6), y=np.arange(4, dtype=np.int64))
        write(folder, f"generated_{deflated}.npz", buffer.getvalue())


def pickles(folder: pathlib.Path) -> None:
    copy(folder, "pytorch/*.pth")
    for path in sorted((FIXTURES / "pytorch").glob("*.pth")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith("data.pkl"):
                        write(folder, f"{path.stem}.pkl", archive.read(name))


def safetensors(folder: pathlib.Path) -> None:
    from safetensors.numpy import save

    copy(folder, "tensors/*.safetensors")
    write(folder, "small.safetensors", save({"x": np.zeros((3, 2), np.float32), "y": np.ones(3, np.int8)}))
    write(folder, "metadata.safetensors", save({"é": np.zeros(2, bool)}, {"format": "pt", "\n": "\u20ac"}))
    write(folder, "empty.safetensors", save({"x": np.zeros((0, 4), np.float16)}))


def images(folder: pathlib.Path) -> None:
    for pattern in ["*.png", "*.jpg"]:
        copy(folder, f"images/{pattern}")
    pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    for name, mode in [("gray", "L"), ("rgb", "RGB"), ("cmyk", "CMYK")]:
        for options in [{}, {"progressive": True}, {"subsampling": 2}]:
            buffer = io.BytesIO()
            Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", **options)
            write(folder, f"tiny_{name}_{'_'.join(options) or 'plain'}.jpg", buffer.getvalue())
    for mode in ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]:
        buffer = io.BytesIO()
        source = Image.fromarray(pixels)
        picture = source.convert("I").convert("I;16") if mode == "I;16" else source.convert(mode)
        picture.save(buffer, "PNG")
        write(folder, f"tiny_{mode.replace(';', '_')}.png", buffer.getvalue())


def idx(folder: pathlib.Path) -> None:
    for code, kind in [(8, ">u1"), (9, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]:
        array = np.arange(12).reshape(3, 2, 2).astype(kind)
        plain = bytes([0, 0, code, 3]) + struct.pack(">3I", *array.shape) + array.tobytes()
        write(folder, f"type_{code}.idx", plain)
        write(folder, f"type_{code}.idx.gz", gzip.compress(plain, mtime=0))
    write(folder, "labels.idx", bytes([0, 0, 8, 1]) + struct.pack(">I", 4) + bytes(range(4)))
    write(folder, "empty.idx", bytes([0, 0, 8, 2]) + struct.pack(">2I", 0, 5))


def tars(folder: pathlib.Path) -> None:
    picture = (FIXTURES / "images" / "bilevel.png").read_bytes()
    members = [("a.png", picture), ("a.cls", b"3"), ("b.png", picture), ("b.cls", b"4")]
    arrays = [("s/a.x.npy", npy(np.arange(4, dtype=np.float32))), ("s/a.y.npy", npy(np.arange(2)))]
    long_name = [("n" * 150 + ".npy", npy(np.zeros(2, np.float32)))]
    for kind, content in [("images", members), ("arrays", arrays), ("long", long_name)]:
        for form, number in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
            if kind == "long" and form == "ustar":
                continue
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w", format=number) as archive:
                folder_entry = tarfile.TarInfo("s")
                folder_entry.type = tarfile.DIRTYPE
                archive.addfile(folder_entry)
                for name, data in content:
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    if form == "pax":
                        entry.pax_headers = {"comment": "é"}
                    archive.addfile(entry, io.BytesIO(data))
            plain = buffer.getvalue()
            write(folder, f"{kind}_{form}.tar", plain)
            write(folder, f"{kind}_{form}.tar.gz", gzip.compress(plain, mtime=0))
    links = io.BytesIO()
    with tarfile.open(fileobj=links, mode="w") as archive:
        entry = tarfile.TarInfo("a.npy")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    write(folder, "link.tar", links.getvalue())


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    warnings.simplefilter("ignore")
    np.random.seed(0)
    output = pathlib.Path(sys.argv[1])
    models(output / "onnx")
    model_dictionary(output / "dictionaries" / "onnx.dict")
    archives(output / "npz")
    safetensors(output / "safetensors")
    pickles(output / "unpickler")
    images(output / "images")
    idx(output / "idx")
    tars(output / "tar")
    for folder in sorted(path for path in output.iterdir() if path.is_dir()):
        print(f"{folder.name}: {len(list(folder.iterdir()))} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
