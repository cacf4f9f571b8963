package duet.device.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.driver.CudaEvent;
import duet.device.cuda.driver.CudaGraph;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.HostCopy;
import duet.device.cuda.driver.Resources;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.Fusion;
import duet.device.cuda.lowering.Stored;

/**
 * A program on CUDA devices. The first run of each input slot captures all streams of all devices into one graph; every later run is one
 * launch of it.
 */
final class CudaProgram implements Program {
    private final CudaBackend backend;
    private final Map<Tensor, Region> regions;
    private final CudaLayout layout;
    private final CudaStorage persistent;
    private final CudaStorage scratch;
    private final Arena arena = Arena.ofShared();
    private final List<CudaQueue> queues = new ArrayList<>();
    private final Map<Integer, CudaEvent> events = new HashMap<>();
    private final Resources resources = new Resources();
    private final CudaInputs inputs;
    private final CudaOutputs outputs;
    private final CudaRunParameters numbers;
    private final CudaEvent fork;
    private final List<CudaEvent> joins = new ArrayList<>();
    private final CudaGraph[] graphs = new CudaGraph[CudaInputs.SLOTS];
    private boolean inFlight;
    private boolean hasRun;
    private boolean closed;

    CudaProgram(CudaBackend backend, List<StreamSteps> streams, Map<Tensor, Region> regions, CudaStorage persistent, CudaStorage scratch) {
        this.backend = backend;
        this.regions = Map.copyOf(regions);
        this.layout = backend.of(streams).within(streams, regions);
        this.persistent = persistent;
        this.scratch = scratch;
        try {
            numbers = new CudaRunParameters(backend, resources);
            inputs = new CudaInputs(backend, regions, this::address, resources);
            outputs = new CudaOutputs(backend, regions, this::address, resources);
            Map<Tensor, Integer> readers = Fusion.readers(streams);
            for (StreamSteps stream : streams) {
                int device = stream.device();
                queues.add(new CudaQueue(backend, layout, stream, readers, arena, resources, this::address,
                        launch -> launch.workspace() == null ? 0 : address(device, launch.workspace()), this::overlap,
                        numbers.address(device)));
            }
            for (CudaQueue queue : queues) {
                for (CudaQueue.Command command : queue.commands()) {
                    if (command instanceof CudaQueue.Command.Mark(int event)) {
                        events.put(event, resources.event(queue.stream.device.card));
                    }
                }
                joins.add(resources.event(queue.stream.device.card));
            }
            fork = resources.event(origin().device.card);
        } catch (RuntimeException | Error e) {
            closeParts();
            throw e;
        }
    }

    /** Where runs begin and end. */
    private CudaStream origin() {
        return queues.isEmpty() ? backend.own().getFirst().stream(StreamSteps.Kind.COMPUTE) : queues.getFirst().stream;
    }

    private long address(Tensor tensor) {
        return address(tensor.device(), Region.of(tensor, regions, layout.bytes(tensor)));
    }

    private long address(int device, Region region) {
        return (region.area() == Region.Area.PERSISTENT ? persistent : scratch).address(device, region);
    }

    private boolean overlap(Tensor a, Tensor b) {
        return a.device() == b.device() && regions.get(a).overlaps(regions.get(b));
    }

    @Override
    public void run(RunParameters parameters) { start(parameters, true); }

    @Override
    public void start(RunParameters parameters) { start(parameters, false); }

    private void start(RunParameters parameters, boolean wait) {
        backend.begin();
        try {
            startNow(parameters);
            if (wait) {
                settle();
            }
        } catch (RuntimeException e) {
            throw backend.failed(e);
        } finally {
            backend.end();
        }
    }

    private void startNow(RunParameters parameters) {
        checkOpen();
        backend.settle();
        CudaStream origin = origin();
        int slot = inputs.finish(origin);
        numbers.set(slot, parameters);
        if (backend.launchesEach() || backend.processes().peers().ranks().size() > 1) { // exchanges are issued by the host
            issue(slot, backend.launchesEach());
        } else {
            if (graphs[slot] == null) {
                graphs[slot] = resources.graph(origin, () -> issue(slot, false));
            }
            graphs[slot].launch(origin);
        }
        inFlight = true;
        backend.running(this);
    }

