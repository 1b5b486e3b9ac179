"""Images per second of training-benchmark and of PyTorch, in turns; prints medians and the ratio.

The same network (Examples/resnet), batch, optimizer and number of threads; PyTorch is measured in both memory formats, and
the faster one counts. On one thread seconds are those of processor time, on several those of the clock. On N threads Tare cuts the batch
into N micro-batches with statistics of their own; PyTorch computes it whole.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def unit(inputs, outputs, kernel, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.second = unit(inputs, outputs, 3, stride), unit(outputs, outputs, 3, 1)
        self.down = unit(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else None

    def forward(self, x):
        shortcut = x if self.down is None else self.down(x)
        return F.relu(self.second(F.relu(self.first(x))) + shortcut)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            unit(1, 16, 3, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))


def torch_rate(batch, seconds, memory_format):
    torch.manual_seed(0)
    network = Network().to(memory_format=memory_format)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    images = torch.rand(batch, 1, 28, 28).mul(2).sub(1).to(memory_format=memory_format)
    labels = torch.arange(batch) % 10
    now = time.process_time if torch.get_num_threads() == 1 else time.monotonic
    durations, start = [], now()
    while now() - start < seconds * 1.25 or len(durations) < 3:
        begin = now()
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        durations.append(now() - begin)
    return batch / statistics.median(durations[len(durations) // 5:])


def tare_rate(binary, batch, threads, seconds, *words):
    command = [binary, "--batch", str(batch), "--threads", str(threads), "--seconds", str(seconds), *words]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[0])["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--batches", type=int, nargs="+", default=[64])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for batch in arguments.batches:
        ours, qat, theirs = [], [], {"contiguous": [], "channels_last": []}
        for _ in range(arguments.rounds):
            ours.append(tare_rate(arguments.binary, batch, arguments.threads, arguments.seconds))
            qat.append(tare_rate(arguments.binary, batch, arguments.threads, arguments.seconds, "--qat"))
            theirs["contiguous"].append(torch_rate(batch, arguments.seconds, torch.contiguous_format))
            theirs["channels_last"].append(torch_rate(batch, arguments.seconds, torch.channels_last))
        medians = {name: statistics.median(rates) for name, rates in theirs.items()}
        name = max(medians, key=medians.get)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs[name]))
        print(
            f"batch {batch}, {arguments.threads} threads: tare {statistics.median(ours):.0f}/s "
            f"(with fake quantization {statistics.median(qat):.0f}/s), torch {torch.__version__} "
            f"contiguous {medians['contiguous']:.0f}/s, channels_last {medians['channels_last']:.0f}/s, "
            f"ratio to {name} {ratio:.2f}", flush=True)


main()
