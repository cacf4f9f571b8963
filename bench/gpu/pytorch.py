#!/usr/bin/env python3
"""AlexNet of two towers in PyTorch, the same training step as Duet's: median time of a step, one JSON object a line and variant.

usage: pytorch.py [--batch N] [--steps N] [--variants REGEX] [--precisions REGEX]

The network is the paper's with groups=2 and response normalisation over the maps of one tower; PyTorch divides alpha by n, so the paper's
1e-4 is 5e-4 here. SGD with momentum and weight decay. The batch is random and stays on the card. Duet's step includes preparing the
input from bytes, this one begins with floats. Steps are timed in blocks of five with one synchronisation each, as in
duet.bench.Throughput. The variants that are most likely to be the best come first, each in all precisions, so that a run that is stopped
has compared something. Exits with 3 where it cannot run."""
import argparse
import functools
import itertools
import json
import re
import statistics
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as e:
    print(f"pytorch.py: there is no PyTorch here ({e}), so nothing is compared with it", file=sys.stderr)
    sys.exit(3)

BLOCK, WARM_UP = 5, 10
# By name: TF32 in convolutions, TF32 in fully connected layers, autocast to bf16 (the rest is TF32 then). The second is PyTorch's default.
PRECISIONS = {"fp32": (False, False, False), "TF32 convolutions": (True, False, False), "TF32": (True, True, False),
              "bf16 autocast": (True, True, True)}
# Compiled, as a CUDA graph, channels last, response norm composed of simple functions.
LIKELY = [(False, True, True, False), (False, True, False, False), (True, True, True, True), (True, True, False, True)]


class ResponseNorm(nn.Module):
    """Over the maps of one tower. `composed`: with two square roots instead of a power, as one may write it by hand."""

    def __init__(self, composed, channels_last):
        super().__init__()
        self.composed, self.channels_last = composed, channels_last

    def one(self, x):
        if not self.composed:
            return F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)
        squares = F.pad(x * x, (0, 0, 0, 0, 2, 2))
        c = x.shape[1]
        s = 2.0 + 1e-4 * sum(squares[:, i:i + c] for i in range(5))
        return x * torch.rsqrt(s) * torch.rsqrt(torch.sqrt(s))

    def forward(self, x):
        if self.channels_last:
            return torch.cat([self.one(tower) for tower in x.chunk(2, 1)], 1)
        n, c, h, w = x.shape
        return self.one(x.reshape(2 * n, c // 2, h, w)).reshape(n, c, h, w)


def alexnet(composed, channels_last):
    def norm():
        return ResponseNorm(composed, channels_last)

    def relu():
        return nn.ReLU(inplace=True)

    net = nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), relu(), norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), relu(), norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), relu(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), relu(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), relu(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(9216, 4096), relu(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), relu(), nn.Dropout(0.5),
        nn.Linear(4096, 1000))
    for layer in net:
        if hasattr(layer, "weight"):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    return net


class Step:
    def __init__(self, batch, bf16, compiled, channels_last, graph, composed):
        torch.manual_seed(1)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = alexnet(composed, channels_last).cuda().to(memory_format=layout).train()
        self.images = (50 * torch.randn(batch, 3, 227, 227, device="cuda")).contiguous(memory_format=layout)
        self.labels = torch.randint(1000, (batch,), device="cuda")
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1e-5, momentum=0.9, weight_decay=5e-4, fused=True)
        self.forward = torch.compile(self.net) if compiled else self.net
        # In a graph a weight must be rounded in each step anew: what the cache remembers would be the first step's.
        self.casting = functools.partial(torch.autocast, "cuda", dtype=torch.bfloat16, enabled=bf16, cache_enabled=not graph)
        self.run = self.step
        if graph:
            self.capture()

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.casting():
            self.loss = F.cross_entropy(self.forward(self.images), self.labels)
        self.loss.backward()
        self.optimizer.step()

    def capture(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self.graph):
            self.step()
        self.run = self.graph.replay


def blocks(step, count):
    times = []
    for _ in range(count):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(BLOCK):
            step.run()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3 / BLOCK)
    return times


def measure(name, precision, batch, steps, **options):
    result = {"engine": "pytorch", "variant": name, "network": "alexnet", "batch": batch, "devices": "cuda:0",
              "description": f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, {torch.cuda.get_device_name()}",
              "precision": precision}
    try:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, bf16 = PRECISIONS[precision]
        step = Step(batch, bf16, **options)
        for _ in range(WARM_UP):
            step.run()
        first = step.loss.item()
        times = blocks(step, max(1, steps // BLOCK))
        loss = step.loss.item()
        if loss != loss or abs(loss) == float("inf"):
            raise ArithmeticError(f"the loss is {loss}")
        median = statistics.median(times)
        result |= {"steps": len(times) * BLOCK, "milliseconds": median, "fastest": min(times), "slowest": max(times),
                   "imagesPerSecond": batch / median * 1e3, "firstLoss": first, "lastLoss": loss}
    except Exception as e:  # one variant that fails must not cost the others
        result["error"] = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
    print(json.dumps(result), flush=True)
    step = None
    torch.cuda.empty_cache()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--variants", default=".", help="a regular expression; names are such as 'compile graph channels_last composed'")
    parser.add_argument("--precisions", default=".", help="a regular expression of " + ", ".join(PRECISIONS))
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("pytorch.py: this PyTorch sees no CUDA device, so nothing is compared with it", file=sys.stderr)
        sys.exit(3)
    torch.backends.cudnn.benchmark = True
    others = [variant for variant in itertools.product((False, True), repeat=4) if variant not in LIKELY]
    for compiled, graph, channels_last, composed in LIKELY + others:
        name = " ".join(["compile" if compiled else "eager"] + ["graph"] * graph + ["channels_last"] * channels_last
                        + ["composed"] * composed)
        for precision in PRECISIONS:
            if re.search(arguments.variants, name) and re.search(arguments.precisions, precision):
                torch.compiler.reset()
                measure(name, precision, arguments.batch, arguments.steps, compiled=compiled, channels_last=channels_last, graph=graph,
                        composed=composed)


if __name__ == "__main__":
    main()
