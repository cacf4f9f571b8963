package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import duet.device.Backend;
import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Node;
import duet.net.ParameterShape;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Placement;
import duet.reference.ReferenceBackend;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.use.Deconvolution.Unit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Single images: the same as over data sets, with less of the network. */
class InspectionTest {
    private final long seed = new SplittableRandom().nextLong();

    @ParameterizedTest
    @ValueSource(strings = {"alexnet-small", "googlenet-small"})
    void theSameAsWithTheWholeNetwork(String name) {
        Checkpoint checkpoint = TestModels.random(Networks.create(name), seed);
        List<String> convolutions = Deconvolution.convolutions(checkpoint.network());
        String layer = convolutions.get(convolutions.size() - 2);
        byte[] pixels = TestModels.image(checkpoint.stored(), seed);
        float[] first;
        float[] values;
        float[] expected;
        Unit unit;
        try (Backend backend = new ReferenceBackend(1);
                Activations lower = Activations.create(checkpoint, convolutions.getFirst(), Placement.ONE_DEVICE, backend, 1);
                Activations whole = Activations.create(checkpoint, layer, Placement.ONE_DEVICE, backend, 1)) {
            first = lower.of(pixels);
            values = whole.of(pixels);
            unit = Deconvolution.strongest(whole.shape(), values).getFirst();
            assertEquals(unit.value(), values[(unit.feature() * whole.shape().height() + unit.y()) * whole.shape().width() + unit.x()]);
            expected = Deconvolution.project(checkpoint, layer, backend, new OneImage(checkpoint, pixels), List.of(unit)).getFirst();
        }
        try (Backend backend = Tiny.backend(1);
                Inspection inspection = Inspection.create(checkpoint, List.of(convolutions.getFirst()), layer, Placement.ONE_DEVICE,
                        backend)) {
            for (int round = 0; round < 2; round++) { // features of the round before play no part
                Map<String, float[]> seen = inspection.of(pixels);
                assertClose(first, seen.get(convolutions.getFirst()), name);
                assertClose(values, seen.get(layer), name);
                assertClose(expected, inspection.project(pixels, unit), name);
                inspection.project(pixels, new Unit(0, (unit.feature() + 1) % 5, 0, 0, 100));
            }
        }
    }

    private void assertClose(float[] expected, float[] actual, String name) {
        float largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 0, name);
        assertArrayEquals(expected, actual, 1e-4f * largest, name + ", seed " + seed);
    }

    private static long elements(Network network) {
        return network.parameters().stream().mapToLong(ParameterShape::elements).sum();
    }

    @Test
    void onlyWhatIsNeededIsLoaded() {
        Network network = Networks.create("alexnet");
        Checkpoint bare = new Checkpoint(network, List.of(), new Shape(3, 256, 256), Map.of(Checkpoint.MEAN, new float[0]), null);
        Checkpoint part = Inspection.upTo(bare, List.of("relu1", "conv5"));
        assertTrue(25 * elements(part.network()) < elements(network), elements(part.network()) + " of " + elements(network));
        List<String> names = part.network().nodes().stream().map(Node::name).toList();
        assertEquals("conv5", names.get(names.size() - 3));
        assertSame(bare, Inspection.upTo(bare, List.of("relu1", network.scores().name())));
        NetworkException unknown = assertThrows(NetworkException.class, () -> Inspection.upTo(bare, List.of("conv6")));
        assertTrue(unknown.getMessage().startsWith("alexnet has no layer conv6"), unknown.getMessage());
    }

    /** Two layers of which neither depends on the other: then the network is whole. */
    @Test
    void besideEachOther() {
        Layer left = new Layer.Convolution("left", 2, 3, 1, 1, 1, Rounding.FLOOR, true, Initialization.PAPER);
        Layer right = new Layer.Convolution("right", 3, 1, 1, 0, 1, Rounding.FLOOR, true, Initialization.PAPER);
        Network network = new Network("fork", new Shape(1, 8, 8), 1 / 64.0, List.of(new Node(left, List.of(Network.IMAGE)),
                new Node(right, List.of(Network.IMAGE)), new Node(new Layer.Concatenation("both"), List.of("left", "right")),
                new Node(new Layer.FullyConnected("scores", 3, true, Initialization.PAPER), List.of("both")),
                new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
        Checkpoint checkpoint = TestModels.random(network, seed);
        assertSame(checkpoint, Inspection.upTo(checkpoint, List.of("left", "right")));
        assertEquals(List.of("right", "scores", "loss"),
                Inspection.upTo(checkpoint, List.of("right")).network().nodes().stream().map(Node::name).toList());
        byte[] pixels = TestModels.image(checkpoint.stored(), seed);
        try (Backend backend = Tiny.backend(1);
                Inspection inspection = Inspection.create(checkpoint, List.of("left", "right"), null, Placement.ONE_DEVICE, backend);
                Activations activations = Activations.create(checkpoint, "left", Placement.ONE_DEVICE, backend, 1)) {
            assertClose(activations.of(pixels), inspection.of(pixels).get("left"), "left");
            assertThrows(IllegalStateException.class, () -> inspection.project(pixels, new Unit(0, 0, 0, 0, 1)));
        }
    }
}
