#!/usr/bin/env python3
"""Train a small residual CNN on scikit-learn's digits and export it to ONNX.

The result is a model to try post-training quantization on: it has what real
vision networks have (Conv + BatchNormalization pairs, residual additions with
and without a projection, global average pooling, a Gemm head), yet it trains
in under a minute on one core with nothing but numpy.

    python train.py                  train, then write digits.onnx,
                                     calibration.npz and evaluation.npz
    python train.py --check          compare every gradient with finite
                                     differences (exit code 1 on a mismatch)
    python train.py --output DIR     write somewhere else than next to train.py

Everything random comes from fixed seeds and all arithmetic runs on one thread,
so two runs on one machine write the same bytes.
"""

import os

# Set before numpy is imported, because BLAS reads these only when it is loaded.
# A second thread would split the sums in the matrix products differently, and
# float addition is not associative: the trained weights would not be the same.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                  "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import hashlib
import importlib.util
import io
import math
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

# --- Data ---------------------------------------------------------------------

SOURCE_SIZE = 8           # scikit-learn's digits are 8x8 ...
SOURCE_MAX = 16.0         # ... with integer grey values 0...16
IMAGE_SIZE = 32           # side after resizing
CLASSES = 10
TEST_FRACTION = 0.25      # 450 of 1797 images
CALIBRATION_COUNT = 256

# --- Network ------------------------------------------------------------------

STAGE_CHANNELS = (8, 16, 32)
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9   # ONNX's meaning: the share of the old running value

# --- Training -----------------------------------------------------------------

EPOCHS = 16
BATCH_SIZE = 32
PEAK_LEARNING_RATE = 0.08
WARMUP_STEPS = 40
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
MAX_SHIFT = 2               # augmentation: shift by up to this many pixels

# --- Seeds: one per purpose, so that changing one leaves the others alone ------

SEED_SPLIT = 1
SEED_WEIGHTS = 2
SEED_BATCHES = 3
SEED_CALIBRATION = 4
SEED_CHECK = 5

# --- Export -------------------------------------------------------------------

OPSET = 17
IR_VERSION = 8
RUNTIME_TOLERANCE = 1e-3    # largest allowed |our logit - ONNX Runtime's logit|

ATTRIBUTION = (
    "Residual CNN for 32x32 grey images of handwritten digits. Trained on "
    "\"Optical Recognition of Handwritten Digits\" (E. Alpaydin, C. Kaynak, 1998), "
    "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licensed "
    "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), in the copy bundled "
    "with scikit-learn. Changes: the 8x8 images were scaled to 0...1 and resized to "
    "32x32 with bilinear interpolation."
)


# ==============================================================================
# Data
# ==============================================================================

def bilinear_matrix(source, target):
    """The [target, source] matrix that resizes one axis bilinearly.

    Pixel centres are at half-integers (what PIL, OpenCV and ONNX's default
    `half_pixel` do); beyond the outermost centres the edge pixel is repeated.
    """
    matrix = np.zeros((target, source))
    for row in range(target):
        position = (row + 0.5) * source / target - 0.5
        position = min(max(position, 0.0), source - 1.0)
        left = min(int(position), source - 2)
        matrix[row, left] = 1.0 - (position - left)
        matrix[row, left + 1] = position - left
    return matrix


