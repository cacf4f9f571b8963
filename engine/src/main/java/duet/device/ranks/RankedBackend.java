package duet.device.ranks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.DeviceInfo;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Peers;
import duet.device.Program;
import duet.device.Ranks;
import duet.device.Region;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * The devices of several processes as one backend: each process opens its own and plans for all. Every process loads the same programs and
 * runs them at the same time; each executes the streams of its own devices, and copies between processes are messages.
 */
public final class RankedBackend implements Backend {
    private final Backend local;
    private final Peers peers;
    private final List<DeviceInfo> devices;
    private final String carrier;

    private RankedBackend(Backend local, Peers peers, List<DeviceInfo> devices, String carrier) {
        this.carrier = carrier;
        this.local = local;
        this.peers = peers;
        this.devices = devices;
    }

    /**
     * Opens this process's devices and finds out about the others'. All processes call it.
     *
     * @param names   of this process's devices, see {@link Backends#open(String, CpuOptions)}; null for the best kind that there is
     * @param each    how many each process has
     * @param options threads for CPU devices, the precision for all
     * @param ranks   the processes; closed with the backend's user, not with the backend
     * @return all devices; close them
     * @throws DeviceException if they cannot be opened, or are not of one kind or precision
     */
    public static Backend open(String names, int each, CpuOptions options, Ranks ranks) {
        ranks.requireSame("the number of devices", Integer.toString(each));
        Peers peers = new Peers(ranks, each);
        Backend local = Backends.open(names, options, peers);
        try {
            List<String> words = new ArrayList<>();
            local.devices()
                    .forEach(device -> words.addAll(List.of(device.name(), device.description(), Long.toString(device.memoryBytes()))));
            List<DeviceInfo> devices = new ArrayList<>();
            for (byte[] answer : ranks.gather("the devices", String.join("\n", words).getBytes(StandardCharsets.UTF_8))) {
                String[] lines = new String(answer, StandardCharsets.UTF_8).split("\n", -1);
                for (int i = 0; i + 2 < lines.length; i += 3) {
                    devices.add(new DeviceInfo(lines[i], lines[i + 1], Long.parseLong(lines[i + 2])));
                }
            }
            requireAlike(local, ranks);
            return new RankedBackend(local, peers, List.copyOf(devices), local.connect());
        } catch (RuntimeException | Error e) {
            local.close();
            throw e;
        }
    }

    /**
     * Makes sure that all processes compute in the same way. All processes call it.
     *
     * @param local this process's devices
     * @param ranks the processes
     * @throws DeviceException if the devices are not of one kind or precision
     */
    public static void requireAlike(Backend local, Ranks ranks) {
        ranks.requireSame("the kind of device", local.devices().getFirst().name().replaceAll(":\\d+$", ""));
        ranks.requireSame("the arithmetic", local.arithmetic().toString());
    }

    /**
     * {@return devices in words, such as {@code CPU, 2 threads in each of 4 processes (Open MPI 4.1.4 on 2 hosts)}}
     *
     * @param local this process's devices
     * @param ranks the processes
     */
    public static String describe(Backend local, Ranks ranks) {
        return local.description() + " in each of " + ranks.size() + " processes (" + ranks.description() + ")";
    }

    @Override
    public String description() {
        return describe(local, ranks()) + (carrier.isEmpty() ? "" : ", " + carrier);
    }

    @Override
    public List<DeviceInfo> devices() {
        return devices;
    }

    @Override
    public Arithmetic arithmetic() {
        return local.arithmetic();
    }

    @Override
    public Ranks ranks() {
        return peers.ranks();
    }

    @Override
    public Storage allocate(long[] bytesPerDevice) {
        return local.allocate(own(bytesPerDevice));
    }

    @Override
    public Storage allocateScratch(long[] bytesPerDevice) {
        return local.allocateScratch(own(bytesPerDevice));
    }

    private long[] own(long[] bytesPerDevice) {
        return Arrays.copyOfRange(bytesPerDevice, peers.first(), peers.first() + peers.each());
    }

    @Override
    public Program load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        ranks().requireSame("the plan",
                Fingerprint.of(streams.stream().flatMap(stream -> stream.steps().stream()).map(RankedBackend::words)));
        Map<Tensor, Region> own = new HashMap<>(regions);
        own.keySet().removeIf(tensor -> !peers.here(tensor.device()));
        Program program = local.load(RankStreams.cut(streams, peers.first(), peers.each()), own, persistent, scratch);
        return new RankedProgram(program, peers, regions.keySet());
    }

    /** Scratch memory may differ: it depends on a process's threads. */
    private static String words(Step step) {
        return step instanceof Step.Launch launch ? launch.operation().toString() : step.toString();
    }

    @Override
    public long bytes(Tensor tensor) {
        return local.bytes(tensor);
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return local.workspaceBytes(operation, device);
    }

    @Override
    public Layout of(List<StreamSteps> streams) {
        return local.of(streams);
    }

    @Override
    public Layout inference() {
        return local.inference();
    }

    @Override
    public long preparedBytes(Operation operation) {
        return local.preparedBytes(operation);
    }

    @Override
    public String method(Operation operation) {
        return local.method(operation);
    }

    @Override
    public long ownFlop(Operation operation) {
        return local.ownFlop(operation);
    }

    @Override
    public boolean fuses(Operation first, Operation second) {
        return local.fuses(first, second);
    }

    @Override
    public void close() {
        local.close();
    }
}
