package duet.reference;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Layer.Pooling.Kind;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Six training steps of small networks with every kind of layer but dropout, against PyTorch: losses, weights, momentum. The
 * learning rate falls after three steps, so that it matters that the rate is inside the momentum.
 */
@Tag("kernels")
@ResourceLock(TestDevices.LOCK)
class GoldenTrainingTest {
    private static final int BATCH = 6;
    private static final float MOMENTUM = 0.875f;
    private static final float DECAY = 1f / 256;
    private static final List<Float> RATES = List.of(1f / 32, 1f / 32, 1f / 32, 1f / 128, 1f / 128, 1f / 128);

    private static final Map<String, Network> NETWORKS = Map.of("training.safetensors", chain(), "inception.safetensors", inception());

    private static Network chain() {
        Initialization start = Initialization.PAPER;
        return Network.chain("golden", new Shape(3, 32, 32), 1.0 / 64, List.of(
                new Layer.Convolution("conv1", 16, 5, 2, 2, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu1", Activation.RELU),
                new Layer.LocalResponseNorm("norm1", 5, 0.03125, 0.75, 2, 2),
                new Layer.Pooling("pool1", Kind.MAX, 3, 2, 0, Rounding.CEIL),
                new Layer.Convolution("conv2", 24, 3, 1, 1, 2, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu2", Activation.RELU),
                new Layer.LocalResponseNorm("norm2", 3, 0.0625, 0.75, 1, 2),
                new Layer.Pooling("pool2", Kind.MAX, 3, 2, 0, Rounding.FLOOR),
                new Layer.Convolution("conv3", 24, 3, 1, 1, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu3", Activation.RELU),
                new Layer.Convolution("conv4", 16, 3, 1, 1, 2, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu4", Activation.RELU),
                new Layer.Pooling("pool4", Kind.AVERAGE, 2, 1, 1, Rounding.FLOOR),
                new Layer.FullyConnected("fc5", 32, true, start),
                new Layer.Nonlinearity("relu5", Activation.RELU),
                new Layer.FullyConnected("fc6", 32, true, start),
                new Layer.Nonlinearity("tanh6", Activation.TANH),
                new Layer.FullyConnected("fc7", 10, true, start),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    /** An Inception module, a residual connection and an auxiliary classifier; groups of normalisation that towers cannot cut. */
    private static Network inception() {
        return new Network("inception", new Shape(3, 24, 24), 1.0 / 64, List.of(
                convolution("conv1", 8, 3, Network.IMAGE), relu("conv1"),
                node(new Layer.Pooling("pool1", Kind.MAX, 3, 2, 0, Rounding.CEIL), "relu-conv1"),
                node(new Layer.LocalResponseNorm("norm1", 3, 0.0625, 0.75, 1, 1), "pool1"),
                convolution("one", 6, 1, "norm1"), relu("one"),
                convolution("three-reduce", 4, 1, "norm1"), relu("three-reduce"),
                convolution("three", 8, 3, "relu-three-reduce"), relu("three"),
                node(new Layer.Pooling("pool", Kind.MAX, 3, 1, 1, Rounding.FLOOR), "norm1"),
                convolution("pool-proj", 4, 1, "pool"), relu("pool-proj"),
                node(new Layer.Concatenation("join"), "relu-one", "relu-three", "relu-pool-proj"),
                convolution("residual", 18, 3, "join"), relu("residual"),
                node(new Layer.Addition("sum"), "relu-residual", "join"),
                node(new Layer.Pooling("aux-pool", Kind.AVERAGE, 5, 3, 0, Rounding.FLOOR), "sum"),
                convolution("aux-conv", 6, 1, "aux-pool"), relu("aux-conv"),
                fullyConnected("aux-fc", 16, "relu-aux-conv"), relu("aux-fc"),
                fullyConnected("aux-scores", 10, "relu-aux-fc"),
                node(new Layer.SoftmaxCrossEntropy("aux-loss", 0.3), "aux-scores"),
                node(new Layer.Pooling("pool2", Kind.MAX, 3, 2, 0, Rounding.FLOOR), "sum"),
                convolution("conv2", 12, 1, "pool2"), relu("conv2"),
                node(new Layer.Pooling("pool3", Kind.AVERAGE, 5, 1, 0, Rounding.FLOOR), "relu-conv2"),
                fullyConnected("scores", 10, "pool3"),
                node(new Layer.SoftmaxCrossEntropy("loss"), "scores")));
    }

    private static Node node(Layer layer, String... inputs) {
        return new Node(layer, List.of(inputs));
    }

    private static Node convolution(String name, int filters, int kernel, String input) {
        return node(new Layer.Convolution(name, filters, kernel, 1, kernel / 2, 1, Rounding.FLOOR, true, Initialization.PAPER), input);
    }

    private static Node fullyConnected(String name, int outputs, String input) {
        return node(new Layer.FullyConnected(name, outputs, true, Initialization.PAPER), input);
    }

    private static Node relu(String input) {
        return node(new Layer.Nonlinearity("relu-" + input, Activation.RELU), input);
    }

    static Stream<Arguments> backends() {
        List<String> kinds = VirtualGpuCondition.runs() ? List.of("reference", "cpu", "virtual") : List.of("reference", "cpu");
        return NETWORKS.keySet().stream().flatMap(file -> kinds.stream().flatMap(kind -> Stream
                .of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, Placement.HALVES, Placement.data(2, 2), Placement.hybrid(2, 2),
                        Placement.hybrid(2, 2, 3))
                .filter(placement -> Planner.canPlace(NETWORKS.get(file), placement))
                .map(placement -> Arguments.of(file, devices(kind, placement.devices()), placement))));
    }

    private static String devices(String kind, int count) {
        return switch (kind) {
            case "cpu" -> count == 1 ? "cpu" : "cpu,cpu";
            case "virtual" -> count == 1 ? "virtual:0" : "virtual:0,virtual:1";
            default -> kind;
        };
    }

    @ParameterizedTest
    @MethodSource("backends")
    void sixSteps(String file, String devices, Placement placement) {
        Golden golden = Golden.read(file);
        Network network = NETWORKS.get(file);
        int stored = network.input().height() + 3;
        try (Backend backend = devices.equals("reference") ? new ReferenceBackend(placement.devices()) : Backends.open(devices, 2)) {
            Plan plan = Planner.plan(network, placement, Mode.TRAINING, BATCH, new StoredImages(stored, stored), true, backend);
            try (PlanRun run = new PlanRun(plan, backend)) {
                for (Plan.Parameter parameter : plan.parameters()) {
                    run.write(parameter, Trial.doubles(golden.floats("initial." + parameter.name())));
                }
                double[] losses = new double[RATES.size() * BATCH];
                for (int step = 0; step < RATES.size(); step++) {
                    feed(golden, stored, run, step);
                    run.run(PlanRun.parameters(plan, 1, step, RATES.get(step), DECAY, MOMENTUM));
                    System.arraycopy(run.losses(), 0, losses, step * BATCH, BATCH);
                }
                golden.assertClose("losses", losses);
                for (Plan.Parameter parameter : plan.parameters()) {
                    golden.assertClose("final." + parameter.name(), run.weights(parameter));
                    golden.assertClose("momentum." + parameter.name(), run.momentum(parameter));
                }
            }
        }
    }

    private static void feed(Golden golden, int stored, PlanRun run, int step) {
        int size = BATCH * stored * stored * 3;
        byte[] images = new byte[size];
        for (int i = 0; i < size; i++) {
            images[i] = (byte) golden.floats("images")[step * size + i];
        }
        int[] crops = Arrays.copyOfRange(golden.integers("crops"), step * BATCH * 3, (step + 1) * BATCH * 3);
        int[] labels = Arrays.copyOfRange(golden.integers("labels"), step * BATCH, (step + 1) * BATCH);
        run.feed(images, crops, labels, golden.floats("mean"));
    }
}
