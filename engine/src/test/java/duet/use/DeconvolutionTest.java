package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.Dataset;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Placement;
import duet.reference.ReferenceBackend;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Deconvolution.Unit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Features projected to pixels: against transposed filters that are laid down by hand. */
@ResourceLock(TestDevices.LOCK)
public class DeconvolutionTest {
    private static final long SEED = Long.getLong("duet.seed", 2013);
    private static final Dataset DATA = new Tiny.Patterns(20, Tiny.CLASSES, 3);

    private static Layer convolution(String name, int filters, int kernel, int stride, int padding) {
        return new Layer.Convolution(name, filters, kernel, stride, padding, 1, Rounding.FLOOR, true, Initialization.PAPER);
    }

    /** Of the given layers, with drawn weights and biases. */
    private static Checkpoint checkpoint(Layer... layers) {
        List<Layer> all = new ArrayList<>(List.of(layers));
        all.add(new Layer.FullyConnected("scores", 4, true, Initialization.PAPER));
        all.add(new Layer.SoftmaxCrossEntropy("loss"));
        Network network = Network.chain("test", new Shape(1, 10, 10), 1 / 64.0, all);
        SplittableRandom random = new SplittableRandom(SEED);
        Map<String, float[]> tensors = new HashMap<>();
        for (ParameterShape shape : network.parameters()) {
            float[] values = new float[shape.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextDouble(-0.5, 0.5);
            }
            tensors.put(shape.name(), values);
        }
        float[] mean = new float[144];
        Arrays.fill(mean, 120);
        tensors.put(Checkpoint.MEAN, mean);
        return new Checkpoint(network, Tiny.CLASSES, Tiny.STORED, tensors, null);
    }

    /** Lays {@code value} times a filter [channels][kernel][kernel] down where a unit of a convolution sees it. */
    private static void lay(float[][][] below, float[] weight, int filter, int kernel, int stride, int padding, int y, int x, float value) {
        for (int c = 0; c < below.length; c++) {
            for (int ky = 0; ky < kernel; ky++) {
                for (int kx = 0; kx < kernel; kx++) {
                    int by = y * stride - padding + ky;
                    int bx = x * stride - padding + kx;
                    if (by >= 0 && bx >= 0 && by < below[c].length && bx < below[c][0].length) {
                        below[c][by][bx] += value * weight[((filter * below.length + c) * kernel + ky) * kernel + kx];
                    }
                }
            }
        }
    }

    private static float[] flat(float[][][] values) {
        float[] flat = new float[values.length * values[0].length * values[0][0].length];
        for (int i = 0; i < flat.length; i++) {
            int area = values[0].length * values[0][0].length;
            flat[i] = values[i / area][i % area / values[0][0].length][i % values[0][0].length];
        }
        return flat;
    }

    private static void assertProjected(Checkpoint checkpoint, String layer, Unit unit, float[] expected, Backend backend) {
        try (backend) {
            List<float[]> projections = Deconvolution.project(checkpoint, layer, backend, DATA, List.of(unit, unit));
            assertArrayEquals(expected, projections.getFirst(), 1e-5f, "-Dduet.seed=" + SEED);
            assertArrayEquals(projections.getFirst(), projections.getLast());
        }
    }

    /** Without ReLU and pooling a projection is the transposed convolution: strides and edges included, biases not. */
    @Test
    void twoConvolutionsAreTwoTransposedOnes() {
        Checkpoint checkpoint = checkpoint(convolution("conv1", 3, 3, 2, 1), convolution("conv2", 4, 3, 1, 1));
        float[] first = checkpoint.tensors().get("conv1.weight");
        float[] second = checkpoint.tensors().get("conv2.weight");
        for (int place : new int[] {0, 2, 4}) {
            float[][][] middle = new float[3][5][5];
            lay(middle, second, 2, 3, 1, 1, place, 4 - place, 1.5f);
            float[][][] image = new float[1][10][10];
            for (int i = 0; i < 75; i++) {
                lay(image, first, i / 25, 3, 2, 1, i / 5 % 5, i % 5, middle[i / 25][i / 5 % 5][i % 5]);
            }
            Unit unit = new Unit(3, 2, place, 4 - place, 1.5f);
            assertProjected(checkpoint, "conv2", unit, flat(image), new ReferenceBackend(1));
            assertProjected(checkpoint, "conv2", unit, flat(image), Tiny.backend(1));
        }
    }

    /** A unit above max-pooling goes to its winner, passes normalisation as it is and a ReLU as a ReLU. */
    @Test
    void poolingGoesBackToTheWinnerAndReluToWhatIsAboveZero() {
        Checkpoint checkpoint = pooled();
        try (Backend backend = Tiny.backend(1)) {
            assertPooled(checkpoint, () -> new ReferenceBackend(1), backend);
        }
    }

