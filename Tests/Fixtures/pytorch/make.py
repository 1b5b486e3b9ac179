#!/usr/bin/env python3
"""Makes the PyTorch files of this folder: /usr/bin/python3 make.py (python3-torch 1.13 of Debian 12).

The tests know the values: every tensor counts from 0 in its own order of elements.
"""

import collections
import pathlib

import torch

folder = pathlib.Path(__file__).parent


def counted(shape, dtype):
    count = 1
    for extent in shape:
        count *= extent
    if dtype == torch.bool:
        return (torch.arange(count) % 2 == 1).reshape(shape)
    return torch.arange(count).to(dtype).reshape(shape)


types = ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]
torch.save({name: counted([2, 3], getattr(torch, name)) for name in types}, folder / "types.pth")

base = counted([4, 6], torch.float32)
torch.save(
    collections.OrderedDict(
        whole=base,
        transposed=base.t(),
        column=base[:, 2],
        rows=base[1:3],
        strided=base[::2, 1::3],
        repeated=base[0].expand(3, 6),
        scalar=torch.tensor(7.0),
        empty=torch.zeros(0, 5),
        channelslast=counted([1, 2, 3, 4], torch.float32).contiguous(memory_format=torch.channels_last),
    ),
    folder / "views.pth",
)

torch.save(
    {
        "epoch": 300,
        "best": 0.75,
        "big": 1 << 40,
        "negative": -70000,
        "done": True,
        "arch": "resnet",
        "nothing": None,
        "state_dict": {"fc.weight": counted([2, 2], torch.float32)},
        "history": [counted([2], torch.int64), (counted([1], torch.int32), 5)],
        3: counted([1], torch.float32),
    },
    folder / "nested.pth",
)

network = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(1, 2, 3), bn=torch.nn.BatchNorm2d(2)))
for value in network.state_dict().values():
    value.copy_(counted(value.shape, value.dtype))
torch.save(network.state_dict(), folder / "module.pth")
torch.save(network, folder / "whole-module.pth")
torch.save(network.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"parameter": torch.nn.Parameter(counted([2, 2], torch.float32))}, folder / "parameter.pth")
torch.save({"z": torch.zeros(2, dtype=torch.complex64)}, folder / "complex.pth")
