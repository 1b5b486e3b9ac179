"""Data sets, and the digests that one process computes from them."""

import hashlib
import pathlib
import random
import struct
import subprocess
import zlib


def write_images(path: pathlib.Path, count: int, seed: int = 1) -> None:
    """A .npy of float32 images [count, 1, 32, 32] that depends on the seed alone."""
    generator = random.Random(seed)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 1, 32, 32), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for _ in range(count):
            file.write(struct.pack("<1024f", *(generator.random() for _ in range(1024))))


def reference(tare: str, model: pathlib.Path, images: pathlib.Path, options: list[str], folder: pathlib.Path) -> tuple[str, str]:
    """The digests of the same job computed by `tare calibrate` with one worker."""
    output, statistics = folder / "reference.onnx", folder / "reference.safetensors"
    done = subprocess.run([tare, "calibrate", model, "--data", images, "--workers", "1", "--output", output, "--statistics",
                           statistics, *options], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"the reference could not be computed: {done.stderr.strip()[-500:]}")
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in (statistics, output))


def write_pictures(folder: pathlib.Path, count: int, seed: int = 2) -> None:
    """A folder of grey PNG images of 32 x 32 pixels, one file for each sample."""
    generator = random.Random(seed)
    folder.mkdir()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    for index in range(count):
        rows = b"".join(b"\0" + generator.randbytes(32) for _ in range(32))
        header = struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, 0)
        image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        (folder / f"{index:04}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + image)