def load_images():
    """All digits as (float32 [1797, 1, 32, 32] in 0...1, int64 [1797]).

    Resizing 8 -> 32 weighs pixels with multiples of 1/8 per axis, so every
    result is a multiple of 1/1024: exact in float32, the same on any machine.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    resize = bilinear_matrix(SOURCE_SIZE, IMAGE_SIZE)
    images = resize @ (digits.images / SOURCE_MAX) @ resize.T
    return images[:, None].astype(np.float32), digits.target.astype(np.int64)


def split(images, labels):
    """A stratified split: (train images, test images, train labels, test labels)."""
    from sklearn.model_selection import train_test_split

    return train_test_split(images, labels, test_size=TEST_FRACTION,
                            stratify=labels, random_state=SEED_SPLIT)


def shifted(images, rng):
    """`images` [N, 1, H, W], each moved by its own few pixels, zero filled.

    Shifts are label preserving for digits and keep so small a training set
    from being learnt by heart.
    """
    count, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (MAX_SHIFT,) * 2, (MAX_SHIFT,) * 2))
    offsets = rng.integers(0, 2 * MAX_SHIFT + 1, size=(count, 2))
    result = np.empty_like(images)
    for index, (y, x) in enumerate(offsets):
        result[index] = padded[index, :, y:y + height, x:x + width]
    return result


# ==============================================================================
# Layers
#
# Activations are [C, H, W, N]: channels first, the batch LAST. Then a kernel
# offset is a slice made of long contiguous runs (fast to copy, also with stride
# 2), a convolution is one matrix product with the weight in ONNX's own OIHW
# layout, and per-channel statistics are row sums.
#
# A layer's `forward` keeps what its `backward` needs; `backward` takes the
# gradient of the loss with respect to the output, stores the gradients of the
# layer's parameters and returns the gradient with respect to the input.
# ==============================================================================

class Parameter:
    """A trainable array with its gradient."""

    def __init__(self, value, decay):
        self.value = value
        self.gradient = np.zeros_like(value)
        self.decay = decay      # whether weight decay applies


class Conv:
    """2-D convolution, square kernel, zero padding `kernel // 2`, no bias.

    There is no bias because a BatchNorm always follows, which would subtract it.
    """

    def __init__(self, inputs, outputs, kernel, stride, rng, dtype):
        fan_in = inputs * kernel * kernel
        # He initialisation keeps the variance of activations through ReLUs.
        value = rng.normal(0.0, math.sqrt(2.0 / fan_in), (outputs, inputs, kernel, kernel))
        self.weight = Parameter(value.astype(dtype), decay=True)
        self.kernel, self.stride, self.pad = kernel, stride, kernel // 2

    def _windows(self, height, width):
        """For each kernel offset (ky, kx), the slices of the padded input it meets."""
        for ky in range(self.kernel):
            for kx in range(self.kernel):
                yield (ky, kx,
                       slice(ky, ky + (height - 1) * self.stride + 1, self.stride),
                       slice(kx, kx + (width - 1) * self.stride + 1, self.stride))

    def forward(self, x, training):
        channels, height, width, count = x.shape
        pad, kernel, stride = self.pad, self.kernel, self.stride
        out_height = (height + 2 * pad - kernel) // stride + 1
        out_width = (width + 2 * pad - kernel) // stride + 1

        padded = np.zeros((channels, height + 2 * pad, width + 2 * pad, count), x.dtype)
        padded[:, pad:pad + height, pad:pad + width] = x

        # im2col: one column per output pixel, one row per weight of a filter.
        columns = np.empty((channels, kernel, kernel, out_height, out_width, count), x.dtype)
        for ky, kx, rows, cols in self._windows(out_height, out_width):
            columns[:, ky, kx] = padded[:, rows, cols]
        columns = columns.reshape(channels * kernel * kernel, -1)

        weight = self.weight.value
        y = weight.reshape(len(weight), -1) @ columns
        if training:
            self.saved = columns, padded.shape, (out_height, out_width)
        return y.reshape(len(weight), out_height, out_width, count)

    def backward(self, dy):
        columns, padded_shape, (out_height, out_width) = self.saved
        channels, padded_height, padded_width, count = padded_shape
        weight = self.weight.value
        dy = dy.reshape(len(weight), -1)

        self.weight.gradient = (dy @ columns.T).reshape(weight.shape)

        # col2im, the transpose of im2col: an input pixel that was copied to
        # several columns gets the sum of their gradients.
        dcolumns = (weight.reshape(len(weight), -1).T @ dy).reshape(
            channels, self.kernel, self.kernel, out_height, out_width, count)
        dpadded = np.zeros(padded_shape, dy.dtype)
        for ky, kx, rows, cols in self._windows(out_height, out_width):
            dpadded[:, rows, cols] += dcolumns[:, ky, kx]
        pad = self.pad
        return dpadded[:, pad:padded_height - pad, pad:padded_width - pad]


class BatchNorm:
    """Batch normalization over everything but the channel axis."""

    def __init__(self, channels, dtype):
        # No decay: pulling a scale towards zero does not regularise the function
        # the way it does for a weight, it only fights the normalisation.
        self.scale = Parameter(np.ones(channels, dtype), decay=False)
        self.bias = Parameter(np.zeros(channels, dtype), decay=False)
        self.running_mean = np.zeros(channels, dtype)
        self.running_var = np.ones(channels, dtype)

    def forward(self, x, training):
        flat = x.reshape(len(x), -1)
        if training:
            mean = flat.mean(axis=1)
            centred = flat - mean[:, None]
            variance = np.square(centred).mean(axis=1)
            keep = BATCH_NORM_MOMENTUM
            self.running_mean = keep * self.running_mean + (1 - keep) * mean
            self.running_var = keep * self.running_var + (1 - keep) * variance
        else:
            centred = flat - self.running_mean[:, None]
            variance = self.running_var
        inverse = 1.0 / np.sqrt(variance + BATCH_NORM_EPSILON)
        normal = centred * inverse[:, None]
        if training:
            self.saved = normal, inverse
        y = normal * self.scale.value[:, None] + self.bias.value[:, None]
        return y.reshape(x.shape)

    def backward(self, dy):
        normal, inverse = self.saved
        flat = dy.reshape(len(dy), -1)
        self.scale.gradient = (flat * normal).sum(axis=1)
        self.bias.gradient = flat.sum(axis=1)
        # Mean and variance depend on every input too; the two subtracted terms
        # are what flows back through them.
        count = flat.shape[1]
        dx = flat - (self.bias.gradient / count)[:, None]
        dx -= normal * (self.scale.gradient / count)[:, None]
        dx *= (self.scale.value * inverse)[:, None]
        return dx.reshape(dy.shape)


class Relu:
    def forward(self, x, training):
        if training:
            self.saved = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.saved


class GlobalAveragePool:
    """[C, H, W, N] -> [N, C]: the mean over the image, and back to batch first."""

    def forward(self, x, training):
        self.saved = x.shape
        return x.mean(axis=(1, 2)).T

    def backward(self, dy):
        _, height, width, _ = self.saved
        spread = dy.T[:, None, None, :] / (height * width)
        return np.broadcast_to(spread, self.saved).copy()


class Linear:
    """[N, inputs] -> [N, outputs] with bias; the weight is [outputs, inputs]."""

    def __init__(self, inputs, outputs, rng, dtype):
        value = rng.normal(0.0, math.sqrt(1.0 / inputs), (outputs, inputs))
        self.weight = Parameter(value.astype(dtype), decay=True)
        self.bias = Parameter(np.zeros(outputs, dtype), decay=False)

    def forward(self, x, training):
        if training:
            self.saved = x
        return x @ self.weight.value.T + self.bias.value

    def backward(self, dy):
        self.weight.gradient = dy.T @ self.saved
        self.bias.gradient = dy.sum(axis=0)
        return dy @ self.weight.value


class ResidualBlock:
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)).

    The shortcut is the identity, or a strided 1x1 convolution with its own
    BatchNorm where the block changes the shape.
    """

    def __init__(self, inputs, outputs, stride, rng, dtype):
        self.conv1 = Conv(inputs, outputs, 3, stride, rng, dtype)
        self.bn1 = BatchNorm(outputs, dtype)
        self.relu1 = Relu()
        self.conv2 = Conv(outputs, outputs, 3, 1, rng, dtype)
        self.bn2 = BatchNorm(outputs, dtype)
        self.relu2 = Relu()
        self.shortcut_conv = self.shortcut_bn = None
        if stride != 1 or inputs != outputs:
            self.shortcut_conv = Conv(inputs, outputs, 1, stride, rng, dtype)
            self.shortcut_bn = BatchNorm(outputs, dtype)

    def forward(self, x, training):
        y = x
        for layer in (self.conv1, self.bn1, self.relu1, self.conv2, self.bn2):
            y = layer.forward(y, training)
        if self.shortcut_conv:
            x = self.shortcut_bn.forward(self.shortcut_conv.forward(x, training), training)
        return self.relu2.forward(y + x, training)

    def backward(self, dy):
        dsum = self.relu2.backward(dy)      # an addition hands its gradient to both sides
        dx = dsum
        for layer in (self.bn2, self.conv2, self.relu1, self.bn1, self.conv1):
            dx = layer.backward(dx)
        if self.shortcut_conv:
            dsum = self.shortcut_conv.backward(self.shortcut_bn.backward(dsum))
        return dx + dsum


