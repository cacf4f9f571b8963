package duet.device.cuda;

import static duet.device.cuda.Fault.Numbers.NONE;
import static duet.device.cuda.Fault.Numbers.RIGHT;
import static duet.device.cuda.Fault.Numbers.WRONG;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.bindings.KernelCode;
import duet.bindings.cuda.Cuda;
import duet.device.Operation.Scale;
import duet.device.Peers;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.Fault.Numbers;
import duet.device.cuda.Fault.Outcome;
import duet.device.cuda.driver.CudaCard;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaEvent;
import duet.device.cuda.driver.CudaModule;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.driver.PinnedMemory;

/** Faults of the program that drives the device: what it passes, frees, forgets and does too early. */
final class HostFaults {
    private static final Scale SCALE = Work.scale();
    private static final long BYTES = SCALE.input().dataBytes();

    private final List<Fault> faults = new ArrayList<>();

    private HostFaults() {}

    /** Work that may be faulty. */
    private interface Body {
        List<byte[]> run(KernelBed bed, boolean faulty);
    }

    static List<Fault> list() {
        HostFaults f = new HostFaults();
        f.addresses();
        f.launches();
        f.lifetimes();
        return f.faults;
    }

    private void addresses() {
        add("an operand freed before the kernel runs", "use-after-free", NONE, (bed, faulty) -> {
            List<KernelCall> launches = bed.lower(KernelBed.alone(SCALE));
            if (faulty) {
                bed.free(SCALE.input());
            }
            launches.forEach(bed::launch);
            bed.stream().synchronize("running");
            return bed.results(KernelBed.alone(SCALE));
        });
        faults.add(new Fault("memory freed under a loaded program", "use-after-free", NONE, () -> program(false), () -> program(true)));
        faults.add(new Fault("another card's memory without permission", "no-peer-access", NONE, () -> peer(false), () -> peer(true)));
        add("a host pointer for a device address", "host-pointer", NONE, (bed, faulty) -> {
            if (faulty) {
                bed.place(SCALE.input(), bed.arena.allocate(BYTES, 16).address());
            }
            return bed.run(SCALE);
        });
        add("vectors that begin at an odd float", "misaligned", NONE, (bed, faulty) -> {
            bed.place(SCALE.output(), bed.memory(BYTES + 4) + (faulty ? 4 : 0));
            return bed.run(SCALE);
        });
        add("two arguments swapped", "uninitialized-global", WRONG, (bed, faulty) -> {
            bed.lower(KernelBed.alone(SCALE)); // gives both their memory
            bed.run(faulty ? new Scale("scale", SCALE.output(), SCALE.input(), 3) : SCALE);
            return List.of(bed.read(bed.address(SCALE.output()), BYTES));
        });
        add("a copy past the end", "out-of-bounds", NONE, (bed, faulty) -> {
            List<byte[]> results = bed.run(SCALE);
            long target = bed.memory(BYTES - 4);
            bed.stream().copyOnDevice(target, bed.address(SCALE.output()), faulty ? BYTES : BYTES - 4, "copying");
            bed.stream().synchronize("copying");
            return results;
        });
    }

