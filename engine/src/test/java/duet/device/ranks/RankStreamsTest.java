package duet.device.ranks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.device.Layout;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each process is given of a plan: together it is the plan, and no process waits for ever. */
class RankStreamsTest {
    private static Plan plan(String network, Placement placement, Mode mode) {
        Network net = Networks.create(network, network.endsWith("small") ? 1 : 3, 10);
        int side = net.input().height();
        return Planner.plan(net, placement, mode, 24, new StoredImages(side, side), true, Layout.PLAIN);
    }

    private static Placement placement(String name, int devices) {
        return switch (name) {
            case "towers" -> Placement.TWO_TOWERS;
            case "halves" -> Placement.HALVES;
            case "data" -> Placement.data(devices, devices);
            case "rounds" -> Placement.hybrid(devices, devices, 2);
            default -> Placement.hybrid(devices, devices);
        };
    }

    private static List<List<StreamSteps>> cut(Plan plan, int each) {
        int devices = plan.placement().devices();
        return IntStream.range(0, devices / each).mapToObj(rank -> RankStreams.cut(plan.streams(), rank * each, each)).toList();
    }

    @ParameterizedTest
    @CsvSource({"alexnet-small,towers,2,1", "alexnet-small,halves,2,1", "alexnet-small,data,2,1", "alexnet-small,data,4,1",
            "alexnet-small,data,4,2",
            "alexnet-small,data,8,4", "alexnet-small,data,3,1", "alexnet-small,rounds,4,1", "alexnet-small,hybrid,2,1",
            "alexnet-small,hybrid,4,2",
            "googlenet-small,towers,2,1",
            "googlenet-small,halves,2,1", "googlenet-small,hybrid,4,1", "zfnet,halves,2,1", "alexnet,towers,2,1"})
    void everyStepOnceAndNobodyWaitsForEver(String network, String name, int devices, int each) {
        for (Mode mode : Mode.values()) {
            Plan plan = plan(network, placement(name, devices), mode);
            List<List<StreamSteps>> cut = cut(plan, each);
            assertEquals(launches(plan.streams()), launches(cut.stream().flatMap(List::stream).toList()));
            assertTrue(messagesInOneOrder(cut) > 0 || mode != Mode.TRAINING, "messages");
            for (long seed = 1; seed <= 5; seed++) {
                new Simulation(cut, each, new SplittableRandom(seed)).run();
            }
        }
    }

    /** Each message stands at both ends, in the same order, which a carrier without tags needs; how many there are. */
    private static int messagesInOneOrder(List<List<StreamSteps>> cut) {
        Map<String, List<Integer>> ends = new HashMap<>();
        cut.stream().flatMap(List::stream).forEach(stream -> stream.steps().forEach(step -> {
            if (step instanceof Step.Copy copy) {
                boolean sends = copy.from().device() == stream.device();
                ends.computeIfAbsent((sends ? "s" : "r") + copy.from().device() + ">" + copy.to().device(), _ -> new ArrayList<>())
                        .add(copy.to().id());
            }
        }));
        int messages = 0;
        for (Map.Entry<String, List<Integer>> end : ends.entrySet()) {
            if (end.getKey().startsWith("s")) {
                assertEquals(end.getValue(), ends.get("r" + end.getKey().substring(1)), end.getKey());
                messages += end.getValue().size();
            }
        }
        return messages;
    }

    /** All devices in one process: its own streams as they are. */
    @Test
    void aloneNothingChanges() {
        Plan plan = plan("alexnet-small", Placement.data(4, 4), Mode.TRAINING);
        assertEquals(plan.streams(), RankStreams.cut(plan.streams(), 0, 4));
    }

    /** The simulation finds a message that is sent in another order than it is waited for, and one that nobody sends. */
    @Test
    void theSimulationFindsDeadlocks() {
        Plan plan = plan("alexnet-small", Placement.TWO_TOWERS, Mode.TRAINING);
        List<List<StreamSteps>> cut = new ArrayList<>(cut(plan, 1));
        cut.set(0, cut.getFirst().stream().map(stream -> stream.kind() == Kind.COMPUTE ? stream
                : new StreamSteps(stream.device(), stream.kind(), stream.steps().reversed())).toList());
        assertThrows(AssertionError.class, () -> new Simulation(cut, 1, new SplittableRandom(1)).run());
        List<List<StreamSteps>> silent = new ArrayList<>(cut(plan, 1));
        silent.set(0, silent.getFirst().stream().map(stream -> new StreamSteps(stream.device(), stream.kind(),
                stream.steps().stream().filter(step -> !(step instanceof Step.Copy copy) || copy.from().device() != 0).toList())).toList());
        assertThrows(AssertionError.class, () -> new Simulation(silent, 1, new SplittableRandom(1)).run());
    }

