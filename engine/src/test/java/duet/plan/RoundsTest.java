package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.net.NetworkException;
import duet.plan.HappensBefore.Point;
import duet.plan.Term.Share;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Fully connected layers in rounds. */
class RoundsTest {
    private static final int BATCH = 128;
    private static final Pattern FULLY_CONNECTED = Pattern
            .compile("(pool5\\.round|(fc|relu|dropout)\\d\\.(input|received|output)|loss\\..*)");

    private static Plan plan(Placement placement, Mode mode) {
        Plan plan = Planner.plan(Networks.create("alexnet"), placement, mode, BATCH, new StoredImages(256, 256), true, Layout.PLAIN);
        assertEquals(List.of(), PlanChecker.check(plan));
        return plan;
    }

    private static List<Point> points(Plan plan, int device, BiPredicate<StreamSteps, Step> which) {
        List<Point> points = new ArrayList<>();
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            StreamSteps steps = plan.streams().get(stream);
            for (int i = 0; steps.device() == device && i < steps.steps().size(); i++) {
                if (which.test(steps, steps.steps().get(i))) {
                    points.add(new Point(stream, i));
                }
            }
        }
        return points;
    }

    private static List<Point> launches(Plan plan, int device, Class<? extends Operation> kind, String layer) {
        return points(plan, device, (_, step) -> step instanceof Step.Launch launch && kind.isInstance(launch.operation())
                && launch.operation().layer().equals(layer));
    }

    private static List<Point> copies(Plan plan, int device, String name) {
        return points(plan, device, (_, step) -> step instanceof Step.Copy copy && copy.from().name().equals(name));
    }

    /** Nothing orders the copies to a round and the round before it, nor the copies from a round and the one behind it. */
    @ParameterizedTest
    @CsvSource({"2, 2", "2, 4", "4, 4"})
    void copiesRunBesideTheOtherRounds(int devices, int rounds) {
        Plan plan = plan(Placement.hybrid(devices, devices, rounds), Mode.TRAINING);
        HappensBefore order = HappensBefore.of(plan.streams());
        for (int device = 0; device < devices; device++) {
            List<Point> sent = copies(plan, device, "pool5.round");
            List<Point> returned = copies(plan, device, "fc6.sent.gradient");
            int partners = devices - 1;
            assertEquals(rounds * partners, sent.size());
            assertEquals(rounds * partners, returned.size());
            for (int other = 0; other < devices; other++) {
                List<Point> forward = launches(plan, other, Operation.FullyConnectedForward.class, "fc6");
                assertEquals(rounds, forward.size());
                for (int round = 0; round + 1 < rounds; round++) {
                    for (int partner = 0; partner < partners; partner++) {
                        assertFalse(order.ordered(sent.get((round + 1) * partners + partner), forward.get(round)));
                        assertFalse(order.ordered(returned.get(round * partners + partner), forward.get(round + 1)));
                    }
                }
            }
        }
    }

    /** Every round is forward and backward, and the last one updates. */
    @Test
    void oneUpdateAStep() {
        Plan plan = plan(Placement.hybrid(2, 2, 4), Mode.TRAINING);
        for (int device = 0; device < 2; device++) {
            List<Point> forward = launches(plan, device, Operation.FullyConnectedForward.class, "fc6");
            List<Point> backward = launches(plan, device, Operation.FullyConnectedBackwardWeights.class, "fc6");
            for (int round = 0; round < 4; round++) {
                assertTrue(forward.get(round).step() < backward.get(round).step());
                assertTrue(round == 3 || backward.get(round).step() < forward.get(round + 1).step());
            }
            List<Point> updates = launches(plan, device, Operation.SgdUpdate.class, "fc6");
            assertEquals(2, updates.size());
            assertTrue(backward.getLast().step() < updates.getFirst().step());
            assertEquals(1, launches(plan, device, Operation.ConvolutionForward.class, "conv5").size());
        }
    }

    /** The most bytes at once of what fully connected layers take and make. */
    private static long activations(Plan plan) {
        return Liveness.of(plan.streams(),
                tensor -> FULLY_CONNECTED.matcher(tensor.name()).matches() && tensor.role() == Tensor.Role.TRANSIENT ? tensor.dataBytes()
                        : 0,
                _ -> 0, (_, _) -> false).peak(0);
    }

    /** Of two rounds at a time there are inputs, of one what is made of them. The same travels. */
    @ParameterizedTest
    @EnumSource(Mode.class)
    void memoryOfARound(Mode mode) {
        long whole = activations(plan(Placement.hybrid(2, 2), mode));
        for (int rounds : new int[] {2, 4, 8}) {
            Plan plan = plan(Placement.hybrid(2, 2, rounds), mode);
            assertTrue(activations(plan) <= 2 * whole / rounds, () -> rounds + " rounds: " + activations(plan) + " of " + whole);
            assertEquals(bytes(plan(Placement.hybrid(2, 2), mode)), bytes(plan));
        }
    }

    private static List<List<Long>> bytes(Plan plan) {
        return PlanSummary.of(plan).layers().stream().map(row -> List.of(row.forwardBytes(), row.backwardBytes())).toList();
    }

    /**
     * A missing wait for data of layers in rounds is found, unless there is one before it in the stream for an event behind that event:
     * then it says nothing more.
     */
    @Test
    void everyWaitForDataIsNeeded() {
        Plan plan = Planner.plan(Networks.create("alexnet-small", 1, 10), Placement.hybrid(2, 2, 2), Mode.TRAINING, 4,
                new StoredImages(28, 28), true, Layout.PLAIN);
        Map<Integer, Point> recorded = new HashMap<>();
        for (int device = 0; device < 2; device++) {
            points(plan, device, (_, step) -> step instanceof Step.Record)
                    .forEach(point -> recorded.put(((Step.Record) step(plan, point)).event(), point));
        }
        int tried = 0;
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            StreamSteps steps = plan.streams().get(stream);
            Map<Integer, Integer> latest = new HashMap<>();
            for (int i = 0; i < steps.steps().size(); i++) {
                if (steps.steps().get(i) instanceof Step.Wait wait) {
                    Point from = recorded.get(wait.event());
                    boolean own = plan.streams().get(from.stream()).device() == steps.device();
                    boolean data = own == (steps.kind() == Kind.COMPUTE);
                    if (data && ofFullyConnected(plan, steps.kind() == Kind.COPY ? new Point(stream, i) : from)
                            && latest.getOrDefault(from.stream(), -1) < from.step()) {
                        assertFalse(PlanChecker.check(new PlanMutants(plan).without(stream, i)).isEmpty(), steps.label() + " " + i);
                        tried++;
                    }
                    latest.merge(from.stream(), from.step(), Math::max);
                }
            }
        }
        assertTrue(tried >= 36, tried + " waits");
    }

    /** Whether a copy that comes after a wait, or before a record, belongs to a layer in rounds. */
    private static boolean ofFullyConnected(Plan plan, Point point) {
        List<Step> steps = plan.streams().get(point.stream()).steps();
        int by = steps.get(point.step()) instanceof Step.Wait ? 1 : -1;
        int place = point.step();
        while (!(steps.get(place) instanceof Step.Copy)) {
            place += by;
        }
        return ((Step.Copy) steps.get(place)).layer().startsWith("fc");
    }

    private static Step step(Plan plan, Point point) {
        return plan.streams().get(point.stream()).steps().get(point.step());
    }

    /** Rounds are added from the first to the last, lanes in the order of {@link Sums}; a lane's images lie in every round. */
    @Test
    void ordersOfSums() {
        Network network = Networks.create("alexnet");
        Terms terms = new Terms(network, 4, 4, 1);
        List<Term> rounds = shares(terms, round -> List.of(new Range(4 * round, 4)));
        List<Term> lanes = shares(terms, lane -> IntStream.range(0, 4).mapToObj(round -> new Range(4 * round + lane, 1)).toList());
        Term whole = terms.leaf(Term.Kind.PARAMETER_GRADIENT, 0);
        assertSame(whole, rounds.stream().reduce(terms::plus).orElseThrow());
        assertFalse(whole.equals(Sums.of(rounds, terms::plus)));
        assertSame(whole, Sums.of(lanes, terms::plus));
        assertFalse(whole.equals(lanes.stream().reduce(terms::plus).orElseThrow()));
        assertFalse(whole.equals(rounds.reversed().stream().reduce(terms::plus).orElseThrow()));
        List<Term> lane = shares(terms, round -> List.of(new Range(4 * round + 1, 1)));
        assertSame(lanes.get(1), lane.stream().reduce(terms::plus).orElseThrow());
    }

    private static List<Term> shares(Terms terms, IntFunction<List<Range>> images) {
        return IntStream.range(0, 4).mapToObj(
                i -> terms.leaf(Term.Kind.PARAMETER_GRADIENT, 0, 0, new Share(Axis.BATCH, images.apply(i), new Range(0, 16)))).toList();
    }

    /** What each lane prepares; labels and losses are those of a round. */
    @Test
    void whatTheHostIsTold() {
        Plan plan = plan(Placement.hybrid(2, 2, 2), Mode.TRAINING);
        assertEquals(List.of(new Range(0, 32), new Range(64, 32)), plan.inputs().getFirst().runs());
        assertEquals(List.of(new Range(32, 32), new Range(96, 32)), plan.inputs().get(1).runs());
        assertEquals(List.of(0, 0, 64, 64), plan.inputs().stream().map(Plan.Inputs::firstLabel).toList());
        assertEquals(List.of(0, 0, 64, 64), plan.outputs().stream().map(Plan.Outputs::firstImage).toList());
        Set<Tensor> losses = new HashSet<>(plan.outputs().stream().map(Plan.Outputs::losses).toList());
        assertEquals(4, losses.size());
        assertTrue(losses.stream().allMatch(tensor -> tensor.batch() == 64));
    }

    @Test
    void reportsSayIt() {
        Plan plan = plan(Placement.hybrid(2, 2, 4), Mode.TRAINING);
        String text = PlanReport.toText(plan);
        assertTrue(
                text.startsWith("alexnet, train, batch 128, hybrid of images and outputs: 2 parts on 2 devices, fully connected layers in "
                        + "4 rounds\n"),
                text);
        assertTrue(text.lines().anyMatch(line -> line.startsWith("fc7 ") && line.endsWith("all inputs: gathers, in 4 rounds")), text);
        assertTrue(text.lines().noneMatch(line -> line.startsWith("conv5 ") && line.contains("rounds")), text);
        assertTrue(PlanReport.toJson(plan).contains("\"placement\":\"hybrid\",\"parts\":2,\"rounds\":4,"));
        String dot = PlanReport.toDot(plan);
        assertEquals(2 * 7, dot.lines().filter(line -> line.contains("<i>4 rounds</i>")).count());
        assertEquals(PlanReport.toDot(plan(Placement.hybrid(2, 2), Mode.TRAINING)), dot.replace("<br/><i>4 rounds</i>", ""));
    }

    @Test
    void oneRoundIsAsEver() {
        assertEquals(Placement.hybrid(2, 4), Placement.hybrid(2, 4, 1));
        assertTrue(Division.divide(Networks.create("alexnet"), Placement.hybrid(2, 4), 8).stream().noneMatch(Division::inRounds));
    }

    private static void assertRefused(String message, Network network, Placement placement, int batch) {
        assertEquals(message, assertThrows(NetworkException.class, () -> Planner.plan(network, placement, Mode.TRAINING, batch,
                new StoredImages(256, 256), true, Layout.PLAIN)).getMessage());
    }

    @Test
    void whatCannotBeIsSaid() {
        Network network = Networks.create("alexnet");
        assertRefused("a batch of 128 images cannot be cut into 2 equal parts in each of 3 rounds; use a multiple of 6 or other rounds",
                network, Placement.hybrid(2, 2, 3), 128);
        assertEquals("hybrid: there are 1 to 4096 rounds, not 0",
                assertThrows(NetworkException.class, () -> Placement.hybrid(2, 2, 0)).getMessage());
    }
}
