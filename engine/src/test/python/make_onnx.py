"""Small networks as other programs' exporters write them: make_onnx.py FOLDER torch|graph|onnx. OnnxExportersTest reads them,
onnxruntime is the judge.

torch: PyTorch's exporter takes LocalResponseNorm apart, in other ways for each operator set. graph: branches, sums, batch normalisation (as
nodes, or taken into the weights by the exporter) and an auxiliary classifier. onnx: the nodes that converters from TensorFlow write around
images whose channels come last.
"""
import os
import sys

folder, what = sys.argv[1:]
os.makedirs(folder, exist_ok=True)

if what == "torch":
    import torch
    from torch import nn

    torch.manual_seed(0)

    def net(size):
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.LocalResponseNorm(size, 2.0, 0.75, 1.5), nn.MaxPool2d(2),
                             nn.Flatten(), nn.Linear(128, 4)).eval()

    odd = net(5)
    for operators in (9, 10, 11, 12, 13, 14, 15, 16):
        for dynamic in (False, True):
            torch.onnx.export(odd, torch.rand(1, 3, 8, 8), os.path.join(folder, f"lrn-{operators}{'-dynamic' if dynamic else ''}.onnx"),
                              opset_version=operators, input_names=["pixels"], output_names=["scores"],
                              dynamic_axes={"pixels": {0: "n"}} if dynamic else None)
    torch.onnx.export(net(4), torch.rand(1, 3, 8, 8), os.path.join(folder, "even.onnx"), opset_version=13, input_names=["pixels"],
                      output_names=["scores"])
elif what == "graph":
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Convolution(nn.Module):
        def __init__(self, inputs, outputs, kernel, bias=False):
            super().__init__()
            self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
            self.bn = nn.BatchNorm2d(outputs, eps=0.001, momentum=None)

        def forward(self, x):
            return torch.relu(self.bn(self.conv(x)))

    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = Convolution(3, 8, 3)
            self.branches = nn.ModuleList([Convolution(8, 4, 1), nn.Sequential(Convolution(8, 4, 1), Convolution(4, 6, 3, bias=True)),
                                           nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), Convolution(8, 2, 1))])
            self.around = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12, momentum=None))
            self.hidden = nn.Sequential(nn.Linear(12, 10, bias=False), nn.BatchNorm1d(10, momentum=None), nn.ReLU(), nn.Dropout(0.2))
            self.scores = nn.Linear(22, 4)
            self.aux = nn.Linear(12, 4)

        def forward(self, x):
            x = nn.functional.max_pool2d(self.stem(x), 3, 2, ceil_mode=True)
            x = torch.cat([branch(x) for branch in self.branches], 1)
            aux = self.aux(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))
            x = torch.relu(x + self.around(x))
            x = nn.functional.avg_pool2d(x, 2, 2)
            x = x.mean((2, 3))
            return self.scores(torch.cat([x, self.hidden(x)], -1)), aux

    net = Graph()
    with torch.no_grad():
        for _ in range(20):
            net(torch.rand(16, 3, 8, 8) * 255)
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.5)
    net.eval()
    for name, operators, training in (("bn", 13, torch.onnx.TrainingMode.PRESERVE), ("bn", 9, torch.onnx.TrainingMode.PRESERVE),
                                      ("folded", 13, torch.onnx.TrainingMode.EVAL), ("folded", 16, torch.onnx.TrainingMode.EVAL)):
        torch.onnx.export(net, torch.rand(1, 3, 8, 8), os.path.join(folder, f"graph-{name}-{operators}.onnx"), opset_version=operators,
                          input_names=["pixels"], output_names=["scores", "aux"], training=training,
                          do_constant_folding=name == "folded", dynamic_axes={"pixels": {0: "n"}})
else:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    random = np.random.default_rng(1)

    def tensor(name, *sizes, spread=0.2):
        return numpy_helper.from_array((random.standard_normal(sizes) * spread).astype(np.float32), name)

    nodes = [
        helper.make_node("Sub", ["pixels", "mean"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("LRN", ["r1"], ["n1"], size=5, alpha=2.0, beta=0.75, bias=1.5),
        helper.make_node("MaxPool", ["n1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Transpose", ["p1"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "flat"], ["f1"]),
        helper.make_node("MatMul", ["f1", "w2"], ["m2"]),
        helper.make_node("Add", ["m2", "b2"], ["a2"]),
        helper.make_node("Softmax", ["a2"], ["scores"], axis=1),
    ]
    constants = [numpy_helper.from_array(np.array([100, 110, 120], np.float32), "mean"), tensor("w1", 8, 3, 3, 3, spread=0.02), tensor("b1", 8),
                 numpy_helper.from_array(np.array([-1, 128], np.int64), "flat"), tensor("w2", 128, 4), tensor("b2", 4)]
    graph = helper.make_graph(nodes, "channels-last", [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [None, 8, 8, 3])],
                              [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 4])], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), os.path.join(folder, "channels-last.onnx"))