class Network:
    """Stem, one residual block per stage, global average pooling, linear head."""

    def __init__(self, rng, dtype=np.float32):
        first = STAGE_CHANNELS[0]
        self.stem_conv = Conv(1, first, 3, 1, rng, dtype)
        self.stem_bn = BatchNorm(first, dtype)
        self.stem_relu = Relu()
        self.stages = []
        inputs = first
        for index, outputs in enumerate(STAGE_CHANNELS):
            stride = 1 if index == 0 else 2
            self.stages.append(ResidualBlock(inputs, outputs, stride, rng, dtype))
            inputs = outputs
        self.pool = GlobalAveragePool()
        self.head = Linear(inputs, CLASSES, rng, dtype)

    def sequence(self):
        return [self.stem_conv, self.stem_bn, self.stem_relu, *self.stages,
                self.pool, self.head]

    def forward(self, images, training=False):
        """Logits [N, 10] of images [N, 1, H, W]."""
        x = np.ascontiguousarray(images.transpose(1, 2, 3, 0))
        for layer in self.sequence():
            x = layer.forward(x, training)
        return x

    def backward(self, dlogits):
        """The gradient with respect to the images, [N, 1, H, W]."""
        dx = dlogits
        for layer in reversed(self.sequence()):
            dx = layer.backward(dx)
        return dx.transpose(3, 0, 1, 2)

    def layers_by_name(self):
        """Every layer that has arrays, under the name its arrays have in ONNX."""
        yield "stem.conv", self.stem_conv
        yield "stem.bn", self.stem_bn
        for number, block in enumerate(self.stages, start=1):
            yield f"stage{number}.conv1", block.conv1
            yield f"stage{number}.bn1", block.bn1
            yield f"stage{number}.conv2", block.conv2
            yield f"stage{number}.bn2", block.bn2
            if block.shortcut_conv:
                yield f"stage{number}.shortcut.conv", block.shortcut_conv
                yield f"stage{number}.shortcut.bn", block.shortcut_bn
        yield "head", self.head

    def parameters(self):
        """(name, Parameter) of everything that is trained."""
        for name, layer in self.layers_by_name():
            for attribute in ("weight", "scale", "bias"):
                if hasattr(layer, attribute):
                    yield f"{name}.{attribute}", getattr(layer, attribute)

    def predict(self, images, batch=64):
        """Inference logits, in small batches to bound the memory of im2col."""
        return np.concatenate([self.forward(images[start:start + batch])
                               for start in range(0, len(images), batch)])


