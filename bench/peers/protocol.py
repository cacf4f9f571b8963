"""What the peers share: their options, the memory settings that they start with, and the protocol by which `duet bench --peer` drives them.

A peer prints one JSON object when it is ready. Then, for each line `N` on standard input, it runs N steps and prints an object with their
seconds; it ends with its input. Waiting, it costs nothing. The batch is random floats and stays in memory: no loader is timed."""
import argparse
import json
import os
import resource
import sys
import time

# Without this each step maps and faults in its large blocks anew; huge pages besides.
TUNABLES = ("glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456:"
            "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1")
WARM_UP = 2


def tune():
    """glibc reads its settings at start, so the program starts itself again; to be called before anything large is imported."""
    if "DUET_PEER_TUNED" not in os.environ:
        os.environ.update(DUET_PEER_TUNED="1", GLIBC_TUNABLES=TUNABLES)
        os.execv(sys.executable, [sys.executable] + sys.argv)


def options(description, nets, modes, precisions, variants, fastest):
    """The command line: what `duet bench` appends, and --variant, which is the user's. --list ends the program."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--net", choices=list(nets), default="alexnet")
    p.add_argument("--mode", choices=modes, default=modes[0])
    p.add_argument("--batch", type=int, default=128, help="images in a step")
    p.add_argument("--precision", choices=precisions, default="fp32")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--variant", choices=list(variants), default=fastest, help="way to write the network (default: %(default)s)")
    p.add_argument("--list", action="store_true", help="print the variants")
    a = p.parse_args()
    if a.list:
        print("\n".join(variants))
        sys.exit()
    if a.batch < 1 or a.threads < 1:
        p.error("--batch and --threads are at least 1")
    return a


def serve(engine, version, a, parameters, step):
    """Runs `step`, a function that returns one number of its result, as often as standard input asks for; `parameters` is how many the network has."""
    result = [step() for _ in range(WARM_UP)][-1]
    say(peer=engine, version=version, variant=a.variant, net=a.net, mode=a.mode, batch=a.batch, precision=a.precision, threads=a.threads,
        parameters=parameters, result=result)
    for line in sys.stdin:
        steps = int(line)
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        seconds = time.perf_counter() - begin
        say(seconds=seconds, steps=steps, images_per_second=steps * a.batch / seconds, peak_bytes=peak_bytes())


def peak_bytes():
    """The most memory that this program has had; getrusage would tell that of the process which has started it, where that had more."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def say(**values):
    print(json.dumps(values), flush=True)
