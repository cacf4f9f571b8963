#!/usr/bin/python3
"""Makes the golden files in ../resources/golden with PyTorch (Debian: python3-torch; made with 1.13).

    /usr/bin/python3 make_golden.py

Everything is computed in double precision and stored as float32. GoldenOperationTest and GoldenTrainingTest read the files;
the numbers below (geometries, rates) stand there again.
"""
import json
import pathlib
import struct

import numpy
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent.parent / "resources" / "golden"
torch.manual_seed(0)
torch.set_num_threads(1)


def write(name, tensors, half=()):
    """A safetensors file: length of the header, header, data. Names in `half` are stored as float16 (small integers are exact)."""
    header, data = {"__metadata__": {"made by": "make_golden.py, PyTorch " + torch.__version__}}, b""
    for key, value in tensors.items():
        array = numpy.asarray(value.detach() if torch.is_tensor(value) else value)
        array = array.astype("<f2" if key in half else "<f4")
        header[key] = {"dtype": "F16" if key in half else "F32", "shape": list(array.shape),
                       "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def normal(*shape, deviation=1.0):
    """Random doubles that are floats, so that both sides start from the same numbers."""
    return (torch.randn(*shape) * deviation).double()


def response_norm(x, size, alpha, beta, k, groups):
    """The paper's: neighbours within each group, alpha not divided by the size (PyTorch divides it)."""
    return torch.cat([F.local_response_norm(part, size, alpha * size, beta, k) for part in x.chunk(groups, 1)], 1)


def store(tensors, name, operands, function):
    """Stores operands, output, a random output gradient and the operands' gradients under NAME."""
    for value in operands.values():
        value.requires_grad_()
    output = function(*operands.values())
    gradient = normal(*output.shape)
    output.backward(gradient)
    for key, value in operands.items():
        tensors[name + "." + key] = value
        tensors[name + "." + key + ".gradient"] = value.grad
    tensors[name + ".output"] = output
    tensors[name + ".output.gradient"] = gradient


def operations():
    tensors = {}
    # batch, channels, height, width, filters, kernel, stride, padding, groups
    convolutions = [(2, 6, 9, 8, 8, 3, 1, 1, 2), (2, 3, 19, 19, 5, 5, 2, 0, 1), (1, 12, 7, 7, 9, 3, 2, 2, 3), (1, 3, 23, 23, 4, 11, 4, 2, 1)]
    for i, (n, c, h, w, f, kernel, stride, padding, groups) in enumerate(convolutions):
        operands = {"input": normal(n, c, h, w), "weight": normal(f, c // groups, kernel, kernel), "bias": normal(f)}
        store(tensors, "convolution.%d" % i, operands, lambda x, weight, b: F.conv2d(x, weight, b, stride, padding, 1, groups))
    store(tensors, "fullyConnected", {"input": normal(3, 4, 2, 3), "weight": normal(7, 24), "bias": normal(7)},
          lambda x, weight, b: F.linear(x.flatten(1), weight, b))
    # size, alpha, beta, k, groups
    norms = [(5, 1e-4, 0.75, 2.0, 1), (5, 0.5, 0.75, 2.0, 2), (3, 0.25, 0.5, 1.0, 3)]
    for i, norm in enumerate(norms):
        store(tensors, "norm.%d" % i, {"input": normal(2, 12, 3, 2, deviation=2)}, lambda x: response_norm(x, *norm))
    # height, width, window, stride, padding, ceil
    pools = [(13, 13, 3, 2, 0, False), (8, 10, 3, 2, 0, True), (7, 7, 3, 2, 1, True), (6, 9, 2, 3, 1, True), (5, 5, 2, 1, 0, False)]
    for i, (h, w, window, stride, padding, ceil) in enumerate(pools):
        store(tensors, "max.%d" % i, {"input": normal(2, 3, h, w)}, lambda x: F.max_pool2d(x, window, stride, padding, 1, ceil))
        store(tensors, "average.%d" % i, {"input": normal(2, 3, h, w)}, lambda x: F.avg_pool2d(x, window, stride, padding, ceil, False))
    store(tensors, "relu", {"input": normal(2, 3, 4, 5)}, F.relu)
    store(tensors, "tanh", {"input": normal(2, 3, 4, 5, deviation=2)}, torch.tanh)
    logits, labels = normal(6, 11, deviation=5).requires_grad_(), torch.tensor([0, 10, 3, 3, 7, 9])
    F.cross_entropy(logits, labels).backward()
    tensors.update({"softmax.logits": logits, "softmax.labels": labels, "softmax.losses": F.cross_entropy(logits, labels, reduction="none"),
                    "softmax.probabilities": F.softmax(logits, 1), "softmax.gradient": logits.grad,
                    "softmax.ranks": (logits > logits.gather(1, labels[:, None])).sum(1)})
    write("operations.safetensors", tensors)


def network(p, x):
    """Two towers in miniature; names as in the engine."""
    def tower(layer, x, stride, padding, groups):
        return F.relu(F.conv2d(x, p[layer + ".weight"], p[layer + ".bias"], stride, padding, 1, groups))

    x = response_norm(tower("conv1", x, 2, 2, 1), 5, 0.03125, 0.75, 2.0, 2)
    x = F.max_pool2d(x, 3, 2, 0, 1, True)
    x = response_norm(tower("conv2", x, 1, 1, 2), 3, 0.0625, 0.75, 1.0, 2)
    x = F.max_pool2d(x, 3, 2, 0, 1, False)
    x = tower("conv3", x, 1, 1, 1)
    x = tower("conv4", x, 1, 1, 2)
    x = F.avg_pool2d(x, 2, 1, 1, False, False)
    x = F.relu(F.linear(x.flatten(1), p["fc5.weight"], p["fc5.bias"]))
    x = torch.tanh(F.linear(x, p["fc6.weight"], p["fc6.bias"]))
    return F.linear(x, p["fc7.weight"], p["fc7.bias"]), []


def inception(p, x):
    """An Inception module, a residual connection and an auxiliary classifier of weight 0.3 in miniature; names as in the engine."""
    def convolution(layer, x, padding=0):
        return F.relu(F.conv2d(x, p[layer + ".weight"], p[layer + ".bias"], 1, padding))

    def linear(layer, x):
        return F.linear(x.flatten(1), p[layer + ".weight"], p[layer + ".bias"])

    x = response_norm(F.max_pool2d(convolution("conv1", x, 1), 3, 2, 0, 1, True), 3, 0.0625, 0.75, 1.0, 1)
    x = torch.cat([convolution("one", x), convolution("three", convolution("three-reduce", x), 1),
                   convolution("pool-proj", F.max_pool2d(x, 3, 1, 1))], 1)
    x = convolution("residual", x, 1) + x
    auxiliary = convolution("aux-conv", F.avg_pool2d(x, 5, 3))
    auxiliary = linear("aux-scores", F.relu(linear("aux-fc", auxiliary)))
    x = F.avg_pool2d(convolution("conv2", F.max_pool2d(x, 3, 2)), 5)
    return linear("scores", x), [(0.3, auxiliary)]


SHAPES = {"conv1": (16, 3, 5, 5), "conv2": (24, 8, 3, 3), "conv3": (24, 24, 3, 3), "conv4": (16, 12, 3, 3),
          "fc5": (32, 256), "fc6": (32, 32), "fc7": (10, 32)}
INCEPTION = {"conv1": (8, 3, 3, 3), "one": (6, 8, 1, 1), "three-reduce": (4, 8, 1, 1), "three": (8, 4, 3, 3), "pool-proj": (4, 8, 1, 1),
             "residual": (18, 18, 3, 3), "aux-conv": (6, 18, 1, 1), "aux-fc": (16, 54), "aux-scores": (10, 16),
             "conv2": (12, 18, 1, 1), "scores": (10, 12)}
BATCH, STEPS, CLASSES = 6, 6, 10
MOMENTUM, DECAY, INPUT_SCALE = 0.875, 1 / 256, 1 / 64
RATES = [1 / 32] * 3 + [1 / 128] * 3


def prepared(images, crops, mean, size):
    """Cropped, mirrored, minus the mean, scaled; n c y x from stored n y x c."""
    views = []
    for image, (top, left, mirror) in zip(images, crops):
        x = (image.transpose(2, 0, 1) - mean)[:, top:top + size, left:left + size]
        views.append(x[:, :, ::-1] if mirror else x)
    return torch.tensor(numpy.stack(views) * INPUT_SCALE)


def training(file, network, shapes, size):
    stored = size + 3
    random = numpy.random.RandomState(0)
    parameters, momentum, tensors = {}, {}, {}
    for layer, shape in shapes.items():
        fan_in = numpy.prod(shape[1:])
        parameters[layer + ".weight"] = normal(*shape, deviation=(2 / fan_in) ** 0.5).requires_grad_()
        parameters[layer + ".bias"] = normal(shape[0], deviation=0.1).requires_grad_()
    for name, value in parameters.items():
        tensors["initial." + name] = value.detach().clone()
        momentum[name] = torch.zeros_like(value)
    images = random.randint(0, 256, (STEPS, BATCH, stored, stored, 3))
    crops = random.randint(0, [stored - size + 1, stored - size + 1, 2], (STEPS, BATCH, 3))
    labels = random.randint(0, CLASSES, (STEPS, BATCH))
    mean = random.uniform(100, 150, (3, stored, stored)).astype("f4").astype("f8")
    losses = []
    for step in range(STEPS):
        scores, auxiliary = network(parameters, prepared(images[step].astype("f8"), crops[step], mean, size))
        loss = F.cross_entropy(scores, torch.tensor(labels[step]), reduction="none")
        losses.append(loss.detach().numpy())
        total = loss.mean() + sum(weight * F.cross_entropy(other, torch.tensor(labels[step])) for weight, other in auxiliary)
        gradients = torch.autograd.grad(total, list(parameters.values()))
        with torch.no_grad():
            for (name, value), gradient in zip(parameters.items(), gradients):
                bias = name.endswith("bias")
                rate, decay = RATES[step] * (2 if bias else 1), 0 if bias else DECAY
                # The paper's form: the rate is inside the momentum (PyTorch's SGD multiplies afterwards).
                momentum[name].mul_(MOMENTUM).sub_(decay * rate * value + rate * gradient)
                value.add_(momentum[name])
    for name, value in parameters.items():
        tensors["final." + name], tensors["momentum." + name] = value, momentum[name]
    tensors.update({"images": images, "crops": crops, "labels": labels, "mean": mean, "losses": numpy.stack(losses)})
    write(file, tensors, half=("images",))
    print("mean losses", [round(float(loss.mean()), 4) for loss in losses])


operations()
training("training.safetensors", network, SHAPES, 32)
training("inception.safetensors", inception, INCEPTION, 24)
for made in sorted(FOLDER.iterdir()):
    print(made.name, made.stat().st_size)
