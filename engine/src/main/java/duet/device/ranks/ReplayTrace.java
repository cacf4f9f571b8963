package duet.device.ranks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.files.FileException;
import duet.files.Reasons;
import duet.files.WholeFile;

/**
 * A step as SimGrid replays it ({@code smpirun -replay}): what each device computes, in floating point operations, and the messages of its
 * copy stream, in bytes. A simulated process is a device, and does exactly what {@link RankStreams} would have a process of that one device
 * do. It sends and receives without waiting as soon as its copy stream could, and waits where its compute stream does; unlike on a copy
 * stream, a message does not wait for the one before it to arrive.
 *
 * @param devices the actions of each device, a line each, in SimGrid's time-independent format
 */
public record ReplayTrace(List<List<String>> devices) {
    /** The list of the devices' files. */
    private static final String LIST = "traces.txt";
    /** Where each device is. */
    private static final String HOSTS = "hosts.txt";
    /** Machines and links. */
    private static final String PLATFORM = "platform.xml";
    /** Bytes over the speed of the link, which those under way share: what {@code smpirun} else adds for TCP is not in the plan. */
    private static final String MODEL = "--cfg=network/model:CM02";
    private static final double BITS = 8;

    /** Copies the lists. */
    public ReplayTrace {
        devices = devices.stream().map(List::copyOf).toList();
    }

    /**
     * {@return the trace of a plan}
     *
     * @param streams of all devices
     * @param count   of devices
     */
    public static ReplayTrace of(List<StreamSteps> streams, int count) {
        return new ReplayTrace(IntStream.range(0, count).mapToObj(device -> new Device(device, RankStreams.cut(streams, device, 1)).lines())
                .toList());
    }

    /** One device's two streams in one order. */
    private static final class Device {
        private final int device;
        private final List<Step> compute;
        private final List<Step> copies;
        private final List<String> lines = new ArrayList<>();
        /** Events that have happened on the compute stream. */
        private final Set<Integer> happened = new HashSet<>();
        /** For each event of the copy stream what must be waited for: so many of the requests. */
        private final Map<Integer, Integer> arrived = new HashMap<>();
        /** The waits of what was sent and received, in the order in which it was begun. */
        private final List<String> requests = new ArrayList<>();
        private int awaited;
        private int copied;
        private long flop;

        Device(int device, List<StreamSteps> streams) {
            this.device = device;
            compute = steps(streams, Kind.COMPUTE);
            copies = steps(streams, Kind.COPY);
        }

        private static List<Step> steps(List<StreamSteps> streams, Kind kind) {
            return streams.stream().filter(stream -> stream.kind() == kind).flatMap(stream -> stream.steps().stream()).toList();
        }

        List<String> lines() {
            act("init");
            copy();
            for (Step step : compute) {
                switch (step) {
                    case Step.Launch launch -> flop += launch.operation().flop();
                    case Step.Record(int event) -> {
                        happened.add(event);
                        copy();
                    }
                    case Step.Wait(int event) -> await(event);
                    case Step.Copy copy -> throw new IllegalArgumentException(copy.layer() + ": a copy on a compute stream");
                }
            }
            if (copied < copies.size()) {
                throw new IllegalArgumentException("the copy stream of device " + device + " waits for ever at " + copies.get(copied));
            }
            await(requests.size(), "the end");
            computed();
            act("finalize");
            return lines;
        }

        private void act(String action) {
            lines.add(device + " " + action);
        }

        private void computed() {
            if (flop > 0) {
                act("compute " + flop);
                flop = 0;
            }
        }

        /** The copy stream as far as it gets. */
        private void copy() {
            for (; copied < copies.size(); copied++) {
                switch (copies.get(copied)) {
                    case Step.Wait(int event) -> {
                        if (!happened.contains(event) && !arrived.containsKey(event)) {
                            return;
                        }
                    }
                    case Step.Record(int event) -> arrived.put(event, requests.size());
                    case Step.Copy copy -> begin(copy);
                    case Step.Launch launch -> throw new IllegalArgumentException(launch.operation().layer() + ": runs on a copy stream");
                }
            }
        }

