"""Writes goldens.safetensors: seeded cases of operators, optimizers, schedules and a small network, computed by PyTorch.

    python3 Tests/Fixtures/training/make_goldens.py

Each case `NAME` has the tensors NAME.in.I (inputs), NAME.out (result), NAME.up (the gradient that comes in, for operators) and
NAME.grad.I. Needs torch, numpy and safetensors; the file holds little, so that it can be committed.
"""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(20261122)
torch.set_num_threads(1)
CASES = {}


def randn(*shape, scale=1.0, shift=0.0):
    return (torch.randn(*shape) * scale + shift).requires_grad_(True)


def record(name, result, *inputs):
    up = torch.randn_like(result)
    gradients = torch.autograd.grad(result, [x for x in inputs if x.requires_grad], up)
    remaining = iter(gradients)
    CASES[f"{name}.out"] = result.detach()
    CASES[f"{name}.up"] = up
    for index, value in enumerate(inputs):
        CASES[f"{name}.in.{index}"] = value.detach()
        if value.requires_grad:
            CASES[f"{name}.grad.{index}"] = next(remaining)


def convolutions():
    x, w, b = randn(2, 4, 7, 6), randn(6, 2, 3, 2), randn(6)
    record("conv_grouped", F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), x, w, b)
    x, w = randn(2, 16, 9, 9), randn(32, 16, 3, 3, scale=0.1)
    record("conv_plain", F.conv2d(x, w, None, padding=1), x, w)
    x, w = randn(2, 1, 8, 8), randn(16, 1, 3, 3)
    record("conv_first", F.conv2d(x, w, None, padding=1), x, w)
    x, w, b = randn(2, 3, 6, 6), randn(5, 3, 3, 3), randn(5)
    record("conv_asymmetric", F.conv2d(F.pad(x, (1, 2, 0, 1)), w, b), x, w, b)
    x, w, b = randn(2, 8, 6, 6), randn(8, 1, 3, 3), randn(8)
    record("conv_depthwise", F.conv2d(x, w, b, padding=1, groups=8), x, w, b)
    x, w, b = randn(2, 3, 9), randn(4, 3, 3), randn(4)
    record("conv_1d", F.conv1d(x, w, b, padding=1, stride=2), x, w, b)
    x, w, b = randn(2, 4, 5, 4), randn(4, 3, 3, 2), randn(6)
    record("conv_transposed", F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1, groups=2), x, w, b)


def products():
    a, b, c = randn(4, 5), randn(3, 5), randn(3)
    record("gemm", F.linear(a, b, c), a, b, c)
    a, b, c = randn(5, 4), randn(5, 3), randn(4, 3)
    record("gemm_scaled", 0.5 * a.T @ b + 2 * c, a, b, c)
    a, b = randn(2, 1, 3, 4), randn(5, 4, 2)
    record("matmul_batched", a @ b, a, b)
    a, b = randn(2, 3, 4), randn(4, 5)
    record("matmul_flat", a @ b, a, b)
    a, b = randn(4), randn(2, 4, 5)
    record("matmul_vector", a @ b, a, b)


def normalizations():
    x, s, t = randn(3, 5, 4, 4, shift=2.0), randn(5), randn(5)
    record("batch_norm", F.batch_norm(x, None, None, s, t, True, 0.1, 1e-5), x, s, t)
    x, s, t = randn(6, 20, 3, 3, shift=-1.0), randn(20), randn(20)
    record("batch_norm_relu", F.relu(F.batch_norm(x, None, None, s, t, True, 0.1, 1e-5)), x, s, t)
    x, s, t = randn(4, 7), randn(7), randn(7)
    record("batch_norm_flat", F.batch_norm(x, None, None, s, t, True, 0.1, 1e-5), x, s, t)
    x, s, t, m, v = randn(3, 5, 4, 4), randn(5), randn(5), torch.randn(5), torch.rand(5) + 0.5
    record("batch_norm_fixed", F.batch_norm(x, m, v, s, t, False, 0.1, 1e-5), x, s, t, m, v)
    x, s, t = randn(3, 4, 6), randn(6), randn(6)
    record("layer_norm", F.layer_norm(x, (6,), s, t, 1e-5), x, s, t)
    x = randn(3, 4, 5)
    record("softmax", F.softmax(x, 1), x)
    record("log_softmax", F.log_softmax(x, 2), x)


