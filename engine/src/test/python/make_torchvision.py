"""torchvision's GoogLeNet with few filters: make_torchvision.py FOLDER writes its tensors (googlenet.safetensors) and the probabilities of one
image (googlenet.txt). TorchvisionGoogLeNetTest reads both.

Needs PyTorch alone: the modules are written down here with torchvision's names of tensors. Level (channel, row, column) of the image is
(37 * channel + 11 * row + 7 * column + row * column % 97) % 256.
"""
import json
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
torch.manual_seed(0)


class Basic(nn.Module):
    def __init__(self, inputs, outputs, **options):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, bias=False, **options)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Module(nn.Module):
    def __init__(self, inputs, one, reduce3, three, reduce5, five, pool):
        super().__init__()
        self.branch1 = Basic(inputs, one, kernel_size=1)
        self.branch2 = nn.Sequential(Basic(inputs, reduce3, kernel_size=1), Basic(reduce3, three, kernel_size=3, padding=1))
        self.branch3 = nn.Sequential(Basic(inputs, reduce5, kernel_size=1), Basic(reduce5, five, kernel_size=3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), Basic(inputs, pool, kernel_size=1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.conv = Basic(inputs, 3, kernel_size=1)
        self.fc1 = nn.Linear(48, 5)
        self.fc2 = nn.Linear(5, classes)


class GoogLeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = Basic(3, 6, kernel_size=7, stride=2, padding=3)
        self.conv2 = Basic(6, 6, kernel_size=1)
        self.conv3 = Basic(6, 8, kernel_size=3, padding=1)
        inputs = 8
        for i, name in enumerate("3a 3b 4a 4b 4c 4d 4e 5a 5b".split()):
            sizes = (2 + i % 3, 3, 4 + i % 2, 2, 3, 2)
            setattr(self, "inception" + name, Module(inputs, *sizes))
            inputs = sizes[0] + sizes[2] + sizes[4] + sizes[5]
            if name in ("4a", "4d"):
                setattr(self, "aux1" if name == "4a" else "aux2", Auxiliary(inputs, classes))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv3(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.inception3b(self.inception3a(x)), 3, 2, ceil_mode=True)
        x = self.inception4e(self.inception4d(self.inception4c(self.inception4b(self.inception4a(x)))))
        x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        x = F.adaptive_avg_pool2d(self.inception5b(self.inception5a(x)), 1)
        return self.fc(torch.flatten(x, 1))


def image():
    channel, row, column = torch.meshgrid(torch.arange(3), torch.arange(224), torch.arange(224), indexing="ij")
    return ((37 * channel + 11 * row + 7 * column + row * column % 97) % 256).float()


net = GoogLeNet(5)
with torch.no_grad():
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
            module.momentum = None
    net.train()
    for _ in range(4):
        net(torch.rand(4, 3, 224, 224) * 2 - 1)
        net(((image() + torch.rand(1) * 256) % 256 / 127.5 - 1)[None].repeat(2, 1, 1, 1))
    net.eval()
    net.fc.weight.mul_(2)
    probabilities = torch.softmax(net((image() / 127.5 - 1)[None]), 1)[0].tolist()

header, data = {}, b""
for name, tensor in net.state_dict().items():
    whole = tensor.dtype == torch.int64
    content = struct.pack("<q", int(tensor)) if whole else struct.pack(f"<{tensor.numel()}f", *tensor.flatten().tolist())
    header[name] = {"dtype": "I64" if whole else "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(content)]}
    data += content
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(os.path.join(folder, "googlenet.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
with open(os.path.join(folder, "googlenet.txt"), "w") as file:
    file.write("".join(f"{probability:.7f}\n" for probability in probabilities))
