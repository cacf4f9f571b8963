package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.List;
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
 * Six training steps of a small network with every kind of layer but dropout, against PyTorch: losses, weights, momentum. The
 * learning rate falls after three steps, so that it matters that the rate is inside the momentum.
 */
@Tag("kernels")
@ResourceLock(TestDevices.LOCK)
class GoldenTrainingTest {
    private static final int BATCH = 6;
    private static final int STORED = 35;
    private static final float MOMENTUM = 0.875f;
    private static final float DECAY = 1f / 256;
    private static final List<Float> RATES = List.of(1f / 32, 1f / 32, 1f / 32, 1f / 128, 1f / 128, 1f / 128);

    private final Golden golden = Golden.read("training.safetensors");

    private static Network network() {
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

    static Stream<Arguments> backends() {
        Stream<Arguments> backends = Stream.of(Arguments.of("reference", Placement.ONE_DEVICE),
                Arguments.of("reference", Placement.TWO_TOWERS),
                Arguments.of("cpu", Placement.ONE_DEVICE), Arguments.of("cpu,cpu", Placement.TWO_TOWERS));
        return !VirtualGpuCondition.runs() ? backends : Stream.concat(backends, Stream.of(Arguments.of("virtual:0", Placement.ONE_DEVICE),
                Arguments.of("virtual:0,virtual:1", Placement.TWO_TOWERS)));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void sixSteps(String devices, Placement placement) {
        try (Backend backend = devices.equals("reference") ? new ReferenceBackend(placement.devices()) : Backends.open(devices, 2)) {
            Plan plan = Planner.plan(network(), placement, Mode.TRAINING, BATCH, new StoredImages(STORED, STORED), true, backend);
            try (PlanRun run = new PlanRun(plan, backend)) {
                for (Plan.Parameter parameter : plan.parameters()) {
                    run.write(parameter, Trial.doubles(golden.floats("initial." + parameter.name())));
                }
                double[] losses = new double[RATES.size() * BATCH];
                for (int step = 0; step < RATES.size(); step++) {
                    feed(run, step);
                    run.run(PlanRun.parameters(plan, 1, step, RATES.get(step), DECAY, MOMENTUM));
                    for (int device = 0; device < placement.devices(); device++) {
                        assertArrayEquals(run.losses(0), run.losses(device), "losses of the devices");
                    }
                    System.arraycopy(run.losses(0), 0, losses, step * BATCH, BATCH);
                }
                golden.assertClose("losses", losses);
                for (Plan.Parameter parameter : plan.parameters()) {
                    golden.assertClose("final." + parameter.name(), run.weights(parameter));
                    golden.assertClose("momentum." + parameter.name(), run.momentum(parameter));
                }
            }
        }
    }

    private void feed(PlanRun run, int step) {
        int size = BATCH * STORED * STORED * 3;
        byte[] images = new byte[size];
        for (int i = 0; i < size; i++) {
            images[i] = (byte) golden.floats("images")[step * size + i];
        }
        int[] crops = Arrays.copyOfRange(golden.integers("crops"), step * BATCH * 3, (step + 1) * BATCH * 3);
        int[] labels = Arrays.copyOfRange(golden.integers("labels"), step * BATCH, (step + 1) * BATCH);
        run.feed(images, crops, labels, golden.floats("mean"));
    }
}