def poolings():
    x = randn(2, 5, 7, 7)
    record("max_pool", F.max_pool2d(x, 3, stride=2, padding=1), x)
    record("max_pool_ceil", F.max_pool2d(x, 2, stride=2, ceil_mode=True), x)
    record("average_pool", F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False), x)
    record("average_pool_padding", F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=True), x)
    record("global_average_pool", x.mean((2, 3), keepdim=True), x)
    record("global_max_pool", x.amax((2, 3), keepdim=True), x)


def elements():
    x = randn(4, 9)
    functions = {
        "absolute": torch.abs, "negate": torch.neg, "relu": F.relu, "leaky_relu": lambda v: F.leaky_relu(v, 0.1),
        "elu": lambda v: F.elu(v, 1.5), "sigmoid": torch.sigmoid, "hard_sigmoid": F.hardsigmoid,
        "hard_swish": F.hardswish, "tanh": torch.tanh, "exp": torch.exp, "erf": torch.erf, "softplus": F.softplus,
        "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "gelu": F.gelu,
        "gelu_tanh": lambda v: F.gelu(v, approximate="tanh"), "reciprocal": torch.reciprocal,
    }
    for name, function in functions.items():
        y = randn(4, 9, scale=2)
        record(f"unary_{name}", function(y), y)
    y = (torch.rand(4, 9) + 0.2).requires_grad_(True)
    record("unary_log", torch.log(y), y)
    record("unary_sqrt", torch.sqrt(y), y)
    a, b = randn(2, 3, 4), randn(3, 1)
    record("binary_add", a + b, a, b)
    record("binary_subtract", a - b, a, b)
    record("binary_multiply", a * b, a, b)
    record("binary_divide", a / b, a, b)
    a, b = (torch.rand(3, 4) + 0.5).requires_grad_(True), randn(4)
    record("binary_power", a**b, a, b)
    a, b = randn(2, 3, 4), randn(3, 1)
    record("binary_prelu", torch.where(a < 0, a * b, a), a, b)
    a, b, c = randn(2, 3), randn(3), randn(2, 1)
    record("variadic_sum", a + b + c, a, b, c)
    record("variadic_mean", (a + b + c) / 3, a, b, c)
    record("variadic_minimum", torch.minimum(torch.minimum(a, b), c), a, b, c)
    record("variadic_maximum", torch.maximum(torch.maximum(a, b), c), a, b, c)
    record("clip", torch.clamp(x, -0.5, 0.7), x)


def movements():
    x, y = randn(2, 3, 4), randn(2, 2, 4)
    record("reshape", x.reshape(6, 4), x)
    record("transpose", x.permute(2, 0, 1), x)
    record("concat", torch.cat([x, y], 1), x, y)
    record("slice", x[:, 1:, ::2], x)
    record("pad_constant", F.pad(x, (1, 2, 0, 1), value=0.25), x)
    z = randn(1, 2, 4, 4)
    record("pad_reflect", F.pad(z, (1, 2, 2, 1), mode="reflect"), z)
    record("pad_edge", F.pad(z, (1, 2, 2, 1), mode="replicate"), z)
    record("resize", F.interpolate(z, scale_factor=2, mode="nearest"), z)
    z = randn(3, 1)
    record("expand", z.expand(2, 3, 4), z)
    parts = x.split([1, 2], 1)
    record("split", torch.cat([parts[1] * 2, parts[0]], 1), x)
    table, rows = randn(5, 3), torch.tensor([[1, 4, 1], [0, 1, 3]])
    record("gather", F.embedding(rows, table), table, rows)
    record("reduce_mean", x.mean((0, 2)), x)
    record("reduce_sum", x.sum((1,), keepdim=True), x)
    record("reduce_maximum", x.amax((1, 2)), x)


