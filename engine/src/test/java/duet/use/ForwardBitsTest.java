package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.Batch;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.model.Networks;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Requests;
import duet.train.Session;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Up to the fully connected layers every number has the same bits wherever rows and images are cut: one lane computes it alone, and kernels
 * add in an order that knows nothing of height and batch. Fully connected layers, whose kernels cut long sums by the size of the batch and
 * the number of outputs, and two towers, whose convolutions have other tiles for half the filters, agree within rounding. Convolutions by
 * direct sums: the tiles of Winograd's form begin at the upper edge of what a lane has.
 */
@ResourceLock(TestDevices.LOCK)
class ForwardBitsTest {
    private static final int BATCH = 4;

    /** What every layer of the network makes. */
    private static Map<String, float[]> forward(Network network, Placement placement, String devices) {
        List<String> layers = network.withoutAuxiliary().layers().stream().filter(layer -> !(layer instanceof Layer.SoftmaxCrossEntropy))
                .map(Layer::name).toList();
        Shape input = network.input();
        Shape stored = new Shape(input.channels(), input.height() + 2, input.width() + 3);
        CpuOptions direct = new CpuOptions(2, new Arithmetic(ConvolutionChoice.DIRECT, Precision.FP32));
        try (Backend backend = Backends.open(devices, direct);
                Session session = new Session(network, placement, backend, stored, BATCH, true, Requests.layers(layers))) {
            session.initialise(7);
            session.setMean(new float[Math.toIntExact(stored.elements())]);
            byte[] images = new byte[Math.toIntExact(BATCH * stored.elements())];
            new SplittableRandom(7).nextBytes(images);
            session.evaluate(new Batch(0, images, new int[] {0, 0, 0, 1, 2, 1, 2, 3, 0, 2, 1, 1}, new int[] {1, 0, 2, 1}, BATCH));
            Map<String, float[]> made = new LinkedHashMap<>();
            layers.forEach(layer -> made.put(layer, session.lastEvaluation().layer(layer)));
            return made;
        }
    }

    private static void requireSameBits(Network network, Placement placement, String one, String many) {
        Map<String, float[]> expected = forward(network, Placement.ONE_DEVICE, one);
        Map<String, float[]> cut = forward(network, placement, many);
        assertEquals(expected.keySet(), cut.keySet());
        boolean convolutions = true;
        for (String layer : expected.keySet()) {
            convolutions &= !(network.layer(layer) instanceof Layer.FullyConnected);
            assertArrayEquals(expected.get(layer), cut.get(layer), convolutions ? 0 : 1e-4f,
                    network.name() + ", " + placement + ": " + layer);
        }
        assertFalse(convolutions);
    }

    private static Stream<Placement> rowsAndImages() {
        return Placements.all().filter(placement -> !placement.group().equals(Placement.TWO_TOWERS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"alexnet-small", "googlenet-small", "figure-1"})
    void onTheCpu(String name) {
        Network network = Networks.create(name, 1, 10);
        rowsAndImages().forEach(placement -> requireSameBits(network, placement, "cpu",
                String.join(",", Collections.nCopies(placement.devices(), "cpu"))));
    }

    @Test
    @Tag("sim")
    @ExtendWith(VirtualGpuCondition.class)
    void onTheVirtualGpu() {
        TestDevices.configure("");
        TestDevices.reset();
        Network network = Networks.create("alexnet-small", 1, 10);
        for (Placement placement : List.of(Placement.HALVES, Placement.data(2, 2), Placement.hybrid(2, 2), Placement.hybrid(2, 2, 2))) {
            requireSameBits(network, placement, TestDevices.one(), TestDevices.two());
        }
        TestDevices.requireClean("findings");
    }
}
