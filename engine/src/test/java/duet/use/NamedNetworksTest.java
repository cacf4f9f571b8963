package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.model.Networks;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Planner;
import duet.train.Recorder;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every named network trains, and on two devices as on one. */
@ResourceLock(TestDevices.LOCK)
class NamedNetworksTest {
    private static final int SIDE = 67;
    private static final int HIDDEN = 32;
    private static final int BATCH = 4;
    private static final int STEPS = 5;
    private static final String TOWERS_REFUSE = "alexnet-caffe zfnet cifar-11pct googlenet";
    private static final String HALVES_REFUSE = "alexnet-2012 cifar-18pct";

    private record Run(double loss, Checkpoint end) {}

    /** A few images at a time, at rates at which nothing diverges. */
    private static Run run(Network network, String devices, int steps) {
        return run(network, devices, devices.contains(",") ? Placement.TWO_TOWERS : Placement.ONE_DEVICE, steps);
    }

    private static Run run(Network network, String devices, Placement placement, int steps) {
        Recorder recorder = new Recorder();
        Shape input = network.input();
        String source = String.format(Locale.ROOT,
                "synthetic:%dx%dx%d:%d:8", input.channels(), input.height() + 1, input.width() + 1, network.classes());
        TrainingOptions options = TrainingOptions.DEFAULTS.toBuilder().batch(BATCH).steps(steps)
                .learningRate(new LearningRate.Constant(1e-5))
                .build();
        try (Split data = Datasets.open(source, input, 1, DamageReport.STRICT);
                Backend backend = Backends.open(devices, 2);
                Trainer trainer = Trainer.create(network, placement, backend, data, options)) {
            trainer.train(recorder);
            return new Run(recorder.steps.getLast().loss(), trainer.snapshot());
        }
    }

    /** A network of equal geometry with few filters, and with a smaller image where it is ImageNet's. */
    private static Network thin(String name) {
        Network network = Networks.create(name, 3, 10);
        boolean large = network.input().height() > 100;
        List<Node> nodes = network.nodes().stream().map(node -> new Node(thin(node.layer(), large), node.inputs())).toList();
        return new Network(name, large ? new Shape(3, SIDE, SIDE) : network.input(), network.inputScale(), nodes);
    }

    private static Layer thin(Layer layer, boolean large) {
        return switch (layer) {
            case Layer.Convolution l ->
                new Layer.Convolution(l.name(), Math.max(2, l.filters() / 16 * 2), l.kernel(), l.stride(), l.padding(), l.groups(),
                        l.rounding(), l.bias(), l.initialization(), l.maximumRms() == 0 ? 0 : 0.009);
            case Layer.FullyConnected l ->
                new Layer.FullyConnected(l.name(), l.outputs() == 10 ? 10 : HIDDEN, l.bias(), l.initialization());
            // GoogLeNet's average pooling is as large as the maps of a whole image, or nearly
            case Layer.Pooling l when large && l.kind() == Layer.Pooling.Kind.AVERAGE ->
                new Layer.Pooling(l.name(), l.kind(), l.stride() == 1 ? 2 : 3, l.stride(), l.padding(), l.rounding());
            default -> layer;
        };
    }

    static Stream<String> names() {
        return Networks.names().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void trainsAlikeUnderEveryPlacement(String name) {
        Network network = thin(name);
        Run one = run(network, "cpu", STEPS);
        assertTrue(Double.isFinite(one.loss()));
        Placements.all().forEach(placement -> {
            if (Planner.canPlace(network, placement)) {
                requireClose(one, run(network, String.join(",", Collections.nCopies(placement.devices(), "cpu")), placement, STEPS));
            } else {
                String refused = placement.group().equals(Placement.TWO_TOWERS) ? TOWERS_REFUSE : HALVES_REFUSE;
                assertTrue(List.of(refused.split(" ")).contains(name), name + " can be placed as " + placement);
            }
        });
    }

    private static void requireClose(Run one, Run two) {
        assertEquals(one.loss(), two.loss(), 1e-5 * one.loss());
        one.end().tensors().forEach((name, values) -> assertArrayEquals(values, two.end().tensors().get(name), 1e-5f, name));
    }

    /**
     * In the sizes that they have: those that have operations of their own, and the quick ones. At first all classes are about as likely.
     */
    @ParameterizedTest
    @ValueSource(strings = {"alexnet-2012", "zfnet", "cifar-18pct", "cifar-11pct", "figure-1", "googlenet-small"})
    void fullSizeOnTheCpu(String name) {
        Network network = Networks.create(name);
        assertEquals(Math.log(network.classes()), run(network, "cpu", 1).loss(), 1.5);
    }

    @Test
    @Tag("sim")
    @ExtendWith(VirtualGpuCondition.class)
    void thinOnesOnTheVirtualGpu() {
        TestDevices.configure("");
        TestDevices.reset();
        for (String name : List.of("alexnet-2012", "alexnet", "cifar-18pct", "googlenet-small")) {
            requireClose(run(thin(name), "cpu", 2), run(thin(name), TestDevices.two(), 2));
        }
        for (String name : List.of("zfnet", "alexnet-caffe")) {
            requireClose(run(thin(name), "cpu", 2), run(thin(name), TestDevices.one(), 2));
            requireClose(run(thin(name), "cpu", 2), run(thin(name), TestDevices.two(), Placement.HALVES, 2));
        }
        TestDevices.requireClean("findings");
    }

    /** After a step no filter of ZFNet is above the radius; without it some are. */
    @Test
    void filtersStayWithinTheRadius() {
        Network network = thin("zfnet");
        assertTrue(largestRms(run(network, "cpu", 1)) <= 0.009 * (1 + 1e-6));
        List<Layer> free = network.layers().stream().map(layer -> !(layer instanceof Layer.Convolution l) ? layer
                : (Layer) new Layer.Convolution(l.name(), l.filters(), l.kernel(), l.stride(), l.padding(), l.groups(), l.rounding(),
                        l.bias(),
                        l.initialization()))
                .toList();
        assertTrue(largestRms(run(Network.chain("free", network.input(), 1, free), "cpu", 1)) > 0.0095);
    }

    private static double largestRms(Run run) {
        double largest = 0;
        for (Layer layer : run.end().network().layers()) {
            if (layer instanceof Layer.Convolution l) {
                float[] weight = run.end().tensors().get(l.name() + ".weight");
                int size = weight.length / l.filters();
                for (int f = 0; f < l.filters(); f++) {
                    double squares = 0;
                    for (int i = f * size; i < (f + 1) * size; i++) {
                        squares += (double) weight[i] * weight[i];
                    }
                    largest = Math.max(largest, Math.sqrt(squares / size));
                }
            }
        }
        return largest;
    }
}