        private void begin(Step.Copy copy) {
            computed();
            boolean sends = copy.from().device() == device;
            int other = sends ? copy.to().device() : copy.from().device();
            act((sends ? "isend " : "irecv ") + other + " " + copy.to().id() + " " + copy.to().dataBytes());
            requests.add("wait " + copy.from().device() + " " + copy.to().device() + " " + copy.to().id());
        }

        private void await(int event) {
            if (!happened.contains(event)) {
                Integer count = arrived.get(event);
                if (count == null) {
                    throw new IllegalArgumentException("device " + device + " waits for event " + event + ", which nobody records before");
                }
                await(count, "event " + event);
            }
        }

        private void await(int count, String what) {
            if (count > requests.size()) {
                throw new IllegalArgumentException(what + " waits for messages that have not begun");
            }
            while (awaited < count) {
                computed();
                act(requests.get(awaited++));
            }
        }
    }

    /** {@return floating point operations of the device that has most to do} */
    public long flop() {
        return devices.stream().mapToLong(lines -> lines.stream().map(line -> line.split(" ")).filter(words -> words[1].equals("compute"))
                .mapToLong(words -> Long.parseLong(words[2])).sum()).max().orElse(0);
    }

    /** {@return how many messages there are between devices} */
    public long messages() {
        return devices.stream().flatMap(List::stream).filter(line -> line.contains(" isend ")).count();
    }

    /** {@return the command that replays what has been written, in its folder} */
    public List<String> command() {
        return List.of("smpirun", "-np", Integer.toString(devices.size()),
                "-platform", PLATFORM, "-hostfile", HOSTS, "-replay", LIST, MODEL);
    }

    /**
     * Writes the devices' files, the list of them, and a description of machines whose links join at a switch that is never the limit.
     *
     * @param folder        new or empty
     * @param each          devices of a machine
     * @param flopPerSecond of a device
     * @param bitsPerSecond of a machine's link, both ways at once
     * @throws FileException if the folder holds something already, or cannot be written to
     */
    public void write(Path folder, int each, double flopPerSecond, double bitsPerSecond) {
        try {
            Files.createDirectories(folder);
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new FileException(folder + " holds something already: give a new or an empty folder", null);
                }
            }
        } catch (FileAlreadyExistsException e) {
            throw new FileException(folder + " is a file: give a new or an empty folder", e);
        } catch (IOException e) {
            throw new FileException(folder + " cannot be written to: " + Reasons.of(e), e);
        }
        Map<String, List<String>> files = new LinkedHashMap<>();
        for (int device = 0; device < devices.size(); device++) {
            files.put("device-" + device + ".txt", devices.get(device));
        }
        files.put(LIST, List.copyOf(files.keySet()));
        files.put(HOSTS, IntStream.range(0, devices.size()).mapToObj(device -> "host-" + device / each).toList());
        files.put(PLATFORM, platform(devices.size() / each, each, flopPerSecond, bitsPerSecond));
        files.forEach((name, lines) -> WholeFile.write(folder.resolve(name),
                (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8)));
    }

    /** Links without latency, as {@code duet plan --link} takes them; whoever knows better writes it into the file. */
    private static List<String> platform(int hosts, int each, double flopPerSecond, double bitsPerSecond) {
        return List.of("<?xml version='1.0'?>", "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">",
                "<platform version=\"4.1\">",
                String.format(Locale.ROOT, "  <cluster id=\"cluster\" prefix=\"host-\" suffix=\"\" radical=\"0-%d\" speed=\"%.0ff\" "
                        + "core=\"%d\" bw=\"%.0fBps\" lat=\"0s\"/>", hosts - 1, flopPerSecond, each, bitsPerSecond / BITS),
                "</platform>");
    }
}