    @Test
    @Tag("sim")
    @ExtendWith(VirtualGpuCondition.class)
    void theCudaBackend() {
        TestDevices.configure("");
        TestDevices.reset();
        Checkpoint checkpoint = pooled();
        try (Backend backend = Tiny.backend(1)) {
            assertPooled(checkpoint, () -> Backends.open(TestDevices.one(), 0), backend);
        }
        TestDevices.requireClean("a projection");
    }

    /** Two convolutions with ReLU, normalisation and pooling between them, and drawn weights. */
    public static Checkpoint pooled() {
        return checkpoint(convolution("conv1", 3, 3, 1, 1), new Layer.Nonlinearity("relu1", Activation.RELU),
                new Layer.LocalResponseNorm("norm1", 3, 0.1, 0.75, 1, 1),
                new Layer.Pooling("pool1", Layer.Pooling.Kind.MAX, 2, 2, 0, Rounding.FLOOR), convolution("conv2", 4, 3, 1, 1),
                new Layer.Nonlinearity("relu2", Activation.RELU), new Layer.Dropout("drop2", 0.5, false));
    }

    private static void assertPooled(Checkpoint checkpoint, Supplier<Backend> tested, Backend backend) {
        Unit unit = new Unit(5, 1, 2, 3, 2);
        float[] normalised;
        try (Activations activations = Activations.create(checkpoint, "norm1", Placement.ONE_DEVICE, backend, 1)) {
            byte[] pixels = new byte[144];
            DATA.read(5, pixels, 0);
            normalised = activations.of(pixels);
        }
        float[][][] pool = new float[3][5][5];
        lay(pool, checkpoint.tensors().get("conv2.weight"), 1, 3, 1, 1, 2, 3, 2);
        float[][][] image = new float[1][10][10];
        int laid = 0;
        for (int i = 0; i < 75; i++) {
            int y = i / 5 % 5;
            int x = i % 5;
            int channel = i / 25;
            float value = pool[channel][y][x];
            if (value > 0) { // the ReLU
                int winner = IntStream.of(0, 1, 10, 11).map(offset -> channel * 100 + 20 * y + 2 * x + offset).boxed()
                        .max(Comparator.<Integer>comparingDouble(e -> normalised[e]).thenComparing(Comparator.reverseOrder()))
                        .orElseThrow();
                lay(image, checkpoint.tensors().get("conv1.weight"), channel, 3, 1, 1, winner / 10 % 10, winner % 10, value);
                laid++;
            }
        }
        assertTrue(laid > 3 && laid < 27, "some pass the ReLU, some do not");
        for (String layer : List.of("conv2", "relu2", "drop2")) {
            assertProjected(checkpoint, layer, unit, flat(image), tested.get());
        }
    }

    @Test
    void theStrongestUnitsByBruteForce() {
        Checkpoint checkpoint = pooled();
        try (Backend backend = Tiny.backend(1);
                Activations activations = Activations.create(checkpoint, "relu2", Placement.ONE_DEVICE, backend, 6)) {
            List<List<Unit>> strongest = Deconvolution.strongest(activations, DATA, 3, 1, TrainingListener.SILENT);
            assertEquals(4, strongest.size());
            for (int feature = 0; feature < 4; feature++) {
                List<Unit> all = new ArrayList<>();
                for (int image = 0; image < DATA.size(); image++) {
                    byte[] pixels = new byte[144];
                    DATA.read(image, pixels, 0);
                    float[] values = activations.of(pixels);
                    int from = 25 * feature;
                    int best = IntStream.range(from, from + 25).reduce((a, b) -> values[b] > values[a] ? b : a).orElseThrow();
                    if (values[best] > 0) {
                        all.add(new Unit(image, feature, (best - from) / 5, (best - from) % 5, values[best]));
                    }
                }
                all.sort(Comparator.comparingDouble(Unit::value).reversed());
                assertEquals(all.subList(0, Math.min(3, all.size())).stream().map(Unit::index).toList(),
                        strongest.get(feature).stream().map(Unit::index).toList());
            }
        }
    }

    @Test
    void receptiveFields() {
        Network network = pooled().network();
        assertEquals(new ReceptiveField(0, 0, 3, 3), ReceptiveField.of(network, "pool1", 0, 0), "1 to the left is outside");
        assertEquals(new ReceptiveField(3, 5, 4, 4), ReceptiveField.of(network, "pool1", 2, 3));
        assertEquals(new ReceptiveField(1, 3, 8, 7), ReceptiveField.of(network, "relu2", 2, 3));
        assertEquals(8, ReceptiveField.size(network, "conv2"));
        assertEquals(10, ReceptiveField.size(network, "scores"));
        assertEquals(new ReceptiveField(0, 0, 10, 10), ReceptiveField.of(network, "scores", 0, 0));
    }
}
