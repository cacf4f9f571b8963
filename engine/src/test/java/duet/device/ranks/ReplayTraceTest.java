package duet.device.ranks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.device.Layout;
import duet.device.Step;
import duet.files.FileException;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.RankTraffic;
import duet.plan.StoredImages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What SimGrid is given of a plan: all of its work and messages, in an order in which nobody waits for ever; and SimGrid takes it. */
class ReplayTraceTest {
    @TempDir
    private Path temporary;

    private static Plan plan(String network, String name, int devices) {
        Network net = Networks.create(network, network.endsWith("small") ? 1 : 3, 10);
        Placement placement = switch (name) {
            case "towers" -> Placement.TWO_TOWERS;
            case "halves" -> Placement.HALVES;
            case "data" -> Placement.data(devices, devices);
            case "rounds" -> Placement.hybrid(devices, devices, 2);
            default -> Placement.hybrid(devices, devices);
        };
        StoredImages stored = new StoredImages(net.input().height(), net.input().width());
        return Planner.plan(net, placement, Mode.TRAINING, 24, stored, true, Layout.PLAIN);
    }

    private static ReplayTrace trace(Plan plan) {
        return ReplayTrace.of(plan.streams(), plan.placement().devices());
    }

    @ParameterizedTest
    @CsvSource({"alexnet-small,towers,2", "alexnet-small,halves,2", "alexnet-small,data,2", "alexnet-small,data,3", "alexnet-small,data,8",
            "alexnet-small,hybrid,4", "alexnet-small,rounds,4", "googlenet-small,towers,2", "googlenet-small,data,4", "alexnet,towers,2"})
    void allWorkAndEveryMessageOnce(String network, String name, int devices) {
        Plan plan = plan(network, name, devices);
        ReplayTrace trace = trace(plan);
        assertEquals(devices, trace.devices().size());
        for (int device = 0; device < devices; device++) {
            int here = device;
            List<String[]> lines = words(trace.devices().get(device));
            assertTrue(lines.stream().allMatch(words -> words[0].equals(Integer.toString(here))), "whose lines they are");
            assertEquals("init", lines.getFirst()[1]);
            assertEquals("finalize", lines.getLast()[1]);
            long flop = plan.streams().stream().filter(stream -> stream.device() == here).flatMap(stream -> stream.steps().stream())
                    .filter(Step.Launch.class::isInstance).mapToLong(step -> ((Step.Launch) step).operation().flop()).sum();
            assertEquals(flop, lines.stream().filter(words -> words[1].equals("compute"))
                    .mapToLong(words -> Long.parseLong(words[2])).sum());
        }
        requireSound(trace.devices());
        RankTraffic traffic = RankTraffic.of(plan, 1);
        assertEquals(traffic.received(), most(trace, "irecv"));
        assertEquals(traffic.sent(), most(trace, "isend"));
    }

    private static long most(ReplayTrace trace, String action) {
        return trace.devices().stream().mapToLong(lines -> words(lines).stream().filter(words -> words[1].equals(action))
                .mapToLong(words -> Long.parseLong(words[4])).sum()).max().orElseThrow();
    }

    private static List<String[]> words(List<String> lines) {
        return lines.stream().map(line -> line.split(" ")).toList();
    }

    /** Every message is sent and received with the same tag and size, in the same order, and waited for once; nobody waits for ever. */
    private static void requireSound(List<List<String>> devices) {
        TreeMap<String, List<String>> sent = new TreeMap<>();
        TreeMap<String, List<String>> received = new TreeMap<>();
        for (List<String> lines : devices) {
            Set<String> begun = new HashSet<>();
            for (String[] words : words(lines)) {
                String here = words[0];
                switch (words[1]) {
                    case "isend" -> {
                        sent.computeIfAbsent(here + " " + words[2], _ -> new ArrayList<>()).add(words[3] + " " + words[4]);
                        assertTrue(begun.add(here + " " + words[2] + " " + words[3]), "a message is sent twice");
                    }
                    case "irecv" -> {
                        received.computeIfAbsent(words[2] + " " + here, _ -> new ArrayList<>()).add(words[3] + " " + words[4]);
                        assertTrue(begun.add(words[2] + " " + here + " " + words[3]), "a message is received twice");
                    }
                    case "wait" -> assertTrue(begun.remove(words[2] + " " + words[3] + " " + words[4]), "what has not begun is waited for");
                    default -> assertTrue(Set.of("init", "compute", "finalize").contains(words[1]), words[1]);
                }
            }
            assertEquals(Set.of(), begun, "not waited for");
        }
        assertEquals(sent, received);
        run(devices);
    }

