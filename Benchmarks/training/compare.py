"""Images per second of processor time of training-benchmark and of PyTorch on one thread, in turns; prints medians and the ratio.

The same network, batch and optimizer; PyTorch is measured in both memory formats, and the faster one counts.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
import torch  # noqa: E402: the variables count when it is loaded
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
        layers, width = [unit(1, 16, 3, 1), nn.ReLU()], 16
        for stage, channels in enumerate([16, 32, 64]):
            for block in range(2):
                layers.append(Block(width, channels, 2 if block == 0 and stage > 0 else 1))
                width = channels
        self.body, self.fc = nn.Sequential(*layers), nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))


def torch_rate(batch, seconds, memory_format):
    torch.manual_seed(0)
    network = Network().to(memory_format=memory_format)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    images = torch.rand(batch, 1, 28, 28).mul(2).sub(1).to(memory_format=memory_format)
    labels = torch.arange(batch) % 10
    durations, start = [], time.process_time()
    while time.process_time() - start < seconds * 1.25 or len(durations) < 3:
        begin = time.process_time()
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        durations.append(time.process_time() - begin)
    return batch / statistics.median(durations[len(durations) // 5:])


def tare_rate(binary, batch, seconds):
    command = [binary, "--batch", str(batch), "--seconds", str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[0])["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--batches", type=int, nargs="+", default=[64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for batch in arguments.batches:
        ours, theirs = [], {"contiguous": [], "channels_last": []}
        for _ in range(arguments.rounds):
            ours.append(tare_rate(arguments.binary, batch, arguments.seconds))
            theirs["contiguous"].append(torch_rate(batch, arguments.seconds, torch.contiguous_format))
            theirs["channels_last"].append(torch_rate(batch, arguments.seconds, torch.channels_last))
        medians = {name: statistics.median(rates) for name, rates in theirs.items()}
        name = max(medians, key=medians.get)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs[name]))
        print(
            f"batch {batch}: tare {statistics.median(ours):.0f}/s, torch {torch.__version__} "
            f"contiguous {medians['contiguous']:.0f}/s, channels_last {medians['channels_last']:.0f}/s, "
            f"ratio to {name} {ratio:.2f}", flush=True)


main()