def recurrent():
    """PyTorch's gates are input, forget, cell, output; ONNX's are input, output, forget, cell."""
    for name, directions in [("lstm", 1), ("lstm_both", 2)]:
        x, hidden, cell = randn(5, 3, 4), randn(directions, 3, 6), randn(directions, 3, 6)
        w, r, b = randn(directions, 24, 4), randn(directions, 24, 6), randn(directions, 48)

        def ordered(matrix):
            i, o, f, c = matrix.chunk(4)
            return torch.cat([i, f, c, o])

        layer = torch.nn.LSTM(4, 6, bidirectional=directions == 2)
        values = {}
        for d in range(directions):
            suffix = "_reverse" if d else ""
            values[f"weight_ih_l0{suffix}"], values[f"weight_hh_l0{suffix}"] = ordered(w[d]), ordered(r[d])
            values[f"bias_ih_l0{suffix}"], values[f"bias_hh_l0{suffix}"] = ordered(b[d][:24]), ordered(b[d][24:])
        y, (last, final) = torch.func.functional_call(layer, values, (x, (hidden, cell)))
        y = y.reshape(5, 3, directions, 6).permute(0, 2, 1, 3)
        # All three outputs, so that the gradient of each counts.
        joined = torch.cat([y.reshape(-1, 18), last.reshape(-1, 18), final.reshape(-1, 18)])
        record(name, joined, x, w, r, b, hidden, cell)


def losses():
    x, labels = randn(5, 7), torch.tensor([1, 6, 0, 3, 3])
    for name, smoothing in [("cross_entropy", 0.0), ("cross_entropy_smooth", 0.1)]:
        value = F.cross_entropy(x, labels, label_smoothing=smoothing)
        CASES[f"{name}.in.0"], CASES[f"{name}.in.1"] = x.detach(), labels
        CASES[f"{name}.out"], CASES[f"{name}.grad.0"] = value.detach(), torch.autograd.grad(value, x)[0]
    target = torch.randn(5, 7)
    value = F.mse_loss(x, target)
    CASES["squared_error.in.0"], CASES["squared_error.in.1"] = x.detach(), target
    CASES["squared_error.out"], CASES["squared_error.grad.0"] = value.detach(), torch.autograd.grad(value, x)[0]


def distillation():
    """The logits x learn from those of a teacher and from labels."""
    x, teacher, labels = randn(6, 7), torch.randn(6, 7) * 3, torch.tensor([1, 6, 0, 3, 3, 2])
    CASES["distillation.in.0"], CASES["distillation.in.1"], CASES["distillation.in.2"] = x.detach(), labels, teacher
    for name, weight, temperature, smoothing in [("plain", 1.0, 1.0, 0.0), ("warm", 1.0, 3.0, 0.0), ("mixed", 0.7, 4.0, 0.1)]:
        divergence = F.kl_div(
            F.log_softmax(x / temperature, 1), F.log_softmax(teacher / temperature, 1), reduction="batchmean",
            log_target=True)
        value = weight * temperature**2 * divergence
        value = value + (1 - weight) * F.cross_entropy(x, labels, label_smoothing=smoothing)
        CASES[f"distillation_{name}.out"] = value.detach()
        CASES[f"distillation_{name}.grad.0"] = torch.autograd.grad(value, x)[0]


