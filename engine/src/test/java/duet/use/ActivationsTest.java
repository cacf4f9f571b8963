package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.Dataset;
import duet.device.Backend;
import duet.device.Backends;
import duet.model.Safetensors;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.plan.Placement;
import duet.plan.Requests;
import duet.reference.ReferenceBackend;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What layers make: the same on every kind of device as in double precision, and what is done with it. */
@ResourceLock(TestDevices.LOCK)
class ActivationsTest {
    private static final Dataset DATA = new Tiny.Patterns(21, Tiny.CLASSES, 3).damaged(4);

    @TempDir
    private Path folder;

    private static Checkpoint checkpoint;

    @BeforeAll
    static void train() {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(
                        Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options().toBuilder().steps(8).build())) {
            trainer.train(TrainingListener.SILENT);
            checkpoint = trainer.snapshot();
        }
    }

    private static float[][] all(Backend backend, String layer) {
        Placement placement = backend.devices().size() == 1 ? Placement.ONE_DEVICE : Placement.TWO_TOWERS;
        float[][] rows = new float[DATA.size()][];
        try (backend; Activations activations = Activations.create(checkpoint, layer, placement, backend, 6)) {
            int length = (int) activations.shape().elements();
            activations.forEach(DATA, 1, TrainingListener.SILENT, (index, label, values, from) -> {
                assertEquals(DATA.read(index, new byte[144], 0), label);
                rows[index] = Arrays.copyOfRange(values, from, from + length);
            });
        }
        return rows;
    }

    static List<String> layers() {
        return checkpoint.network().layers().stream().map(Layer::name).filter(name -> !name.equals("loss")).toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "cpu,cpu"})
    void everyLayerAsInDoublePrecision(String devices) {
        for (String layer : layers()) {
            float[][] expected = all(new ReferenceBackend(1), layer);
            assertSame(layer + " on " + devices, expected, all(Backends.open(devices, 2), layer));
        }
    }

    /** The reference under towers, too: halves are put together in the right order. */
    @Test
    void halvesArePutTogether() {
        for (String layer : layers()) {
            assertSame(layer, all(new ReferenceBackend(1), layer), all(new ReferenceBackend(2), layer));
        }
    }

    @Test
    @Tag("sim")
    @ExtendWith(VirtualGpuCondition.class)
    void theCudaBackend() {
        TestDevices.configure("");
        TestDevices.reset();
        for (String layer : List.of("conv1", "norm1", "relu2", "relu3", "drop3", "fc4")) {
            float[][] expected = all(new ReferenceBackend(1), layer);
            assertSame(layer, expected, all(Backends.open(TestDevices.two(), 0), layer));
        }
        TestDevices.requireClean("what layers make");
    }

    private static void assertSame(String what, float[][] expected, float[][] actual) {
        for (int i = 0; i < expected.length; i++) {
            float largest = 0;
            for (float value : expected[i]) {
                largest = Math.max(largest, Math.abs(value));
            }
            assertArrayEquals(expected[i], actual[i], 1e-5f * largest + 1e-6f, what + ", image " + i);
        }
    }

    /** A ReLU works in place, but what the layer below has made is given out as it was; paper-style dropout scales what lies below. */
    @Test
    void exactlyWhatTheLayerMakes() {
        float[][] sums = all(Tiny.backend(1), "fc3");
        float[][] rectified = all(Tiny.backend(1), "relu3");
        float[][] scaled = all(Tiny.backend(1), "drop3");
        int below = 0;
        for (int i = 0; i < sums.length; i++) {
            for (int e = 0; e < sums[i].length; e++) {
                below += sums[i][e] < 0 ? 1 : 0;
                assertEquals(Math.max(0, sums[i][e]), rectified[i][e]);
                assertEquals(0.75f * rectified[i][e], scaled[i][e], 1e-6f);
            }
        }
        assertTrue(below > 10, "there is something to rectify");
        assertEquals("relu3", Activations.lastHidden(checkpoint.network()));
    }

    @Test
    void featuresAreAFile() throws IOException {
        float[][] rows = all(Tiny.backend(1), "relu3");
        Path file = folder.resolve("f.safetensors");
        try (Backend backend = Tiny.backend(1);
                Activations activations = Activations.create(checkpoint, "relu3", Placement.ONE_DEVICE, backend, 4)) {
            Features.write(file, activations, DATA, 1, TrainingListener.SILENT);
        }
        try (Safetensors written = Safetensors.open(file)) {
            assertEquals(List.of("relu3", "labels", "indices"), List.copyOf(written.entries().keySet()));
            assertEquals(List.of(21L, 8L), written.entries().get("relu3").shape());
            float[] values = written.floats("relu3");
            for (int i = 0; i < rows.length; i++) {
                assertArrayEquals(rows[i], Arrays.copyOfRange(values, 8 * i, 8 * i + 8), 1e-6f);
            }
            assertArrayEquals(IntStream.range(0, 21).mapToLong(i -> i == 4 ? -1 : i % 4).toArray(), written.longs("labels"));
            assertArrayEquals(LongStream.range(0, 21).toArray(), written.longs("indices"));
            assertEquals("relu3", written.metadata().get("layer"));
        }
        assertEquals(1, Files.list(folder).count(), "no temporary file is left");
    }

    @Test
    void neighboursByBruteForce() {
        Dataset asked = new Tiny.Patterns(3, Tiny.CLASSES, 9);
        float[][] known = all(Tiny.backend(1), "fc3");
        try (Backend backend = Tiny.backend(2);
                Activations activations = Activations.create(checkpoint, "fc3", Placement.TWO_TOWERS, backend, 4)) {
            List<Neighbours.Query> queries = IntStream.range(0, 3).mapToObj(i -> Neighbours.Query.of(asked, i)).toList();
            List<List<Neighbours.Neighbour>> found = Neighbours.find(activations, queries, DATA, 5, 1, TrainingListener.SILENT);
            for (int q = 0; q < 3; q++) {
                float[] query = activations.of(queries.get(q).pixels());
                List<Integer> nearest = new ArrayList<>(IntStream.range(0, 21).filter(i -> i != 4).boxed().toList());
                nearest.sort(Comparator.comparingDouble(i -> distance(query, known[i])));
                assertEquals(nearest.subList(0, 5), found.get(q).stream().map(Neighbours.Neighbour::index).toList());
                assertEquals(distance(query, known[nearest.getFirst()]), found.get(q).getFirst().distance(), 1e-4);
            }
        }
    }

    private static double distance(float[] one, float[] other) {
        return Math.sqrt(IntStream.range(0, one.length).mapToDouble(i -> (one[i] - other[i]) * (double) (one[i] - other[i])).sum());
    }

    /** Labels without a class in the network do no harm: features are for other data, too. */
    @Test
    void moreClassesThanTheNetworkHas() {
        List<String> many = IntStream.range(0, 9).mapToObj(i -> "class" + i).toList();
        Dataset data = new Tiny.Patterns(18, many, 3);
        int[] labels = new int[18];
        try (Backend backend = Tiny.backend(1);
                Activations activations = Activations.create(checkpoint, "fc3", Placement.ONE_DEVICE, backend, 5)) {
            activations.forEach(data, 1, TrainingListener.SILENT, (index, label, values, from) -> labels[index] = label);
        }
        assertArrayEquals(IntStream.range(0, 18).map(i -> i % 9).toArray(), labels);
    }

    @Test
    void unknownLayersAreNamed() {
        try (Backend backend = Tiny.backend(1)) {
            String message = assertThrows(NetworkException.class,
                    () -> Activations.create(checkpoint, "relu33", Placement.ONE_DEVICE, backend, 4)).getMessage();
            assertTrue(message.startsWith("tiny has no layer relu33; did you mean \"relu3\"? (it can be conv1, "), message);
            assertThrows(NetworkException.class, () -> Activations.create(checkpoint, "loss", Placement.ONE_DEVICE, backend, 4));
        }
        try (Backend backend = Tiny.backend(2)) {
            assertThrows(NetworkException.class,
                    () -> Activations.create(checkpoint, Requests.projection("conv2"), Placement.TWO_TOWERS, backend, 4));
        }
    }
}