    /** As if no message left before its receiver were ready. */
    private static void run(List<List<String>> devices) {
        int[] next = new int[devices.size()];
        Set<String> ready = new HashSet<>();
        boolean moved = true;
        while (moved) {
            moved = false;
            for (int device = 0; device < next.length; device++) {
                while (next[device] < devices.get(device).size() && step(devices.get(device).get(next[device]).split(" "), ready)) {
                    next[device]++;
                    moved = true;
                }
            }
        }
        for (int device = 0; device < next.length; device++) {
            assertEquals(devices.get(device).size(), next[device], "device " + device + " waits for ever");
        }
    }

    private static boolean step(String[] words, Set<String> ready) {
        return switch (words[1]) {
            case "isend" -> ready.add("sent " + words[0] + " " + words[2] + " " + words[3]);
            case "irecv" -> ready.add("awaited " + words[2] + " " + words[0] + " " + words[3]);
            case "wait" -> ready.containsAll(List.of("sent " + words[2] + " " + words[3] + " " + words[4],
                    "awaited " + words[2] + " " + words[3] + " " + words[4]));
            default -> true;
        };
    }

    @Test
    void faultsAreFound() {
        List<List<String>> sound = trace(plan("alexnet-small", "data", 3)).devices();
        requireSound(sound);
        int send = (int) sound.get(1).stream().takeWhile(line -> !line.startsWith("1 isend")).count();
        for (String instead : List.of("", sound.get(1).get(send).replaceAll("\\d+$", "7"), sound.get(1).get(send + 1))) {
            List<List<String>> faulty = new ArrayList<>(sound);
            List<String> lines = new ArrayList<>(sound.get(1));
            lines.remove(send);
            if (!instead.isEmpty()) {
                lines.add(send, instead);
            }
            faulty.set(1, lines);
            assertThrows(AssertionError.class, () -> requireSound(faulty), () -> "instead of the first message: " + instead);
        }
        List<List<String>> circle = List.of(
                List.of("0 init", "0 irecv 1 5 8", "0 wait 1 0 5", "0 isend 1 6 8", "0 wait 0 1 6", "0 finalize"),
                List.of("1 init", "1 irecv 0 6 8", "1 wait 0 1 6", "1 isend 0 5 8", "1 wait 1 0 5", "1 finalize"));
        assertThrows(AssertionError.class, () -> requireSound(circle));
    }

    @Test
    void onlyAnEmptyFolderIsWrittenTo() throws IOException {
        ReplayTrace trace = trace(plan("alexnet-small", "data", 2));
        Path file = Files.writeString(temporary.resolve("file"), "of somebody");
        assertTrue(assertThrows(FileException.class, () -> trace.write(file, 1, 1e9, 1e9)).getMessage().startsWith(file + " is a file"));
        assertTrue(assertThrows(FileException.class, () -> trace.write(temporary, 1, 1e9, 1e9)).getMessage()
                .equals(temporary + " holds something already: give a new or an empty folder"));
        trace.write(temporary.resolve("new"), 1, 1e9, 1e9);
        assertEquals(trace.devices().get(1), Files.readAllLines(temporary.resolve("new/device-1.txt")));
    }

    /**
     * A step takes at least the longer of computing and exchanging, and about both one after the other at most: messages that depend on
     * others of different sizes leave a link idle now and then.
     */
    @ParameterizedTest
    @CsvSource({"data,2,1,1", "data,4,1,1", "data,4,2,1", "data,4,1,20", "hybrid,4,1,1", "towers,2,1,1", "rounds,4,1,0.2"})
    void simgridReplaysIt(String name, int devices, int each, double share) throws Exception {
        Plan plan = plan("alexnet-small", name, devices);
        ReplayTrace trace = trace(plan);
        double computing = 0.1;
        double bits = 8.0 * RankTraffic.of(plan, each).received() / (share * computing); // so that exchanging takes a share of computing
        Path folder = temporary.resolve("trace");
        trace.write(folder, each, trace.flop() / computing, bits);
        double seconds = replayed(folder, trace.command());
        double exchanging = RankTraffic.of(plan, each).seconds(bits);
        String what = name + ": " + seconds + " s, of which " + computing + " s computing and " + exchanging + " s exchanging";
        assertTrue(seconds > 0.99 * Math.max(computing, exchanging), what);
        assertTrue(seconds < 1.25 * (computing + exchanging), what);
        System.out.println("ReplayTraceTest: " + what);
    }

    private static double replayed(Path folder, List<String> command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        } catch (IOException e) {
            assumeTrue(false, "SimGrid is not installed: " + e.getMessage());
            return 0;
        }
        String words = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> Arrays.asList(command) + "\n" + words);
        Matcher time = Pattern.compile("Simulation time ([\\d.]+)").matcher(words);
        assertTrue(time.find(), words);
        return Double.parseDouble(time.group(1));
    }
}