def cross_entropy(logits, labels):
    """Mean softmax cross entropy and its gradient with respect to the logits."""
    shifted_logits = logits - logits.max(axis=1, keepdims=True)   # exp cannot overflow
    exponents = np.exp(shifted_logits)
    total = exponents.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = (np.log(total[:, 0]) - shifted_logits[rows, labels]).mean()
    gradient = exponents / total
    gradient[rows, labels] -= 1.0
    return loss, gradient / len(labels)


# ==============================================================================
# Training
# ==============================================================================

def learning_rate(step, steps):
    """Linear warm-up (the first batches have no useful statistics), then a cosine to 0."""
    if step < WARMUP_STEPS:
        return PEAK_LEARNING_RATE * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)
    return PEAK_LEARNING_RATE * 0.5 * (1.0 + math.cos(math.pi * progress))


def accuracy(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean())


def train(images, labels):
    """A trained network. The test set is not looked at here, not even to pick an epoch."""
    network = Network(np.random.default_rng(SEED_WEIGHTS))
    parameters = [parameter for _, parameter in network.parameters()]
    velocities = [np.zeros_like(parameter.value) for parameter in parameters]
    rng = np.random.default_rng(SEED_BATCHES)
    # The last, smaller batch of an epoch is dropped: its statistics would be
    # noisier. Each epoch is shuffled anew, so no image is left out for good.
    batches = len(images) // BATCH_SIZE
    step = 0
    for epoch in range(EPOCHS):
        started = time.perf_counter()
        order = rng.permutation(len(images))
        loss_sum = correct = 0.0
        for batch in range(batches):
            chosen = order[batch * BATCH_SIZE:(batch + 1) * BATCH_SIZE]
            logits = network.forward(shifted(images[chosen], rng), training=True)
            loss, dlogits = cross_entropy(logits, labels[chosen])
            network.backward(dlogits)
            rate = learning_rate(step, EPOCHS * batches)
            for parameter, velocity in zip(parameters, velocities):
                gradient = parameter.gradient
                if parameter.decay:
                    gradient = gradient + WEIGHT_DECAY * parameter.value
                velocity *= MOMENTUM
                velocity += gradient
                parameter.value -= rate * velocity
            loss_sum += float(loss)
            correct += accuracy(logits, labels[chosen])
            step += 1
        print(f"epoch {epoch + 1:2d}/{EPOCHS}  loss {loss_sum / batches:.4f}  "
              f"training accuracy {100 * correct / batches:6.2f} %  "
              f"{time.perf_counter() - started:4.1f} s", flush=True)
    return network


