#!/usr/bin/env python3
"""Makes the images that DatasetsTests decodes, and Pillow's pixels for them. Needs Pillow and numpy; seeded.

images.npz holds what Pillow decodes (RGB, or the 8 upper bits where Pillow would clip 16-bit grey), resized.npz what it
resizes. The JPEG pixels are those of libjpeg-turbo; another decoder may differ by a level.
"""
import io
import pathlib
import struct
import zlib

import numpy
from PIL import Image

here = pathlib.Path(__file__).parent
random = numpy.random.default_rng(20261121)


def picture(height, width, channels):
    """Smooth colours with edges and a little noise."""
    rows, columns = numpy.mgrid[0:height, 0:width].astype(float)
    planes = []
    for channel in range(channels):
        plane = 127 + 90 * numpy.sin(rows / (5 + channel) + channel) * numpy.cos(columns / (7 - channel))
        plane += 60 * ((rows + 2 * columns) % 23 < 9) * (channel != 1) + random.normal(0, 6, (height, width))
        planes.append(plane)
    return numpy.clip(numpy.stack(planes, -1), 0, 255).astype(numpy.uint8)


decoded = {}


def save(name, image, pixels=None, **options):
    image.save(here / name, **options)
    decoded[name] = numpy.asarray(Image.open(here / name).convert("RGB")) if pixels is None else pixels


color = picture(37, 53, 3)
rgb = Image.fromarray(color)
gray = Image.fromarray(color[..., 0])
save("color_444.jpg", rgb, quality=92, subsampling=0)
save("color_422.jpg", rgb, quality=85, subsampling=1)
save("color_420.jpg", rgb, quality=75, subsampling=2)
save("progressive.jpg", rgb, quality=80, progressive=True)
save("gray.jpg", gray, quality=85)
exif = Image.Exif()
exif[0x0112] = 6
save("rotated_by_exif.jpg", rgb, quality=85, exif=exif)
save("cmyk.jpg", Image.fromarray(picture(20, 31, 4), "CMYK"), quality=90)
save("color.png", rgb)
save("gray.png", gray)
save("alpha.png", Image.fromarray(numpy.dstack([color, color[..., 1]])), color)
save("gray_alpha.png", Image.fromarray(color[..., :2], "LA"), numpy.repeat(color[..., :1], 3, -1))
save("palette.png", rgb.quantize(37, kmeans=1))
palette = rgb.quantize(13, kmeans=1)
save("palette_transparent.png", palette, numpy.asarray(palette.convert("RGB")), transparency=3)
save("bilevel.png", gray.convert("1"))
deep = (color[..., 0].astype(numpy.uint16) << 8) | random.integers(0, 256, color.shape[:2], dtype=numpy.uint16)
save("gray_16.png", Image.fromarray(deep), numpy.repeat((deep >> 8).astype(numpy.uint8)[..., None], 3, -1))


def raw_png(name, width, height, depth, kind, rows, pixels, interlace=0):
    """A PNG that Pillow cannot write: `rows` are the filtered scan lines."""
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    (here / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
    decoded[name] = pixels


wide = (color.astype(">u2") << 8) | random.integers(0, 256, color.shape).astype(">u2")
raw_png("color_16.png", 53, 37, 16, 2, b"".join(b"\0" + row.tobytes() for row in wide.astype(">u2")), color)
passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
rows = b"".join(
    b"\0" + color[row, left::across].tobytes()
    for top, left, down, across in passes for row in range(top, 37, down) if color[row, left::across].size)
raw_png("interlaced.png", 53, 37, 8, 2, rows, color, interlace=1)
for name in ("color_16.png", "interlaced.png"):
    assert (numpy.asarray(Image.open(here / name).convert("RGB")) == decoded[name]).all(), name
numpy.savez_compressed(here / "images.npz", **decoded)

# Pillow before 13 resizes rows first and columns then; from 13 on columns come first when the height shrinks much more than
# the width. Two calls fix the order, so that the result holds for every version; "at once" keeps what this version does.
resized = {}
for name in ("color.png", "gray.png"):
    image = Image.open(here / name)
    for height, width in [(224, 224), (8, 9), (1, 1), (37, 20), (90, 53), (36, 54), (19, 101), (111, 7)]:
        rows_first = image.resize((width, image.height), Image.Resampling.BILINEAR)
        rows_first = rows_first.resize((width, height), Image.Resampling.BILINEAR)
        resized[f"{name} {height} {width}"] = numpy.asarray(rows_first)
    for height, width in [(90, 53), (36, 54), (19, 101)]:
        at_once = image.resize((width, height), Image.Resampling.BILINEAR)
        resized[f"{name} {height} {width} at once"] = numpy.asarray(at_once)
luma = numpy.asarray(rgb.convert("L"))
resized["luma"] = luma
numpy.savez_compressed(here / "resized.npz", **resized)
