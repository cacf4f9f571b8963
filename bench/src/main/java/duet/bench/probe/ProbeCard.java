package duet.bench.probe;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import duet.bench.conformance.Card;
import duet.bindings.cuda.Cuda;
import duet.device.cuda.model.Cubin;
import duet.device.cuda.model.MachineCode;
import duet.device.cuda.model.Mix;

/** A device with the probes' kernels. What a probe has allocated goes with {@link #forget}. */
final class ProbeCard implements AutoCloseable {
    private static final String FOLDER = "META-INF/duet/probes/";
    /** Runs of which the median is taken. */
    private static final int RUNS = 5;

    final boolean virtual;
    final int multiprocessors;
    private final Card card;
    private final MemorySegment module;
    private final Optional<Cubin> cubin;
    private final List<Long> allocated = new ArrayList<>();

    /** @param device such as {@code cuda:0} or {@code virtual:0} */
    ProbeCard(String device) {
        virtual = Card.virtual(device);
        card = new Card(device);
        try {
            multiprocessors = card.multiprocessors();
            // What ptxas has made of them here, so that what is known of the machine code is known of what runs; else the driver compiles.
            cubin = !virtual && card.computeCapability().equals("9.0") ? Optional.of(new Cubin(file("probes.cubin"))) : Optional.empty();
            byte[] ptx = file("probes.ptx");
            module = card.module(cubin.isPresent() ? file("probes.cubin") : Arrays.copyOf(ptx, ptx.length + 1));
        } catch (RuntimeException | Error e) {
            card.close();
            throw e;
        }
    }

    /** Whether this build has them: it needs nvcc. */
    static boolean built() {
        return ProbeCard.class.getClassLoader().getResource(FOLDER + "probes.ptx") != null;
    }

    private static byte[] file(String name) {
        try (InputStream stream = ProbeCard.class.getClassLoader().getResourceAsStream(FOLDER + name)) {
            if (stream == null) {
                throw new IllegalStateException("this build has no probes, because it found no nvcc; build with CUDA 13 on the PATH");
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String model() {
        return card.model() + ", compute capability " + card.computeCapability() + ", " + multiprocessors + " multiprocessors";
    }

    /** What a warp issues in a turn of a kernel's loop; empty where the driver has compiled it. */
    Optional<Mix> turn(String kernel) {
        return cubin.map(code -> code.kernel(kernel)).flatMap(MachineCode::mainTurn);
    }

    long allocate(long bytes) {
        long address = card.allocate(bytes);
        allocated.add(address);
        Card.check(Cuda.cuMemsetD8Async(address, (byte) 0, bytes, card.stream), "cuMemsetD8Async");
        return address;
    }

    void forget() {
        Card.check(Cuda.cuStreamSynchronize(card.stream), "cuStreamSynchronize");
        allocated.forEach(Cuda::cuMemFree_v2);
        allocated.clear();
    }

    long upload(int[] values) {
        long address = allocate(4L * values.length);
        write(address, values);
        return address;
    }

    long upload(float[] values) {
        return upload(bits(values));
    }

    static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }

    void write(long address, int[] values) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocateFrom(JAVA_INT, values);
            Card.check(Cuda.cuMemcpyHtoDAsync_v2(address, host, host.byteSize(), card.stream), "cuMemcpyHtoDAsync");
            Card.check(Cuda.cuStreamSynchronize(card.stream), "cuStreamSynchronize");
        }
    }

    private MemorySegment read(Arena arena, long address, long bytes) {
        MemorySegment host = arena.allocate(bytes, 16);
        Card.check(Cuda.cuMemcpyDtoHAsync_v2(host, address, bytes, card.stream), "cuMemcpyDtoHAsync");
        Card.check(Cuda.cuStreamSynchronize(card.stream), "cuStreamSynchronize");
        return host;
    }

    int[] ints(long address, int count) {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena, address, 4L * count).toArray(JAVA_INT);
        }
    }

    float[] floats(long address, int count) {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena, address, 4L * count).toArray(JAVA_FLOAT);
        }
    }

    /** A kernel and waiting for it. Its arguments are Long, Integer or Float, as it declares them. */
    void run(String kernel, int blocks, int threads, Number... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(8L * arguments.length, 16);
            long at = 0;
            for (Number argument : arguments) {
                long size = argument instanceof Long ? 8 : 4;
                at = (at + size - 1) / size * size;
                switch (argument) {
                    case Long value -> buffer.set(JAVA_LONG, at, value);
                    case Integer value -> buffer.set(JAVA_INT, at, value);
                    case Float value -> buffer.set(JAVA_FLOAT, at, value);
                    default -> throw new IllegalArgumentException(argument + " is no argument of a kernel");
                }
                at += size;
            }
            MemorySegment used = arena.allocate(at, 16);
            MemorySegment.copy(buffer, JAVA_BYTE, 0, used, JAVA_BYTE, 0, at);
            Card.check(card.launch(card.function(module, kernel), blocks, threads, 0, used), "cuLaunchKernel of " + kernel);
            Card.check(Cuda.cuStreamSynchronize(card.stream), "cuStreamSynchronize after " + kernel);
        }
    }

    /** The median time of a run that is long enough for the launch not to count; the first is not taken. Never on the virtual GPU. */
    double milliseconds(Runnable run) {
        if (virtual) {
            throw new IllegalStateException("the virtual GPU tells no time");
        }
        double[] times = new double[RUNS];
        run.run();
        for (int i = 0; i < RUNS; i++) {
            long start = System.nanoTime();
            run.run();
            times[i] = (System.nanoTime() - start) * 1e-6;
        }
        Arrays.sort(times);
        return times[RUNS / 2];
    }

    /** The median of what the blocks' clocks say, see probes.cu; 0 on the virtual GPU. */
    double cycles(long clocks, int blocks) {
        long[] stamps;
        try (Arena arena = Arena.ofConfined()) {
            stamps = read(arena, clocks, 16L * blocks).toArray(JAVA_LONG);
        }
        double[] cycles = new double[blocks];
        Arrays.setAll(cycles, i -> stamps[2 * i + 1] - stamps[2 * i]);
        Arrays.sort(cycles);
        return cycles[blocks / 2];
    }

    @Override
    public void close() {
        Cuda.cuModuleUnload(module);
        card.close();
    }
}