# ==============================================================================
# Gradient check
# ==============================================================================

CHECK_STEP = 1e-6            # finite-difference step, in float64
CHECK_TOLERANCE = 1e-5       # largest allowed error, relative to the largest gradient
CHECK_SAMPLES = 12           # elements tried per array


def check_array(name, array, gradient, loss, rng):
    """Compare `gradient` with central differences of `loss()` over `array`; True if equal.

    The error is measured against the largest gradient in the array: single
    elements may be zero or nearly so, where a relative error means nothing.
    """
    flat = array.reshape(-1)
    assert np.shares_memory(flat, array) and gradient.shape == array.shape
    chosen = rng.choice(flat.size, size=min(CHECK_SAMPLES, flat.size), replace=False)
    worst = 0.0
    for index in chosen:
        original = flat[index]
        flat[index] = original + CHECK_STEP
        above = loss()
        flat[index] = original - CHECK_STEP
        below = loss()
        flat[index] = original
        numeric = (above - below) / (2 * CHECK_STEP)
        worst = max(worst, abs(numeric - gradient.reshape(-1)[index]))
    scale = np.abs(gradient).max()
    error = worst / scale if scale > 0 else math.inf   # an all-zero gradient is a bug too
    passed = bool(error <= CHECK_TOLERANCE)            # False for NaN
    print(f"{'ok  ' if passed else 'FAIL'}  {name:<44} {error:.1e}")
    return passed