def split_mix(state):
    """SplitMix64: the output function."""
    mask = (1 << 64) - 1
    z = state & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def augmentation():
    """Images as `SampleAugmentation` documents its draws; the generator's own, so that what a seed means never changes."""
    seed, epoch, numbers, shift = 20261122, 3, [0, 7, 100_000, 7, 12], 2
    images = torch.randn(5, 2, 6, 7)
    moved, shares = [], []
    for image, number in zip(images, numbers):
        state = split_mix(split_mix(split_mix(seed) + epoch + 1) + number)

        def draw():
            nonlocal state
            state = (state + 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
            return split_mix(state)

        def below(bound):
            rest = (1 << 64) % bound
            while True:
                bits = draw()
                if bits < (1 << 64) - rest:
                    return bits % bound

        if below(2) == 1:
            image = image.flip(2)
        rows, columns = below(2 * shift + 1) - shift, below(2 * shift + 1) - shift
        padded = F.pad(image[None], [shift] * 4, mode="replicate")[0]
        moved.append(padded[:, shift - rows : shift - rows + 6, shift - columns : shift - columns + 7])
        shares.append((draw() >> 40) / 2**24)
    moved = torch.stack(moved)
    share = torch.tensor(shares, dtype=torch.float32)[:, None, None, None]
    CASES["augmentation.in"], CASES["augmentation.moved"] = images, moved
    CASES["augmentation.blended"] = (1 - share) * moved + share * moved.roll(-1, 0)


def optimizers():
    settings = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1), "sgd_decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
        "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "adam_decay": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    }
    start, gradients = torch.randn(4, 5), torch.randn(6, 4, 5)
    CASES["optimizer.start"], CASES["optimizer.gradients"] = start, gradients
    for name, make in settings.items():
        weight = start.clone().requires_grad_(True)
        optimizer = make([weight])
        for gradient in gradients:
            weight.grad = gradient.clone()
            optimizer.step()
        CASES[f"optimizer.{name}"] = weight.detach().clone()


def schedules():
    steps, total = 30, 24
    for name, make in {
        "linear": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda s: max(0.0, 1 - s / total)),
        "steps": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [5, 12, 20], 0.3),
        # PyTorch's goes up again behind the end.
        "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, total),
    }.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
        schedule = make(optimizer)
        rates = []
        for _ in range(total + 1 if name == "cosine" else steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        CASES[f"schedule.{name}"] = torch.tensor(rates, dtype=torch.float64)


def network():
    """Two convolutions with normalization, a residual sum, pooling and a linear layer, trained 20 steps."""
    shapes = {"c1": (8, 1, 3, 3), "s1": (8,), "b1": (8,), "c2": (8, 8, 3, 3), "s2": (8,), "b2": (8,), "w": (4, 8), "v": (4,)}
    weights = {name: torch.randn(*shape) * 0.3 for name, shape in shapes.items()}
    weights["s1"], weights["s2"] = torch.ones(8), torch.ones(8)
    images, labels = torch.randn(20, 6, 1, 10, 10), torch.randint(0, 4, (20, 6))
    for name, value in weights.items():
        CASES[f"network.start.{name}"] = value.clone()
    CASES["network.images"], CASES["network.labels"] = images, labels
    for value in weights.values():
        value.requires_grad_(True)
    optimizer = torch.optim.SGD(weights.values(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    values = []
    for image, label in zip(images, labels):
        x = F.conv2d(image, weights["c1"], padding=1)
        x = F.relu(F.batch_norm(x, None, None, weights["s1"], weights["b1"], True))
        x = F.max_pool2d(x, 2)
        y = F.batch_norm(F.conv2d(x, weights["c2"], padding=1), None, None, weights["s2"], weights["b2"], True)
        y = F.linear(F.relu(x + y).mean((2, 3)), weights["w"], weights["v"])
        loss = F.cross_entropy(y, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    CASES["network.losses"] = torch.tensor(values, dtype=torch.float64)
    for name, value in weights.items():
        CASES[f"network.end.{name}"] = value.detach().clone()


def write(path):
    header, data, offset = {"__metadata__": {"torch": torch.__version__}}, [], 0
    names = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    for name in sorted(CASES, key=lambda n: (-CASES[n].element_size(), n)):
        raw = np.ascontiguousarray(CASES[name].numpy()).tobytes()
        header[name] = {
            "dtype": names[CASES[name].dtype], "shape": list(CASES[name].shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
        data.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    print(f"{path}: {offset} bytes")


for part in (
    convolutions, products, normalizations, poolings, elements, movements, losses, optimizers, schedules, network,
    recurrent, distillation, augmentation):
    part()
write(pathlib.Path(__file__).with_name("goldens.safetensors"))
