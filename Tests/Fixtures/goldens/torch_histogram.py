"""Makes torch_histogram.json: what PyTorch's HistogramObserver of release 2.3 and later gives for batches of ours.

The observer is restated here with PyTorch's own operators in its own types (histc, linspace, bucketize, bincount in float32), so that
any PyTorch can run it. Batches are given as formulas, see HistogramObserverTests.swift.
Run with PyTorch 1.13 or later: python3 torch_histogram.py
"""

import json
import math
import pathlib

import torch


class Observer:
    def __init__(self, bins, rate, smallest, largest):
        self.bins, self.rate, self.smallest, self.largest = bins, rate, smallest, largest
        self.histogram = None

    def observe(self, x):
        low, high = torch.aminmax(x)
        if self.histogram is None:
            self.low, self.high = low, high
            self.histogram = torch.histc(x, self.bins, min=low.item(), max=high.item())
            return
        new_low, new_high = torch.minimum(self.low, low), torch.maximum(self.high, high)
        added = torch.histc(x, self.bins, min=new_low.item(), max=new_high.item())
        if (new_low, new_high) == (self.low, self.high):
            self.histogram = self.histogram + added
        elif self.low == self.high:
            place = torch.histc(self.low, self.bins, min=new_low.item(), max=new_high.item())
            self.histogram = place * self.histogram.sum() + added
        else:
            self.histogram = added + self.moved(new_low, new_high)
        self.low, self.high = new_low, new_high

    def moved(self, new_low, new_high):
        parts = self.histogram.repeat_interleave(self.rate) / self.rate
        width = (self.high - self.low) / (self.bins * self.rate)
        middles = torch.linspace(self.low.item(), self.high.item(), self.bins * self.rate + 1)[:-1] + 0.5 * width
        edges = torch.linspace(new_low.item(), new_high.item(), self.bins + 1)
        places = torch.clamp(torch.bucketize(middles, edges, right=True) - 1, 0, self.bins - 1)
        return torch.bincount(places, weights=parts, minlength=self.bins)

    def error(self, start, end):
        levels = self.largest - self.smallest + 1
        width = (self.high.item() - self.low.item()) / self.bins
        step = width * (end - start + 1) / levels
        if step == 0:
            return 0.0
        begins = (torch.arange(self.bins) - start) * width
        ends = begins + width
        first = torch.clamp(torch.div(begins, step, rounding_mode="floor"), 0, levels - 1)
        last = torch.clamp(torch.div(ends, step, rounding_mode="floor"), 0, levels - 1)
        density = self.histogram / width

        def integral(low, high):
            return density * (high * high * high - low * low * low) / 3

        half = torch.tensor(step / 2)
        sums = integral(begins - (first + 0.5) * step, half * torch.ones(self.bins))
        sums = sums + (last - first - 1) * integral(-half, half)
        sums = sums + integral(-half, ends - (last * step + step / 2))
        return sums.sum().item()

    def select(self):
        width = (self.high - self.low) / self.bins
        total, sums = self.histogram.sum().item(), torch.cumsum(self.histogram, 0)
        alpha, beta, start, end, best = 0.0, 1.0, 0, self.bins - 1, math.inf
        while alpha < beta:
            next_alpha, next_beta = alpha + 1e-5, beta - 1e-5
            left, right = start, end
            while left < end and sums[left] < next_alpha * total:
                left += 1
            while right > start and sums[right] > next_beta * total:
                right -= 1
            next_start, next_end = start, end
            if left - start > end - right:
                next_start, alpha = left, next_alpha
            else:
                next_end, beta = right, next_beta
            if (next_start, next_end) == (start, end):
                continue
            error = self.error(next_start, next_end)
            if error > best:
                break
            best, start, end = error, next_start, next_end
        return (self.low + width * start).item(), (self.low + width * (end + 1)).item()


A = torch.tensor([math.sin(i * 0.37) * math.cos(i * 0.011) ** 3 for i in range(4000)], dtype=torch.float32)
B = A.clone()
B[123] = 20
CASES = {
    "A": ([A], 2048, 16, (-128, 127)),
    "B": ([B], 2048, 16, (-128, 127)),
    "A,2A": ([A, 2 * A], 2048, 16, (-128, 127)),
    "2A,A": ([2 * A, A], 2048, 16, (-128, 127)),
    "A,2A bins64": ([A, 2 * A], 64, 16, (-128, 127)),
    "A,3A+1,B bins50 up7": ([A, 3 * A + 1, B], 50, 7, (-128, 127)),
    "B qint4": ([B], 2048, 16, (-8, 7)),
    "constant,A bins64": ([torch.full((5,), 0.25), A], 64, 16, (-128, 127)),
}

result = {}
for name, (batches, bins, rate, (smallest, largest)) in CASES.items():
    observer = Observer(bins, rate, smallest, largest)
    for batch in batches:
        observer.observe(batch)
    low, high = observer.select()
    histogram = observer.histogram.tolist()
    result[name] = {
        "bins": bins, "rate": rate, "smallest": smallest, "low": observer.low.item(), "high": observer.high.item(),
        "selectedLow": low, "selectedHigh": high, "counts": histogram if bins <= 64 else [],
        "sum": sum(histogram), "nonzero": sum(1 for count in histogram if count != 0),
    }
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"torch": torch.__version__, "cases": result}, indent=1) + "\n")