def check_gradients():
    """Every layer alone and the whole network against finite differences; True if all agree.

    float64, because float32's rounding would drown a finite difference.
    """
    rng = np.random.default_rng(SEED_CHECK)
    f8 = np.float64
    results = []

    cases = [   # 7 and 8: stride 2 meets odd and even sizes
        ("conv 3x3", Conv(3, 4, 3, 1, rng, f8), (3, 7, 8, 2)),
        ("conv 3x3 stride 2", Conv(3, 4, 3, 2, rng, f8), (3, 7, 8, 2)),
        ("conv 1x1 stride 2", Conv(3, 4, 1, 2, rng, f8), (3, 7, 8, 2)),
        ("batch norm", BatchNorm(3, f8), (3, 4, 5, 2)),
        ("relu", Relu(), (3, 4, 5, 2)),
        ("global average pool", GlobalAveragePool(), (3, 4, 5, 2)),
        ("linear", Linear(5, 4, rng, f8), (6, 5)),
        ("residual block, identity", ResidualBlock(3, 3, 1, rng, f8), (3, 6, 6, 2)),
        ("residual block, projection", ResidualBlock(3, 4, 2, rng, f8), (3, 6, 6, 2)),
    ]
    for name, layer, shape in cases:
        if isinstance(layer, BatchNorm):    # ones and zeros would hide a missing factor
            layer.scale.value[:] = rng.uniform(0.5, 2.0, len(layer.scale.value))
            layer.bias.value[:] = rng.normal(size=len(layer.bias.value))
        x = rng.normal(size=shape)
        # A fixed random weighting of the outputs makes a scalar whose gradient is known.
        weighting = rng.normal(size=layer.forward(x, True).shape)

        def loss():
            return float((layer.forward(x, True) * weighting).sum())

        loss()
        dx = layer.backward(weighting)
        results.append(check_array(f"{name}: input", x, dx, loss, rng))
        for attribute in ("weight", "scale", "bias"):
            if hasattr(layer, attribute):
                parameter = getattr(layer, attribute)
                results.append(check_array(f"{name}: {attribute}", parameter.value,
                                           parameter.gradient, loss, rng))

    network = Network(rng, f8)
    for _, layer in network.layers_by_name():
        if isinstance(layer, BatchNorm):
            layer.scale.value[:] = rng.uniform(0.5, 2.0, len(layer.scale.value))
            layer.bias.value[:] = rng.normal(size=len(layer.bias.value))
    images = rng.uniform(size=(4, 1, 12, 12))
    labels = rng.integers(0, CLASSES, size=4)

    def network_loss():
        return float(cross_entropy(network.forward(images, True), labels)[0])

    _, dlogits = cross_entropy(network.forward(images, True), labels)
    dimages = network.backward(dlogits)
    results.append(check_array("network: image", images, dimages, network_loss, rng))
    for name, parameter in network.parameters():
        results.append(check_array(f"network: {name}", parameter.value,
                                   parameter.gradient, network_loss, rng))

    print(f"{sum(results)} of {len(results)} gradients agree with finite differences")
    return all(results)


# ==============================================================================
# Export
# ==============================================================================

class GraphWriter:
    """Collects ONNX nodes and initializers; each method returns its output's name."""

    def __init__(self):
        self.nodes = []
        self.initializers = []

    def initializer(self, name, array):
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(
            np.ascontiguousarray(array, dtype=np.float32), name))
        return name

    def node(self, op, path, inputs, output=None, **attributes):
        from onnx import helper

        name = f"{path}/{op}"
        output = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def conv(self, path, layer, x):
        name = path.strip("/").replace("/", ".")
        weight = self.initializer(f"{name}.weight", layer.weight.value)
        return self.node("Conv", path, [x, weight],
                         dilations=[1, 1], group=1, kernel_shape=[layer.kernel] * 2,
                         pads=[layer.pad] * 4, strides=[layer.stride] * 2)

    def batch_norm(self, path, layer, x):
        name = path.strip("/").replace("/", ".")
        arrays = [self.initializer(f"{name}.weight", layer.scale.value),
                  self.initializer(f"{name}.bias", layer.bias.value),
                  self.initializer(f"{name}.running_mean", layer.running_mean),
                  self.initializer(f"{name}.running_var", layer.running_var)]
        return self.node("BatchNormalization", path, [x, *arrays],
                         epsilon=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)