    /** Puts a whole run into the streams, beginning and ending at {@link #origin}. */
    private void issue(int slot, boolean each) {
        CudaStream origin = origin();
        origin.record(fork);
        for (CudaQueue queue : queues) {
            queue.rewind();
            if (queue.stream != origin) {
                queue.stream.await(fork);
            }
            if (queue.kind == StreamSteps.Kind.COMPUTE) {
                numbers.issue(slot, queue.stream);
                inputs.issue(slot, queue.stream);
            }
        }
        CudaQueue.issue(queues, events, new CudaExchanges(backend.processes()::giveUp), each);
        for (int i = 0; i < queues.size(); i++) {
            CudaQueue queue = queues.get(i);
            if (!queue.done()) {
                throw new IllegalArgumentException(queue.stream.label() + " waits for an event that nothing records");
            }
            if (queue.kind == StreamSteps.Kind.COMPUTE) {
                outputs.issue(queue.stream);
            }
            if (queue.stream != origin) {
                queue.stream.record(joins.get(i));
                origin.await(joins.get(i));
            }
        }
    }

    /** Waits for the run in flight, if there is one. */
    void settle() {
        if (inFlight) {
            inFlight = false;
            origin().device.card.enter();
            if (backend.processes().nccl() == null) {
                origin().synchronize("running");
            } else {
                backend.processes().nccl().await(origin(), () -> CudaQueue.waited(queues, events));
            }
            hasRun = true;
            backend.idle();
        }
    }

    @Override
    public void write(Tensor tensor, float[] values) {
        checkLength(tensor, values.length);
        if (layout.stored(tensor) != Stored.PLAIN) {
            short[] words = layout.encode(tensor, values);
            write(tensor, words, words.length, JAVA_SHORT);
        } else {
            write(tensor, CudaLayout.packed(tensor, values), values.length, JAVA_FLOAT);
        }
    }

    @Override
    public void write(Tensor tensor, byte[] values) {
        checkLength(tensor, values.length);
        write(tensor, values, values.length, JAVA_BYTE);
    }

    @Override
    public void write(Tensor tensor, int[] values) {
        checkLength(tensor, values.length);
        write(tensor, values, values.length, JAVA_INT);
    }

    private void write(Tensor tensor, Object array, int length, ValueLayout element) {
        backend.begin();
        try {
            checkOpen();
            MemorySegment host = inputs.host(tensor);
            if (host != null) {
                MemorySegment.copy(array, 0, host, element, 0, length);
                inputs.written(tensor);
            } else {
                backend.settle();
                HostCopy.write(compute(tensor), address(tensor), tensor, array, length, element);
            }
        } catch (RuntimeException e) {
            throw backend.failed(e);
        } finally {
            backend.end();
        }
    }

    @Override
    public void read(Tensor tensor, float[] values) {
        checkLength(tensor, values.length);
        if (layout.stored(tensor) != Stored.PLAIN) {
            short[] words = new short[Math.toIntExact(layout.bytes(tensor) / 2)];
            read(tensor, words, words.length, JAVA_SHORT);
            layout.decode(tensor, words, values);
        } else {
            float[] packed = CudaLayout.canonical(tensor) ? values : new float[values.length]; // losses are read without garbage
            read(tensor, packed, packed.length, JAVA_FLOAT);
            CudaLayout.unpack(tensor, packed, values);
        }
    }

    @Override
    public void read(Tensor tensor, int[] values) {
        checkLength(tensor, values.length);
        read(tensor, values, values.length, JAVA_INT);
    }

    private void read(Tensor tensor, Object array, int length, ValueLayout element) {
        backend.begin();
        try {
            checkOpen();
            backend.settle();
            MemorySegment output = hasRun ? outputs.get(tensor) : null;
            if (output != null) {
                MemorySegment.copy(output, element, 0, array, 0, length);
            } else {
                HostCopy.read(compute(tensor), address(tensor), tensor, array, length, element);
            }
        } catch (RuntimeException e) {
            throw backend.failed(e);
        } finally {
            backend.end();
        }
    }

    private CudaStream compute(Tensor tensor) {
        return backend.device(tensor.device()).stream(StreamSteps.Kind.COMPUTE);
    }

    private void checkLength(Tensor tensor, int length) {
        if (!regions.containsKey(tensor)) {
            throw new IllegalArgumentException(tensor + " is not part of this program");
        }
        tensor.requireLength(length);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this program has been closed");
        }
        persistent.checkOpen();
        scratch.checkOpen();
    }

    @Override
    public void close() {
        backend.whileIdle(() -> {
            if (!closed) {
                closed = true;
                backend.settleQuietly();
                closeParts();
                backend.closed(this);
            }
        });
    }

    private void closeParts() {
        if (!backend.processes().broken()) {
            resources.close();
        }
        arena.close();
    }
}
