package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Operation.Activation;
import duet.device.RunParameters;
import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Layer.Pooling.Kind;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A network computes one function wherever it is placed, in whatever order its streams happen to run, and its
 * updates are the gradient of its loss: plans on the double-precision {@link ReferenceBackend}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PlacementsTest {
    private static final int STEPS = 3;
    /** Under each of ten schedules: the second step sees what the first left. */
    private static final int SCHEDULE_STEPS = 2;

    private final long seed = Seed.get();

    /** What training leaves: the losses of each step, then the weights and the momentum of each parameter. */
    private record Trained(List<double[]> losses, List<double[]> parameters) {}

    Stream<Network> networks() {
        return Stream.of(Networks.create("alexnet-small", 1, 10), tiny(), inception());
    }

    /** All that a small network allows; for one whose plans take seconds in double precision one device and towers. */
    private static Stream<Placement> placements(Network network) {
        return Placements.all().filter(placement -> Planner.canPlace(network, placement))
                .filter(placement -> small(network) || Placements.ANY_BATCH.contains(placement));
    }

    private static boolean small(Network network) {
        return !network.name().startsWith("alexnet");
    }

    /** Branches that part and meet again, both ways, in ranges of channels that two towers have in pieces; two auxiliary classifiers. */
    private static Network inception() {
        Initialization start = Initialization.PAPER;
        return new Network("inception", new Shape(2, 12, 11), 1.0 / 64, List.of(
                new Node(new Layer.Convolution("conv1", 8, 3, 1, 1, 1, Rounding.FLOOR, true, start), List.of(Network.IMAGE)),
                new Node(new Layer.Nonlinearity("relu1", Activation.RELU), List.of("conv1")),
                new Node(new Layer.Pooling("pool1", Kind.MAX, 3, 2, 0, Rounding.CEIL), List.of("relu1")),
                new Node(new Layer.Convolution("one", 4, 1, 1, 0, 1, Rounding.FLOOR, true, start), List.of("pool1")),
                new Node(new Layer.Nonlinearity("one-relu", Activation.RELU), List.of("one")),
                new Node(new Layer.Convolution("three", 8, 3, 1, 1, 1, Rounding.FLOOR, false, start), List.of("pool1")),
                new Node(new Layer.Nonlinearity("three-tanh", Activation.TANH), List.of("three")),
                new Node(new Layer.Pooling("pool", Kind.MAX, 3, 1, 1, Rounding.FLOOR), List.of("pool1")),
                new Node(new Layer.Concatenation("join"), List.of("one-relu", "three-tanh", "pool", "one-relu")),
                new Node(new Layer.LocalResponseNorm("norm", 3, 0.1, 0.75, 1, 2), List.of("join")),
                new Node(new Layer.Convolution("residual", 24, 3, 1, 1, 2, Rounding.FLOOR, true, start), List.of("norm")),
                new Node(new Layer.Addition("sum"), List.of("residual", "join", "residual")),
                new Node(new Layer.Dropout("drop", 0.25, true), List.of("sum")),
                new Node(new Layer.Pooling("aux1-pool", Kind.AVERAGE, 3, 2, 0, Rounding.FLOOR), List.of("drop")),
                new Node(new Layer.FullyConnected("aux1-fc", 6, true, start), List.of("aux1-pool")),
                new Node(new Layer.Nonlinearity("aux1-relu", Activation.RELU), List.of("aux1-fc")),
                new Node(new Layer.FullyConnected("aux1-scores", 5, true, start), List.of("aux1-relu")),
                new Node(new Layer.SoftmaxCrossEntropy("aux1-loss", 0.3), List.of("aux1-scores")),
                new Node(new Layer.FullyConnected("aux2-scores", 5, true, start), List.of("one-relu")),
                new Node(new Layer.SoftmaxCrossEntropy("aux2-loss", 0.5), List.of("aux2-scores")),
                new Node(new Layer.Pooling("pool2", Kind.AVERAGE, 5, 1, 0, Rounding.FLOOR), List.of("drop")),
                new Node(new Layer.Convolution("conv2", 6, 1, 1, 0, 1, Rounding.FLOOR, true, start), List.of("pool2")),
                new Node(new Layer.Nonlinearity("relu2", Activation.RELU), List.of("conv2")),
                new Node(new Layer.FullyConnected("scores", 5, true, start), List.of("relu2")),
                new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
    }

    /** Every kind of layer, with and without biases, both kinds of dropout, odd sizes. */
    private static Network tiny() {
        Initialization start = Initialization.PAPER;
        return Network.chain("tiny", new Shape(3, 13, 11), 1.0 / 64, List.of(
                new Layer.Convolution("conv1", 6, 3, 2, 1, 1, Rounding.CEIL, true, start),
                new Layer.Nonlinearity("tanh1", Activation.TANH),
                new Layer.LocalResponseNorm("norm1", 3, 0.1, 0.75, 1, 2),
                new Layer.Pooling("pool1", Kind.MAX, 3, 2, 1, Rounding.CEIL),
                new Layer.Convolution("conv2", 8, 3, 1, 1, 2, Rounding.FLOOR, false, start),
                new Layer.Nonlinearity("relu2", Activation.RELU),
                new Layer.Convolution("conv3", 10, 2, 1, 0, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu3", Activation.RELU),
                new Layer.Dropout("drop3", 0.25, true),
                new Layer.Pooling("pool3", Kind.AVERAGE, 2, 1, 0, Rounding.FLOOR),
                new Layer.FullyConnected("fc4", 12, false, start),
                new Layer.Nonlinearity("relu4", Activation.RELU),
                new Layer.Dropout("drop4", 0.5, false),
                new Layer.FullyConnected("fc5", 5, true, start),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    private static Plan plan(Network network, Placement placement, Mode mode) {
        StoredImages stored = new StoredImages(network.input().height() + 3, network.input().width() + 2);
        return Planner.plan(network, placement, mode, 4, stored, true, new ReferenceBackend(placement.devices()));
    }

    @ParameterizedTest
    @MethodSource("networks")
    void allTrainAsOneDeviceDoes(Network network) {
        Trained one = train(network, Placement.ONE_DEVICE, Schedule.firstStream(), STEPS);
        placements(network).forEach(placement -> {
            Trained cut = train(network, placement, Schedule.firstStream(), STEPS);
            for (int step = 0; step < STEPS; step++) {
                assertClose(placement + ": losses of step " + step, one.losses().get(step), cut.losses().get(step));
            }
            for (int i = 0; i < one.parameters().size(); i++) {
                assertClose(placement + ": parameter or momentum " + i, one.parameters().get(i), cut.parameters().get(i));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("networks")
    void noScheduleChangesABit(Network network) {
        for (Placement placement : small(network)
                ? List.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, Placement.HALVES, Placement.hybrid(2, 4), Placement.hybrid(2, 2, 2))
                : Placements.ANY_BATCH) {
            Trained first = null;
            int number = 0;
            for (Schedule schedule : Schedule.adversarial(seed)) {
                Trained trained = train(network, placement, schedule, SCHEDULE_STEPS);
                first = first == null ? trained : first;
                for (int step = 0; step < SCHEDULE_STEPS; step++) {
                    assertArrayEquals(first.losses().get(step), trained.losses().get(step), "losses under schedule " + number);
                }
                for (int i = 0; i < first.parameters().size(); i++) {
                    assertArrayEquals(first.parameters().get(i), trained.parameters().get(i), "parameters under schedule " + number);
                }
                number++;
            }
        }
    }

    private Trained train(Network network, Placement placement, Schedule schedule, int steps) {
        Plan plan = plan(network, placement, Mode.TRAINING);
        try (ReferenceBackend backend = new ReferenceBackend(placement.devices(), schedule); PlanRun run = new PlanRun(plan, backend)) {
            initialize(plan, run);
            List<double[]> losses = new ArrayList<>();
            for (int step = 0; step < steps; step++) {
                feed(plan, run, step);
                run.run(PlanRun.parameters(plan, seed, step, 1 / 64f, 1 / 256f, 0.875f));
                losses.add(run.losses());
                assertEquals(0, run.notFinite(), "everything is finite");
            }
            List<double[]> parameters = new ArrayList<>();
            plan.parameters().forEach(parameter -> parameters.addAll(List.of(run.weights(parameter), run.momentum(parameter))));
            return new Trained(losses, parameters);
        }
    }

    @ParameterizedTest
    @MethodSource("networks")
    void allEvaluateAsOneDeviceDoes(Network network) {
        List<double[]> losses = new ArrayList<>();
        List<int[]> ranks = new ArrayList<>();
        for (Placement placement : placements(network).toList()) {
            Plan plan = plan(network, placement, Mode.EVALUATION);
            try (ReferenceBackend backend = new ReferenceBackend(placement.devices()); PlanRun run = new PlanRun(plan, backend)) {
                initialize(plan, run);
                feed(plan, run, 0);
                run.run(RunParameters.NONE);
                losses.add(run.losses());
                ranks.add(run.ranks());
            }
            assertClose("losses, " + placement, losses.getFirst(), losses.getLast());
            assertArrayEquals(ranks.getFirst(), ranks.getLast());
        }
    }

    /** Without momentum and decay, at a learning rate of 1, a weight changes by minus the gradient of the mean loss. */
    @ParameterizedTest
    @MethodSource("networks")
    void updatesAreGradients(Network network) {
        for (Placement placement : small(network) ? placements(network).toList() : List.of(Placement.TWO_TOWERS)) {
            Plan plan = plan(network, placement, Mode.TRAINING);
            try (ReferenceBackend backend = new ReferenceBackend(placement.devices()); PlanRun run = new PlanRun(plan, backend)) {
                RandomGenerator random = Seed.random(seed);
                initialize(plan, run);
                feed(plan, run, 0);
                List<double[]> before = plan.parameters().stream().map(run::weights).toList();
                run.run(rates(plan, 1));
                List<double[]> after = plan.parameters().stream().map(run::weights).toList();
                for (int p = 0; p < before.size(); p++) {
                    run.write(plan.parameters().get(p), before.get(p));
                }
                for (int p = 0; p < before.size(); p++) {
                    Plan.Parameter parameter = plan.parameters().get(p);
                    for (int i : random.ints(2, 0, parameter.elements()).toArray()) {
                        double gradient = before.get(p)[i] - after.get(p)[i];
                        double difference = difference(plan, run, parameter, before.get(p), i);
                        assertEquals(difference, gradient, 1e-7 + 1e-5 * Math.abs(gradient),
                                parameter.name() + ", element " + i + ", " + placement + ", -Dduet.seed=" + seed);
                    }
                }
            }
        }
    }

    /** (loss(w + h) - loss(w - h)) / 2h of one weight, the others as they are. */
    private static double difference(Plan plan, PlanRun run, Plan.Parameter parameter, double[] weights, int i) {
        double step = 1e-6;
        double[] changed = weights.clone();
        double[] losses = new double[2];
        for (int side = 0; side < 2; side++) {
            changed[i] = weights[i] + (side == 0 ? step : -step);
            run.write(parameter, changed);
            run.run(rates(plan, 0));
            losses[side] = Arrays.stream(run.weightedLosses()).average().orElseThrow();
        }
        run.write(parameter, weights);
        return (losses[0] - losses[1]) / (2 * step);
    }

    private static RunParameters rates(Plan plan, float rate) {
        float[] rates = new float[plan.parameters().size()];
        Arrays.fill(rates, rate);
        return new RunParameters(5, 0, rates, new float[rates.length], 0);
    }

    /** Weights of deviation sqrt(2 / inputs), biases of 0.1: large enough that every layer matters. */
    private void initialize(Plan plan, PlanRun run) {
        RandomGenerator random = Seed.random(seed);
        for (Plan.Parameter parameter : plan.parameters()) {
            double inputs = (double) parameter.elements() / parameter.sizes().getFirst();
            double deviation = parameter.bias() ? 0.1 : Math.sqrt(2 / inputs);
            run.write(parameter, random.doubles(parameter.elements()).map(u -> (2 * u - 1) * Math.sqrt(3) * deviation).toArray());
        }
    }

    private void feed(Plan plan, PlanRun run, int step) {
        RandomGenerator random = Seed.random(seed + step);
        byte[] images = new byte[(int) (plan.batch() * plan.inputs().getFirst().images().elementsPerImage())];
        random.nextBytes(images);
        int[] crops = IntStream.range(0, plan.batch()).flatMap(n -> IntStream.of(n % 4, n % 3, n % 2)).toArray();
        int[] labels = random.ints(plan.batch(), 0, plan.network().classes()).toArray();
        float[] mean = new float[(int) plan.inputs().getFirst().mean().elements()];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = 128 + i % 7;
        }
        run.feed(images, crops, labels, mean);
    }

    /** Within 1e-9, relative to each element or, if that is larger, to a thousandth of the largest. */
    private static void assertClose(String what, double[] expected, double[] actual) {
        assertEquals(expected.length, actual.length);
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 1e-9 * Math.max(Math.abs(expected[i]), largest / 1000), what + ", element " + i);
        }
    }
}
