package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Peers;
import duet.device.Program;
import duet.device.Ranks;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** A program on CPU devices: for each stream a list of prepared calls, run by that stream's thread. */
final class CpuProgram implements Program {
    /** One entry of a stream, prepared. */
    private interface Command {
        void execute(CpuEvents run);
    }

    private record Stream(CpuStream thread, Command[] commands) {}

    private final CpuBackend backend;
    private final Map<Tensor, Region> regions;
    private final CpuStorage persistent;
    private final CpuStorage scratch;
    private final Arena arena = Arena.ofShared();
    private final List<Stream> streams = new ArrayList<>();
    private final PreparedFilters prepared;
    /** Its runs change persistent tensors: it trains. */
    private final boolean changes;
    private int events;
    private boolean closed;

    CpuProgram(CpuBackend backend, List<StreamSteps> streams, Map<Tensor, Region> regions, CpuStorage persistent, CpuStorage scratch) {
        this.backend = backend;
        this.regions = Map.copyOf(regions);
        this.persistent = persistent;
        this.scratch = scratch;
        prepared = new PreparedFilters(persistent);
        changes = streams.stream().flatMap(stream -> stream.steps().stream()).flatMap(step -> step.writes().stream())
                .anyMatch(this::persistent);
        try {
            for (StreamSteps stream : streams) {
                CpuDevice device = backend.device(stream.device());
                this.streams.add(new Stream(device.stream(stream.kind()), prepare(device, stream.steps())));
            }
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
    }

    private boolean persistent(Tensor tensor) {
        return regions.containsKey(tensor) && regions.get(tensor).area() == Region.Area.PERSISTENT;
    }

    private Command[] prepare(CpuDevice device, List<Step> steps) {
        Lowering training = new Lowering(arena, device.team, backend.layout(), this::memory,
                (layer, product, filter) -> MemorySegment.NULL);
        CpuLayout layout = backend.layout().inference();
        Lowering inference = new Lowering(arena, device.team, layout, this::memory,
                (layer, product, filter) -> prepared.add(layer, device, product, filter));
        List<Command> commands = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            switch (steps.get(i)) {
                case Step.Launch launch -> {
                    launch.requireOn(device.index);
                    boolean relu = i + 1 < steps.size() && steps.get(i + 1) instanceof Step.Launch next
                            && Lowering.fuses(launch.operation(), next.operation());
                    MemorySegment workspace = launch.workspace() == null ? MemorySegment.NULL : memory(device.index, launch.workspace());
                    boolean inferring = infers(launch.operation())
                            && workspaceBytes(launch) >= layout.workspaceBytes(launch.operation(), device.index);
                    requireWorkspace(launch, inferring ? layout : backend.layout(), device);
                    NativeCall kernel = (inferring ? inference : training).lower(launch.operation(), relu, workspace);
                    String layer = launch.operation().layer(), kind = launch.operation().kind();
                    commands.add(run -> CpuLibrary.requireDone(kernel.launch(run.parameters), layer, kind));
                    i += relu ? 1 : 0;
                }
                case Step.Copy _ -> {
                    List<Step.Copy> copies = new ArrayList<>();
                    for (int next = i; next < steps.size() && steps.get(next) instanceof Step.Copy copy; next++) {
                        copies.add(copy);
                    }
                    i += copies.size() - 1;
                    copies(device, copies, commands);
                }
                case Step.Record(int event) -> {
                    events = Math.max(events, event + 1);
                    commands.add(run -> run.record(event));
                }
                case Step.Wait(int event) -> {
                    events = Math.max(events, event + 1);
                    commands.add(run -> run.await(event));
                }
            }
        }
        return commands.toArray(Command[]::new);
    }

    /** Those within this process one after another; then all messages to and from others at once. */
    private void copies(CpuDevice device, List<Step.Copy> copies, List<Command> commands) {
        Peers peers = backend.peers();
        List<Ranks.Message> sends = new ArrayList<>();
        List<Ranks.Message> receives = new ArrayList<>();
        for (Step.Copy copy : copies) {
            boolean fromHere = peers.here(copy.from().device()), toHere = peers.here(copy.to().device());
            if (fromHere && toHere) {
                MemorySegment from = memory(copy.from()), to = memory(copy.to());
                commands.add(run -> to.copyFrom(from));
            } else if (copy.from().device() == device.index) {
                sends.add(message(peers.rank(copy.to().device()), copy, copy.from()));
            } else {
                receives.add(message(peers.rank(copy.from().device()), copy, copy.to()));
            }
        }
        if (!sends.isEmpty() || !receives.isEmpty()) {
            String layer = copies.getFirst().layer();
            commands.add(run -> peers.ranks().exchange(layer, sends, receives));
        }
    }

