#!/usr/bin/env python3
"""Makes the small array files that TensorsTests reads. Needs numpy, ml_dtypes and safetensors; seeded, so re-runs agree."""
import pathlib
import struct
import zipfile

import ml_dtypes
import numpy
import safetensors.numpy

here = pathlib.Path(__file__).parent
numbers = numpy.arange(24).reshape(2, 3, 4)


def save(name, array, version=(1, 0)):
    with open(here / name, "wb") as file:
        numpy.lib.format.write_array(file, array, version=version)


save("float32.npy", numbers.astype("<f4") / 8)
save("float32_version2.npy", numbers.astype("<f4") / 8, (2, 0))
save("float32_version3.npy", numbers.astype("<f4") / 8, (3, 0))
save("float32_big_endian.npy", (numbers / 8).astype(">f4"))
save("float32_fortran.npy", numpy.asfortranarray(numbers.astype("<f4") / 8))
save("int16_big_endian_fortran.npy", numpy.asfortranarray(numbers.astype(">i2")))
save("float16.npy", (numbers / 8).astype("<f2"))
save("float64.npy", numbers / 8)
save("bool.npy", numbers % 3 == 0)
save("scalar.npy", numpy.float32(1.5))
save("empty.npy", numpy.zeros((0, 3), "<i8"))
save("structured.npy", numpy.zeros(2, [("a", "<f4"), ("b", "<i4", (2,))]))
save("complex.npy", numpy.zeros(2, "<c8"))
save("text.npy", numpy.array(["a", "bc"]))
with open(here / "bfloat16.npy", "wb") as file:
    numpy.save(file, (numbers / 8).astype(ml_dtypes.bfloat16))
with open(here / "object.npy", "wb") as file:
    # The header of an object array without its pickle: it must be refused by the header alone.
    text = b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text + b"\n")
numpy.savez(here / "stored.npz", x=numbers.astype("<f4"), label=numpy.arange(2, dtype="<i8"))
numpy.savez_compressed(here / "deflated.npz", x=numbers.astype("<f4"), label=numpy.arange(2, dtype="<i8"))


class Unseekable:
    """A file that cannot seek: zipfile then writes data descriptors behind the members."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


with open(here / "data_descriptors.npz", "wb") as file, zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open(zipfile.ZipInfo("x.npy", (1980, 1, 1, 0, 0, 0)), "w") as member:
        numpy.lib.format.write_array(member, numbers.astype("<f4"))
with zipfile.ZipFile(here / "zip64.npz", "w") as archive:
    with archive.open(zipfile.ZipInfo("x.npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
        numpy.lib.format.write_array(member, numbers.astype("<f4"))
# An end of archive in zip64 form, as archives over 4 GB have it.
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 16, 0
with zipfile.ZipFile(here / "zip64_directory.npz", "w") as archive:
    for name in ("x", "y"):
        with archive.open(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
            numpy.lib.format.write_array(member, numbers.astype("<f4"))
safetensors.numpy.save_file(
    {
        "weight": numbers.astype("<f4") / 8,
        "half": (numbers / 8).astype("<f2"),
        "brain": (numbers / 8).astype(ml_dtypes.bfloat16),
        "mask": numbers % 3 == 0,
        "count": numpy.array(7, "<u8"),
        "none": numpy.zeros((0, 4), "<i4"),
    },
    here / "mixed.safetensors",
    metadata={"producer": "make.py \"quoted\" \u00e9"},
)
