#!/usr/bin/env python3
"""Duet's networks in onnxruntime on the CPU, forward only: a peer that `duet bench --mode forward --peer` runs in turns with Duet.

    onnx_runtime.py --net alexnet --mode forward --variant banded          see --help, and protocol.py for what it reads and prints

The model is made here, with random weights. Variants are ways to write the response norm and whether waiting threads spin; see README.md.
(A file called onnxruntime.py would be imported by itself.)"""
import math
import sys

import protocol

protocol.tune()
try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as e:
    sys.exit(f"onnx_runtime.py: {sys.executable} lacks a package ({e}); name another Python, or: pip install onnxruntime onnx numpy")

# name: way of the response norm, whether threads spin between operations
VARIANTS = {
    "banded": ("banded", True),
    "banded-blocking": ("banded", False),
    "native": ("native", True),
    "native-blocking": ("native", False),
}
OPSET = 17


class Builder:
    """A chain of nodes; each method appends to its end."""

    def __init__(self, batch, channels, size):
        self.random = np.random.default_rng(1)
        self.nodes, self.weights, self.shape, self.parameters = [], [], (batch, channels, size, size), 0
        self.end = "images"
        self.input = helper.make_tensor_value_info(self.end, TensorProto.FLOAT, self.shape)

    def node(self, kind, *more, **attributes):
        return self.node_of(kind, [self.end, *more], **attributes)

    def node_of(self, kind, inputs, **attributes):
        self.end = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.end], **attributes))
        return self.end

    def constant(self, values):
        name = f"constant{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def random_weight(self, *shape):
        self.parameters += math.prod(shape)
        return self.constant(self.random.normal(0, 0.01, shape).astype(np.float32))

    def conv(self, filters, kernel, padding=0, stride=1, groups=1):
        n, channels, size, _ = self.shape
        weight, bias = self.random_weight(filters, channels // groups, kernel, kernel), self.random_weight(filters)
        self.node("Conv", weight, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[padding] * 4, group=groups)
        size = (size + 2 * padding - kernel) // stride + 1
        self.shape = (n, filters, size, size)
        return self.node("Relu")

    def norm(self, way, k, towers=2, size=5, alpha=1e-4, beta=0.75):
        """Over the maps of one tower, alpha undivided. Banded: the sum of squares is a 1x1 convolution, x / d^0.75 = x / (d^1/2 * d^1/4)."""
        n, channels, height, width = self.shape
        own = channels // towers
        if way == "native":
            self.node("Reshape", self.constant(np.array([n * towers, own, height, width], np.int64)))
            self.node("LRN", size=size, alpha=alpha * size, beta=beta, bias=float(k))
            return self.node("Reshape", self.constant(np.array(self.shape, np.int64)))
        distance = np.abs(np.subtract.outer(np.arange(own), np.arange(own)))
        band = np.tile(np.where(distance <= size // 2, alpha, 0).astype(np.float32).reshape(own, own, 1, 1), (towers, 1, 1, 1))
        image = self.end
        self.node("Mul", image)
        self.node("Conv", self.constant(band), self.constant(np.full(channels, k, np.float32)), kernel_shape=[1, 1], group=towers)
        root = self.node("Sqrt")
        fourth = self.node("Sqrt")
        divisor = self.node_of("Mul", [root, fourth])
        return self.node_of("Div", [image, divisor])

    def pool(self, ceil=0):
        n, channels, size, _ = self.shape
        size = (size - 3 + ceil) // 2 + 1
        self.shape = (n, channels, size, size)
        return self.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=ceil)

    def flatten(self):
        self.shape = (self.shape[0], self.shape[1] * self.shape[2] * self.shape[3])
        return self.node("Flatten")

    def dense(self, outputs, relu=True):
        self.node("Gemm", self.random_weight(outputs, self.shape[1]), self.random_weight(outputs), transB=1)
        self.shape = (self.shape[0], outputs)
        return self.node("Relu") if relu else self.end

    def model(self):
        output = helper.make_tensor_value_info(self.end, TensorProto.FLOAT, self.shape)
        graph = helper.make_graph(self.nodes, "net", [self.input], [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8  # of that operator set's time: older runtimes refuse newer files
        onnx.checker.check_model(model)
        return model


def alexnet(batch, way):
    b = Builder(batch, 3, 227)
    b.conv(96, 11, stride=4), b.norm(way, 2), b.pool()
    b.conv(256, 5, 2, groups=2), b.norm(way, 2), b.pool()
    b.conv(384, 3, 1), b.conv(384, 3, 1, groups=2), b.conv(256, 3, 1, groups=2), b.pool()
    b.flatten(), b.dense(4096), b.dense(4096), b.dense(1000, relu=False)
    return b


def alexnet_small(batch, way):
    b = Builder(batch, 1, 28)
    b.conv(32, 5, 2), b.norm(way, 1), b.pool()
    b.conv(64, 5, 2, groups=2), b.norm(way, 1), b.pool()
    b.conv(128, 3, 1), b.conv(128, 3, 1, groups=2), b.conv(128, 3, 1, groups=2), b.pool(ceil=1)
    b.flatten(), b.dense(512), b.dense(512), b.dense(10, relu=False)
    return b


NETS = {"alexnet": alexnet, "alexnet-small": alexnet_small}


def session(a):
    way, spins = VARIANTS[a.variant]
    net = NETS[a.net](a.batch, way)
    tuning = onnxruntime.SessionOptions()
    tuning.intra_op_num_threads = a.threads
    tuning.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    tuning.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    tuning.add_session_config_entry("session.intra_op.allow_spinning", "1" if spins else "0")
    tuning.add_session_config_entry("session.set_denormal_as_zero", "1")
    run = onnxruntime.InferenceSession(net.model().SerializeToString(), tuning, providers=["CPUExecutionProvider"])
    shape = [d.dim_value for d in net.input.type.tensor_type.shape.dim]
    images = {net.input.name: np.random.default_rng(2).standard_normal(shape, np.float32)}
    return net.parameters, lambda: float(run.run(None, images)[0].flat[0])


def main():
    a = protocol.options("Duet's networks in onnxruntime on the CPU.", NETS, ("forward",), ("fp32",), VARIANTS, "banded")
    protocol.serve("onnxruntime", onnxruntime.__version__, a, *session(a))


if __name__ == "__main__":
    main()