def export(network):
    """The network as a checked ONNX model.

    Conv and BatchNormalization stay separate nodes: folding them is a step a
    quantizer has to do itself, and this model is here to try one.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = GraphWriter()
    x = graph.conv("/stem/conv", network.stem_conv, "image")
    x = graph.batch_norm("/stem/bn", network.stem_bn, x)
    x = graph.node("Relu", "/stem/relu", [x])
    for number, block in enumerate(network.stages, start=1):
        stage = f"/stage{number}"
        y = graph.conv(f"{stage}/conv1", block.conv1, x)
        y = graph.batch_norm(f"{stage}/bn1", block.bn1, y)
        y = graph.node("Relu", f"{stage}/relu1", [y])
        y = graph.conv(f"{stage}/conv2", block.conv2, y)
        y = graph.batch_norm(f"{stage}/bn2", block.bn2, y)
        if block.shortcut_conv:
            x = graph.conv(f"{stage}/shortcut/conv", block.shortcut_conv, x)
            x = graph.batch_norm(f"{stage}/shortcut/bn", block.shortcut_bn, x)
        x = graph.node("Add", stage, [y, x])
        x = graph.node("Relu", f"{stage}/relu2", [x])
    x = graph.node("GlobalAveragePool", "/pool", [x])
    x = graph.node("Flatten", "/flatten", [x], axis=1)
    weight = graph.initializer("head.weight", network.head.weight.value)
    bias = graph.initializer("head.bias", network.head.bias.value)
    graph.node("Gemm", "/head", [x, weight, bias], output="logits",
               alpha=1.0, beta=1.0, transB=1)

    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "digits",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT,
                                           ["N", 1, IMAGE_SIZE, IMAGE_SIZE])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
            graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tare-example-digits",
        doc_string=ATTRIBUTION)
    onnx.checker.check_model(model, full_check=True)
    return model


def npz_bytes(**arrays):
    """An .npz file's bytes. np.savez would stamp its members with the current time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array),
                                      allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3              # else it depends on the platform
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue(), compresslevel=9)
    return buffer.getvalue()


def compare_with_runtime(model_bytes, images, expected):
    """Whether ONNX Runtime computes the `expected` logits; None if it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        print("onnxruntime is not installed: the export was not run")
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_bytes, options,
                                           providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"image": images})[0]
    difference = float(np.abs(logits - expected).max())
    print(f"ONNX Runtime {onnxruntime.__version__}: largest logit difference "
          f"{difference:.2e} (allowed {RUNTIME_TOLERANCE:.0e}), "
          f"largest |logit| {float(np.abs(expected).max()):.2f}")
    return difference <= RUNTIME_TOLERANCE


# ==============================================================================

def main():
    parser = argparse.ArgumentParser(
        description="Train a small residual CNN on scikit-learn's digits and export it to ONNX.")
    parser.add_argument("--check", action="store_true",
                        help="compare the gradients with finite differences and exit")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent,
                        metavar="DIR", help="where to write (default: next to this script)")
    arguments = parser.parse_args()

    if arguments.check:
        return 0 if check_gradients() else 1

    # Look now for what is needed only at the end, after the training.
    missing = [name for name in ("sklearn", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"error: Python module not found: {', '.join(missing)}; "
              "install with: pip install -r requirements.txt", file=sys.stderr)
        return 1

    images, labels = load_images()
    train_images, test_images, train_labels, test_labels = split(images, labels)
    print(f"{len(train_images)} training images, {len(test_images)} test images, "
          f"{IMAGE_SIZE}x{IMAGE_SIZE}")

    started = time.perf_counter()
    network = train(train_images, train_labels)
    print(f"trained in {time.perf_counter() - started:.0f} s, "
          f"{sum(p.value.size for _, p in network.parameters())} parameters")

    train_accuracy = accuracy(network.predict(train_images), train_labels)
    test_logits = network.predict(test_images)
    test_accuracy = accuracy(test_logits, test_labels)
    print(f"accuracy: training {100 * train_accuracy:.2f} %, test {100 * test_accuracy:.2f} % "
          f"({round(test_accuracy * len(test_labels))} of {len(test_labels)})")

    model_bytes = export(network).SerializeToString(deterministic=True)
    if compare_with_runtime(model_bytes, test_images, test_logits) is False:
        print("error: the exported model does not compute what was trained; "
              "nothing was written", file=sys.stderr)
        return 1

    # From the training split: a calibration set must not have seen the test images.
    chosen = np.random.default_rng(SEED_CALIBRATION).choice(
        len(train_images), size=CALIBRATION_COUNT, replace=False)
    files = {
        "digits.onnx": model_bytes,
        "calibration.npz": npz_bytes(image=train_images[chosen]),
        "evaluation.npz": npz_bytes(image=test_images, label=test_labels),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (arguments.output / name).write_bytes(content)
        print(f"{name:<16} {len(content):7d} bytes  sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