    /** A tensor that is received is received once in a run, so its number tells the message from others. */
    private Ranks.Message message(int rank, Step.Copy copy, Tensor here) {
        MemorySegment data = memory(here);
        if (data.byteSize() > Integer.MAX_VALUE) {
            throw new DeviceException(copy.layer() + ": " + here + " is too large for a message between processes; use a smaller --batch");
        }
        return new Ranks.Message(rank, copy.to().id(), data.asByteBuffer());
    }

    /** Whether an operation may find its filter prepared: a program that trains would have to prepare it again for every pass. */
    private boolean infers(Operation operation) {
        return !changes && switch (operation) {
            case Operation.ConvolutionForward o -> persistent(o.weight());
            case Operation.FullyConnectedForward o -> persistent(o.weight());
            default -> false;
        };
    }

    private static long workspaceBytes(Step.Launch launch) {
        return launch.workspace() == null ? 0 : launch.workspace().bytes();
    }

    private static void requireWorkspace(Step.Launch launch, CpuLayout layout, CpuDevice device) {
        Operation operation = launch.operation();
        long needed = layout.workspaceBytes(operation, device.index);
        if (workspaceBytes(launch) < needed) {
            throw new IllegalArgumentException(
                    operation.layer() + ": " + operation.kind() + " needs a workspace of " + needed + " bytes, it has "
                            + workspaceBytes(launch));
        }
    }

    private MemorySegment memory(Tensor tensor) {
        long bytes = backend.bytes(tensor);
        return memory(tensor.device(), Region.of(tensor, regions, bytes)).asSlice(0, bytes);
    }

    private MemorySegment memory(int device, Region region) {
        CpuStorage storage = region.area() == Region.Area.PERSISTENT ? persistent : scratch;
        region.requireWithin(storage, device);
        return storage.slice(device, region);
    }

    @Override
    public void run(RunParameters parameters) {
        backend.exclusively(() -> runOnce(parameters));
    }

    private void runOnce(RunParameters parameters) {
        checkOpen();
        if (changes) {
            persistent.changed();
        }
        prepared.refresh();
        CpuEvents run = new CpuEvents(parameters, events, streams.size());
        for (Stream stream : streams) {
            stream.thread.submit(() -> execute(stream.commands, run));
        }
        run.join();
    }

    private void execute(Command[] commands, CpuEvents run) {
        try {
            for (Command command : commands) {
                command.execute(run);
            }
        } catch (Throwable e) {
            run.fail(e);
            backend.peers().ranks().giveUp();
        } finally {
            run.streamDone();
        }
    }

    @Override
    public void write(Tensor tensor, float[] values) {
        backend.exclusively(() -> pack(tensor, values));
    }

    private void pack(Tensor tensor, float[] values) {
        MemorySegment target = checked(tensor, values.length);
        if (persistent(tensor)) {
            persistent.changed();
        }
        if (CpuLayout.canonical(tensor)) {
            MemorySegment.copy(values, 0, target, ValueLayout.JAVA_FLOAT, 0, values.length);
            return;
        }
        try (Staging canonical = new Staging(tensor, values.length).filled(values)) {
            CpuLayout.pack(backend.device(tensor.device()).team, tensor, canonical.memory, target);
        }
    }

    @Override
    public void write(Tensor tensor, byte[] values) {
        backend.exclusively(() -> MemorySegment.copy(
                values, 0, checked(tensor, values.length), ValueLayout.JAVA_BYTE, 0, values.length));
    }

    @Override
    public void write(Tensor tensor, int[] values) {
        backend.exclusively(() -> MemorySegment.copy(
                values, 0, checked(tensor, values.length), ValueLayout.JAVA_INT, 0, values.length));
    }

    @Override
    public void read(Tensor tensor, float[] values) {
        backend.exclusively(() -> unpack(tensor, values));
    }

    private void unpack(Tensor tensor, float[] values) {
        MemorySegment source = checked(tensor, values.length);
        if (CpuLayout.canonical(tensor)) {
            MemorySegment.copy(source, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
            return;
        }
        try (Staging canonical = new Staging(tensor, values.length)) {
            CpuLayout.unpack(backend.device(tensor.device()).team, tensor, source, canonical.memory);
            canonical.copyTo(values);
        }
    }

    @Override
    public void read(Tensor tensor, int[] values) {
        backend.exclusively(() -> MemorySegment.copy(
                checked(tensor, values.length), ValueLayout.JAVA_INT, 0, values, 0, values.length));
    }

    private MemorySegment checked(Tensor tensor, int length) {
        checkOpen();
        tensor.requireLength(length);
        return memory(tensor);
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
                free();
                backend.closed(this);
            }
        });
    }

    private void free() {
        prepared.close();
        arena.close();
    }
}
