package duet.device.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;

import duet.bindings.CudaLibrary.Kind;
import duet.bindings.KernelCode;
import duet.bindings.cuda.kernels.duet_run;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.driver.CudaCard;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaDriver;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.driver.PreparedKernelCall;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.CudaLowering;
import duet.device.cuda.lowering.Fusion;
import duet.device.cuda.lowering.Site;

/** Operations on one virtual card without a backend: any kernels, and an allocation for each tensor, so that its end is exact. */
final class KernelBed implements AutoCloseable {
    final CudaCard card;
    final CudaDevice device;
    final Arena arena = Arena.ofConfined();
    /** What the lowering believes; 1 makes it choose large tiles. */
    private final int multiprocessors;
    private final Map<Tensor, Long> addresses = new LinkedHashMap<>();
    private final List<Long> allocations = new ArrayList<>();
    /** Names of the kernels so far. */
    final Set<String> launched = new HashSet<>();

    KernelBed(KernelCode code, int multiprocessors) {
        CudaDriver.require(Kind.VIRTUAL);
        card = new CudaCard("virtual:0", 0, code);
        device = new CudaDevice(0, card);
        this.multiprocessors = multiprocessors;
    }

    CudaStream stream() {
        return device.stream(StreamSteps.Kind.COMPUTE);
    }

    /** Device memory that ends where it says. */
    long memory(long bytes) {
        allocations.add(device.allocateUninitialized(bytes));
        return allocations.getLast();
    }

    /** Device memory with these bytes. */
    long memory(MemorySegment content) {
        long address = memory(content.byteSize());
        stream().copyToDevice(address, content, content.byteSize(), "filling");
        return address;
    }

    /** A tensor lies here and nowhere else. */
    void place(Tensor tensor, long address) {
        addresses.put(tensor, address);
    }

    long address(Tensor tensor) {
        return addresses.get(tensor);
    }

    void free(Tensor tensor) {
        forget(address(tensor));
        device.free(address(tensor));
    }

    /** The launches of operations that one kernel does, with memory for their tensors; what they read has reproducible values. */
    List<KernelCall> lower(Fusion fusion) {
        List<Tensor> filled = operations(fusion).flatMap(o -> o.reads().stream()).toList();
        CudaLayout layout = new CudaLayout(_ -> multiprocessors, Precision.FP32);
        long workspace = CudaLowering.workspaceBytes(fusion.first(), multiprocessors, layout);
        Site site = new Site(arena, tensor -> tensor == null ? 0 : addresses.computeIfAbsent(tensor,
                t -> filled.contains(t) ? memory(values(t)) : memory(t.dataBytes())), workspace == 0 ? 0 : memory(workspace), numbers(),
                multiprocessors, layout);
        return Stream.concat(CudaLowering.begin(List.of(fusion), site).stream(), CudaLowering.lower(fusion, site).stream()).toList();
    }

    private static Stream<Operation> operations(Fusion f) {
        return Stream.concat(Stream.of(f.first()), f.others().stream());
    }

    private MemorySegment values(Tensor tensor) {
        SplittableRandom random = new SplittableRandom(tensor.id());
        MemorySegment values = arena.allocate(tensor.dataBytes(), 4);
        for (long i = 0; i < tensor.elements(); i++) {
            switch (tensor.format()) {
                case INTEGERS -> values.setAtIndex(JAVA_INT, i, random.nextInt(3));
                case IMAGES, WINNERS -> values.setAtIndex(JAVA_BYTE, i, (byte) random.nextInt(4));
                case ACTIVATION, FILTER, VECTOR -> values.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
            }
        }
        return values;
    }

    private long numbers() {
        MemorySegment run = duet_run.allocate(arena).fill((byte) 0);
        duet_run.momentum(run, 0.5f);
        for (long at = duet_run.rates$offset(); at < run.byteSize(); at += Float.BYTES) {
            run.set(JAVA_FLOAT, at, 0.25f);
        }
        return memory(run);
    }

    void launch(KernelCall launch) {
        launched.add(launch.kernel());
        new PreparedKernelCall(arena, card, "a fault", launch).issue(stream());
    }

    /** Runs operations that one kernel does to their end and returns what they have written. */
    List<byte[]> run(Fusion fusion) {
        lower(fusion).forEach(this::launch);
        stream().synchronize("running");
        return results(fusion);
    }

    List<byte[]> run(Operation operation) {
        return run(alone(operation));
    }

    static Fusion alone(Operation operation) {
        return Fusion.of(operation);
    }

    List<byte[]> results(Fusion fusion) {
        return operations(fusion).flatMap(o -> o.writes().stream()).filter(addresses::containsKey)
                .map(t -> read(addresses.get(t), t.dataBytes())).toList();
    }

    byte[] read(long address, long bytes) {
        MemorySegment host = arena.allocate(bytes);
        stream().copyToHost(host, address, bytes, "reading");
        stream().synchronize("reading");
        return host.toArray(JAVA_BYTE);
    }

    /** Forgets an allocation, which then is nobody's to free. */
    void forget(long address) {
        allocations.remove(address);
    }

    @Override
    public void close() {
        allocations.forEach(device::free);
        device.close();
        card.close();
        arena.close();
    }
}