    private static Map<String, Integer> launches(List<StreamSteps> streams) {
        Map<String, Integer> launches = new HashMap<>();
        streams.forEach(stream -> stream.steps().stream().filter(Step.Launch.class::isInstance)
                .forEach(step -> launches.merge(stream.device() + " " + step, 1, Integer::sum)));
        return launches;
    }

    /**
     * Runs all streams of all processes, one step at a time in an order that is drawn. Consecutive copies are one exchange, which is over
     * when each of its messages is wanted at the other end, too. What a step reads must have been written, and must not be overwritten
     * meanwhile.
     */
    private static final class Simulation {
        private final List<StreamSteps> streams = new ArrayList<>();
        private final List<Integer> ranks = new ArrayList<>();
        private final int[] next;
        private final int each;
        private final SplittableRandom random;
        private final Set<String> recorded = new HashSet<>();
        private final Set<String> messages = new HashSet<>();
        private final Map<Tensor, Boolean> written = new HashMap<>();

        Simulation(List<List<StreamSteps>> processes, int each, SplittableRandom random) {
            this.each = each;
            this.random = random;
            for (int rank = 0; rank < processes.size(); rank++) {
                for (StreamSteps stream : processes.get(rank)) {
                    streams.add(stream);
                    ranks.add(rank);
                }
            }
            next = new int[streams.size()];
        }

        void run() {
            int stuck = 0;
            while (IntStream.range(0, next.length).anyMatch(stream -> !over(stream))) {
                int stream = random.nextInt(next.length);
                boolean moved = !over(stream) && step(stream);
                stuck = moved ? 0 : stuck + 1;
                if (stuck > 200 * next.length && IntStream.range(0, next.length).noneMatch(other -> !over(other) && step(other))) {
                    throw new AssertionError("nobody gets any further: " + IntStream.range(0, next.length).filter(other -> !over(other))
                            .mapToObj(other -> streams.get(other).label() + " at " + streams.get(other).steps().get(next[other])).toList());
                }
            }
        }

        private boolean over(int stream) {
            return next[stream] >= streams.get(stream).steps().size();
        }

        private boolean step(int stream) {
            Step step = streams.get(stream).steps().get(next[stream]);
            switch (step) {
                case Step.Launch launch -> {
                    launch.operation().reads().forEach(tensor -> assertTrue(
                            tensor.role() != Tensor.Role.TRANSIENT || written.containsKey(tensor),
                            () -> tensor + " is read before it is there"));
                    launch.operation().writes().forEach(tensor -> written.put(tensor, true));
                    next[stream]++;
                    return true;
                }
                case Step.Record(int event) -> {
                    assertTrue(recorded.add(ranks.get(stream) + "/" + event), "an event is recorded twice");
                    next[stream]++;
                    return true;
                }
                case Step.Wait(int event) -> {
                    boolean there = recorded.contains(ranks.get(stream) + "/" + event);
                    next[stream] += there ? 1 : 0;
                    return there;
                }
                case Step.Copy _ -> {
                    return exchange(stream);
                }
            }
        }

        /** Tells what this end wants; goes on when all other ends have told it, too. */
        private boolean exchange(int stream) {
            List<Step> steps = streams.get(stream).steps();
            int device = streams.get(stream).device();
            int end = next[stream];
            boolean all = true;
            while (end < steps.size() && steps.get(end) instanceof Step.Copy copy) {
                boolean sends = copy.from().device() == device;
                boolean within = copy.from().device() / each == copy.to().device() / each;
                if (within || sends) {
                    assertTrue(written.containsKey(copy.from()), () -> copy.from() + " is sent before it is there");
                }
                messages.add((sends ? "s" : "r") + copy.to().id());
                all &= within || messages.contains((sends ? "r" : "s") + copy.to().id());
                end++;
            }
            if (all) {
                steps.subList(next[stream], end).forEach(step -> written.put(((Step.Copy) step).to(), true));
                next[stream] = end;
            }
            return all;
        }
    }
}