    private void launches() {
        add("an argument structure that is too short", "bad-call", NONE, (bed, faulty) -> {
            for (KernelCall l : bed.lower(KernelBed.alone(SCALE))) {
                long size = l.arguments().byteSize() - (faulty ? 8 : 0);
                bed.launch(new KernelCall(l.kernel(), l.gridX(), l.gridY(), l.gridZ(), l.blockX(), l.sharedBytes(),
                        l.arguments().asSlice(0, size)));
            }
            bed.stream().synchronize("running");
            return bed.results(KernelBed.alone(SCALE));
        });
        add("more shared memory than a block may have", "CUDA_ERROR_INVALID_VALUE", NONE,
                (bed, faulty) -> withShared(bed, faulty ? 1 << 20 : 0));
        add("more threads than the kernel is compiled for", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", NONE, (bed, faulty) -> {
            for (KernelCall l : bed.lower(KernelBed.alone(SCALE))) {
                bed.launch(new KernelCall(l.kernel(), l.gridX(), l.gridY(), l.gridZ(), faulty ? 512 : l.blockX(), l.sharedBytes(),
                        l.arguments()));
            }
            bed.stream().synchronize("running");
            return bed.results(KernelBed.alone(SCALE));
        });
        faults.add(new Fault("PTX newer than the driver", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", NONE, () -> version("7.4"),
                () -> version("99.9")));
        add("results read before the run has ended", null, WRONG, (bed, faulty) -> {
            bed.lower(KernelBed.alone(SCALE)).forEach(bed::launch);
            try (PinnedMemory host = new PinnedMemory(bed.card, BYTES)) {
                bed.stream().copyToHost(host.segment, bed.address(SCALE.output()), BYTES, "reading");
                byte[] early = host.segment.toArray(JAVA_BYTE);
                bed.stream().synchronize("reading");
                return List.of(faulty ? early : host.segment.toArray(JAVA_BYTE));
            }
        });
    }

    private void lifetimes() {
        add("memory that nobody frees", "leak", RIGHT, (bed, faulty) -> {
            long address = bed.memory(256);
            if (faulty) {
                bed.forget(address);
            }
            return bed.run(SCALE);
        });
        add("a module that nobody unloads", "leak", RIGHT, (bed, faulty) -> {
            if (faulty) {
                CudaModule.load("sgd", Ptx.sound().modules().get(Ptx.sound().moduleOf("sgd_update")), bed.card);
            }
            return bed.run(SCALE);
        });
        add("an event that nobody destroys", "leak", RIGHT, (bed, faulty) -> {
            CudaEvent event = new CudaEvent(bed.card);
            if (!faulty) {
                event.close();
            }
            return bed.run(SCALE);
        });
        add("memory freed twice", "bad-call", RIGHT, (bed, faulty) -> {
            List<byte[]> results = bed.run(SCALE);
            long address = bed.memory(256);
            bed.forget(address);
            bed.device.free(address);
            if (faulty) {
                bed.device.free(address);
            }
            return results;
        });
        add("memory in use in another stream without an event", "unordered", RIGHT, (bed, faulty) -> {
            bed.lower(KernelBed.alone(SCALE)).forEach(bed::launch);
            if (!faulty) {
                bed.stream().synchronize("running");
            }
            long target = bed.memory(BYTES);
            bed.device.stream(StreamSteps.Kind.COPY).copyOnDevice(target, bed.address(SCALE.output()), BYTES, "copying");
            bed.device.stream(StreamSteps.Kind.COPY).synchronize("copying");
            bed.stream().synchronize("running");
            return List.of(bed.read(target, BYTES));
        });
    }

    private static List<byte[]> withShared(KernelBed bed, int sharedBytes) {
        for (KernelCall l : bed.lower(KernelBed.alone(SCALE))) {
            bed.launch(new KernelCall(l.kernel(), l.gridX(), l.gridY(), l.gridZ(), l.blockX(), sharedBytes, l.arguments()));
        }
        bed.stream().synchronize("running");
        return bed.results(KernelBed.alone(SCALE));
    }

    /** A backend's program whose memory goes away. */
    private static Outcome program(boolean faulty) {
        return Outcome.of(() -> {
            Tensor tensor = SCALE.input();
            Region region = new Region(Region.Area.TRANSIENT, 0, BYTES);
            try (CudaBackend backend = new CudaBackend("virtual", List.of(0), Precision.FP32, Peers.NONE)) {
                CudaStorage storage = (CudaStorage) backend.allocate(new long[] {BYTES});
                Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, List.of(
                        new Step.Launch(new Scale("scale", tensor, tensor, 2), null)))), Map.of(tensor, region), storage, storage);
                if (faulty) {
                    Cuda.cuMemFree_v2(storage.address(0, region));
                }
                program.run(RunParameters.NONE);
                return List.of();
            }
        });
    }

    private static Outcome peer(boolean faulty) {
        return Outcome.of(() -> {
            try (KernelBed bed = new KernelBed(Ptx.sound(), 108);
                    CudaCard other = new CudaCard("virtual:1", 1, Ptx.sound());
                    CudaDevice device = new CudaDevice(1, other)) {
                if (!faulty) {
                    bed.card.reach(other);
                }
                long far = device.allocate(BYTES);
                bed.place(SCALE.input(), far);
                try {
                    return bed.run(SCALE);
                } finally {
                    device.free(far);
                }
            }
        });
    }

    private static Outcome version(String version) {
        Map<String, String> modules = new LinkedHashMap<>();
        Ptx.sound().modules().forEach((name, text) -> modules.put(name, text.replaceFirst("\\.version [0-9.]+", ".version " + version)));
        return Outcome.of(() -> {
            try (KernelBed bed = new KernelBed(new KernelCode(modules), 108)) {
                return bed.run(SCALE);
            }
        });
    }

    private void add(String name, String sign, Numbers numbers, Body body) {
        faults.add(new Fault(name, sign, numbers, () -> run(body, false), () -> run(body, true)));
    }

    private static Outcome run(Body body, boolean faulty) {
        return Outcome.of(() -> {
            try (KernelBed bed = new KernelBed(Ptx.sound(), 108)) {
                return body.run(bed, faulty);
            }
        });
    }
}
