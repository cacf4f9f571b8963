#!/usr/bin/env python3
"""Duet's networks in PyTorch on the CPU, tuned: the peer that `duet bench --peer` runs in turns with Duet.

    pytorch.py --net alexnet --variant channels-last          see --help, and protocol.py for what it reads and prints

Variants are ways to write the same network. The tuning, and which variant is the fastest where, are written down in README.md beside this
file."""
import sys

import protocol

protocol.tune()
try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as e:
    sys.exit(f"pytorch.py: {sys.executable} has no PyTorch ({e}); name another Python, or: pip install torch")

# name: memory format of images and filters, way of the response norm, compiled by TorchInductor, bf16 forward by autocast
VARIANTS = {
    "plain": ("contiguous", "native", False, False),
    "banded": ("contiguous", "banded", False, False),
    "channels-last": ("channels_last", "banded", False, False),
    "compiled": ("contiguous", "banded", True, False),
    "compiled-channels-last": ("channels_last", "banded", True, False),
    "compiled-native": ("channels_last", "native", True, False),
    "autocast": ("channels_last", "banded", False, True),
    "compiled-autocast": ("channels_last", "banded", True, True),
}


class ResponseNorm(nn.Module):
    """Over the maps of one tower, size 5, alpha undivided. The sum of squares as a 1x1 convolution with a banded filter is the fastest form
    that PyTorch has: its own composes padding, 3-d average pooling and a power."""

    def __init__(self, channels, way, k=2.0, towers=2, alpha=1e-4, size=5, beta=0.75):
        super().__init__()
        self.towers, self.way, self.size, self.alpha, self.beta, self.k = towers, way, size, alpha, beta, k
        own = channels // towers
        band = torch.zeros(own, own)
        for c in range(own):
            band[c, max(0, c - size // 2):c + size // 2 + 1] = alpha
        self.register_buffer("band", band.reshape(own, own, 1, 1).repeat(towers, 1, 1, 1))
        self.register_buffer("offset", torch.full((channels,), k))

    def forward(self, x):
        if self.way == "native":
            n, c, h, w = x.shape
            tower = x.reshape(n * self.towers, c // self.towers, h, w)
            return F.local_response_norm(tower, self.size, self.alpha * self.size, self.beta, self.k).reshape(n, c, h, w)
        root = torch.rsqrt(F.conv2d(x * x, self.band.to(x.dtype), self.offset.to(x.dtype), groups=self.towers))
        return x * (root * torch.sqrt(root))


def conv(inputs, outputs, kernel, padding=0, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)


def alexnet(way):
    def relu():
        return nn.ReLU(inplace=True)
    return (3, 227, 1000), nn.Sequential(
        conv(3, 96, 11, stride=4), relu(), ResponseNorm(96, way), nn.MaxPool2d(3, 2),
        conv(96, 256, 5, 2, groups=2), relu(), ResponseNorm(256, way), nn.MaxPool2d(3, 2),
        conv(256, 384, 3, 1), relu(), conv(384, 384, 3, 1, groups=2), relu(), conv(384, 256, 3, 1, groups=2), relu(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(9216, 4096), relu(), nn.Dropout(0.5), nn.Linear(4096, 4096), relu(), nn.Dropout(0.5), nn.Linear(4096, 1000))


def alexnet_small(way):
    def relu():
        return nn.ReLU(inplace=True)
    return (1, 28, 10), nn.Sequential(
        conv(1, 32, 5, 2), relu(), ResponseNorm(32, way, k=1.0), nn.MaxPool2d(3, 2),
        conv(32, 64, 5, 2, groups=2), relu(), ResponseNorm(64, way, k=1.0), nn.MaxPool2d(3, 2),
        conv(64, 128, 3, 1), relu(), conv(128, 128, 3, 1, groups=2), relu(), conv(128, 128, 3, 1, groups=2), relu(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1152, 512), relu(), nn.Dropout(0.3), nn.Linear(512, 512), relu(), nn.Dropout(0.3), nn.Linear(512, 10))


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3 and 5x5 behind 1x1, and pooling with 1x1 behind it."""

    def __init__(self, inputs, one, three_reduce, three, five_reduce, five, projection):
        super().__init__()
        def rectified(*arguments):
            return [conv(*arguments), nn.ReLU(inplace=True)]
        self.branches = nn.ModuleList([
            nn.Sequential(*rectified(inputs, one, 1)),
            nn.Sequential(*rectified(inputs, three_reduce, 1), *rectified(three_reduce, three, 3, 1)),
            nn.Sequential(*rectified(inputs, five_reduce, 1), *rectified(five_reduce, five, 5, 2)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), *rectified(inputs, projection, 1))])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class GoogLeNet(nn.Module):
    """Scores, and in training those of the two auxiliary classifiers behind 4a and 4d."""

    def __init__(self, way):
        super().__init__()
        def relu():
            return nn.ReLU(inplace=True)
        def pool():
            return nn.MaxPool2d(3, 2, ceil_mode=True)
        def auxiliary(inputs):
            return nn.Sequential(nn.AvgPool2d(5, 3), conv(inputs, 128, 1), relu(), nn.Flatten(), nn.Linear(2048, 1024), relu(),
                                 nn.Dropout(0.7), nn.Linear(1024, 1000))
        norm = {"k": 1.0, "towers": 1, "alpha": 2e-5}
        self.stages = nn.ModuleList([
            nn.Sequential(conv(3, 64, 7, 3, 2), relu(), pool(), ResponseNorm(64, way, **norm), conv(64, 64, 1), relu(),
                          conv(64, 192, 3, 1), relu(), ResponseNorm(192, way, **norm), pool(),
                          Inception(192, 64, 96, 128, 16, 32, 32), Inception(256, 128, 128, 192, 32, 96, 64), pool(),
                          Inception(480, 192, 96, 208, 16, 48, 64)),
            nn.Sequential(Inception(512, 160, 112, 224, 24, 64, 64), Inception(512, 128, 128, 256, 24, 64, 64),
                          Inception(512, 112, 144, 288, 32, 64, 64)),
            nn.Sequential(Inception(528, 256, 160, 320, 32, 128, 128), pool(), Inception(832, 256, 160, 320, 32, 128, 128),
                          Inception(832, 384, 192, 384, 48, 128, 128), nn.AvgPool2d(7), nn.Flatten(), nn.Dropout(0.4),
                          nn.Linear(1024, 1000))])
        self.auxiliary = nn.ModuleList([auxiliary(512), auxiliary(528)])

    def forward(self, x):
        first = self.stages[0](x)
        second = self.stages[1](first)
        scores = self.stages[2](second)
        return (scores, self.auxiliary[0](first), self.auxiliary[1](second)) if self.training else scores


def googlenet(way):
    return (3, 224, 1000), GoogLeNet(way)


NETS = {"alexnet": alexnet, "alexnet-small": alexnet_small, "googlenet": googlenet}
AUXILIARY_WEIGHT = 0.3


class Peer:
    def __init__(self, a):
        torch.manual_seed(1)
        layout, way, compiled, autocast = VARIANTS[a.variant]
        if autocast and (a.precision, a.mode) != ("bf16", "forward"):
            sys.exit(f"pytorch.py: {a.variant} is a variant of --precision bf16 --mode forward; in training bf16 is autocast anyway")
        (channels, size, classes), net = NETS[a.net](way)
        form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.constant_(layer.bias, 0.1)
        self.net = net.to(memory_format=form).train(a.mode == "train")
        self.images = torch.randn(a.batch, channels, size, size).contiguous(memory_format=form)
        self.labels = torch.randint(classes, (a.batch,))
        self.bf16 = a.precision == "bf16"
        if self.bf16 and a.mode == "forward" and not autocast:
            self.bf16 = False  # nothing is left to cast
            self.net, self.images = self.net.to(torch.bfloat16), self.images.to(torch.bfloat16)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
        self.step = self.train if a.mode == "train" else self.forward
        if compiled:
            self.net = torch.compile(self.net)

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            scores = self.net(self.images)
            scores, *auxiliary = scores if isinstance(scores, tuple) else (scores,)
            loss = F.cross_entropy(scores.float(), self.labels)
            for other in auxiliary:
                loss = loss + AUXILIARY_WEIGHT * F.cross_entropy(other.float(), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def forward(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return self.net(self.images)[0, 0].item()


def main():
    a = protocol.options("Duet's networks in PyTorch on the CPU.", NETS, ("train", "forward"), ("fp32", "bf16"), VARIANTS, "channels-last")
    torch.set_num_threads(a.threads)
    peer = Peer(a)
    protocol.serve("pytorch", torch.__version__, a, sum(p.numel() for p in peer.net.parameters()), peer.step)


if __name__ == "__main__":
    main()
