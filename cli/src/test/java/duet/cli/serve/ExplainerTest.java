package duet.cli.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

import duet.cli.web.WebException;
import duet.data.Views;
import duet.device.Backend;
import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.pictures.Tiles;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.use.Activations;
import duet.use.BackendThread;
import duet.use.Deconvolution;
import duet.use.OneImage;
import duet.use.ReceptiveField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a network saw in a picture, against what is computed plainly. */
class ExplainerTest {
    private final long seed = new SplittableRandom().nextLong();

    /** What a filter made of a picture, place by place, with the ReLU. */
    private static double[][] maps(Checkpoint checkpoint, byte[] pixels) {
        Network network = checkpoint.network();
        Layer.Convolution layer = (Layer.Convolution) network.layer("conv1");
        Shape in = network.input();
        Shape stored = checkpoint.stored();
        Shape out = network.shape("conv1");
        int[] crop = Views.centre(stored, in);
        float[] weight = checkpoint.tensors().get("conv1.weight");
        float[] mean = checkpoint.tensors().get(Checkpoint.MEAN);
        double[][] maps = new double[out.channels()][out.height() * out.width()];
        for (int filter = 0; filter < out.channels(); filter++) {
            for (int place = 0; place < maps[filter].length; place++) {
                double sum = checkpoint.tensors().get("conv1.bias")[filter];
                for (int i = 0; i < in.channels() * layer.kernel() * layer.kernel(); i++) {
                    int channel = i / (layer.kernel() * layer.kernel());
                    int y = place / out.width() * layer.stride() - layer.padding() + i / layer.kernel() % layer.kernel();
                    int x = place % out.width() * layer.stride() - layer.padding() + i % layer.kernel();
                    if (y >= 0 && x >= 0 && y < in.height() && x < in.width()) {
                        int row = crop[0] + y;
                        int column = crop[1] + x;
                        int level = pixels[(row * stored.width() + column) * stored.channels() + channel] & 0xFF;
                        sum += weight[filter * in.channels() * layer.kernel() * layer.kernel() + i]
                                * (level - mean[(channel * stored.height() + row) * stored.width() + column]) * network.inputScale();
                    }
                }
                maps[filter][place] = Math.max(0, sum);
            }
        }
        return maps;
    }

    private static BufferedImage picture(String url) throws IOException {
        String head = "data:image/png;base64,";
        assertTrue(url.startsWith(head), url);
        return ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(url.substring(head.length()))));
    }

    private static int[] colours(BufferedImage picture) {
        return IntStream.range(0, picture.getWidth() * picture.getHeight())
                .flatMap(i -> IntStream.of(16, 8, 0)
                        .map(shift -> picture.getRGB(i % picture.getWidth(), i / picture.getWidth()) >> shift & 0xFF))
                .toArray();
    }

    private static void assertAlike(BufferedImage expected, BufferedImage actual, String message) {
        assertEquals(expected.getWidth() + "x" + expected.getHeight(), actual.getWidth() + "x" + actual.getHeight(), message);
        int[] wanted = colours(expected);
        int[] got = colours(actual);
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], got[i], 1, message + ", value " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void theFiltersThatFiredByBruteForce(int channels) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 5; round++) {
            Checkpoint checkpoint = RandomModels.checkpoint(RandomModels.towers(random, channels), random.nextLong());
            byte[] pixels = RandomModels.pixels(checkpoint, random.nextLong());
            Explanation.Filters filters = explain(checkpoint, pixels).filters();
            String message = "seed " + seed + ", round " + round;
            double[][] maps = maps(checkpoint, pixels);
            double[] highest = IntStream.range(0, maps.length).mapToDouble(f -> IntStream.range(0, maps[f].length)
                    .mapToDouble(i -> maps[f][i]).max().orElseThrow()).toArray();
            double[] sums = IntStream.range(0, maps.length).mapToDouble(f -> Arrays.stream(maps[f]).sum()).toArray();
            assertEquals(List.of("conv1", "relu1", 2), List.of(filters.layer(), filters.shown(), filters.towers().size()), message);
            float white = (float) Arrays.stream(highest).max().orElseThrow();
            assertEquals(white, filters.white(), 1e-4 * white, message);
            int half = maps.length / 2;
            for (int tower = 0; tower < 2; tower++) {
                Explanation.Tower told = filters.towers().get(tower);
                List<Integer> order = IntStream.range(tower * half, (tower + 1) * half).boxed()
                        .sorted(Comparator.comparingDouble((Integer f) -> highest[f]).reversed()).toList();
                assertEquals(order, told.filters().stream().map(Explanation.Filter::filter).toList(), message);
                double share = order.stream().mapToDouble(f -> sums[f]).sum() / Arrays.stream(sums).sum();
                assertEquals(share, told.share(), 1e-5, message);
                for (Explanation.Filter each : told.filters()) {
                    double[] map = maps[each.filter()];
                    assertEquals(highest[each.filter()], each.highest(), 1e-4 * white, message);
                    assertEquals(sums[each.filter()] / map.length, each.mean(), 1e-4 * white, message);
                    double fired = Arrays.stream(map).filter(value -> value > 0).count();
                    assertEquals(fired, each.fired() * map.length, 1.01, message); // a value at 0 may round
                    int[] grey = colours(picture(each.map()));
                    for (int i = 0; i < grey.length; i++) {
                        assertEquals(255 * map[i / 3] / white, grey[i], 1, message);
                    }
                    Layer.Convolution layer = (Layer.Convolution) checkpoint.network().layer("conv1");
                    assertAlike(Tiles.filter(layer, checkpoint.tensors().get("conv1.weight"), each.filter()), picture(each.picture()),
                            message);
                }
            }
        }
    }

    private static Explanation explain(Checkpoint checkpoint, byte[] pixels) {
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                Explainer explainer = Explainer.create(thread, checkpoint, Placement.ONE_DEVICE)) {
            return explainer.explain(pixels);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"alexnet-small", "googlenet-small", "cifar-18pct"})
    void theStrongestFeatureAsDeconvolutionProjectsIt(String name) throws IOException {
        Checkpoint checkpoint = RandomModels.checkpoint(Networks.create(name), seed);
        byte[] pixels = RandomModels.pixels(checkpoint, seed + 1);
        Network network = checkpoint.network();
        List<String> convolutions = Deconvolution.convolutions(network);
        List<String> asked = new ArrayList<>(List.of(convolutions.getFirst(), convolutions.get(convolutions.size() / 2)));
        asked.add(null);
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                Explainer explainer = Explainer.create(thread, checkpoint, Placement.ONE_DEVICE);
                Backend backend = Tiny.backend(1)) {
            for (String layer : asked) {
                String message = name + ", " + layer + ", seed " + seed;
                Explanation.Deconvolution found = explainer.explain(pixels, layer).deconvolution();
                assertEquals(layer == null ? convolutions.getLast() : layer, found.layer());
                assertEquals(convolutions, found.layers());
                Shape shape = network.shape(found.layer());
                float[] values;
                try (Activations activations = Activations.create(checkpoint, found.layer(), Placement.ONE_DEVICE, backend, 1)) {
                    values = activations.of(pixels);
                }
                int strongest = IntStream.range(0, values.length).reduce((a, b) -> values[b] > values[a] ? b : a).orElseThrow();
                int at = (found.feature() * shape.height() + found.y()) * shape.width() + found.x();
                assertEquals(values[strongest], values[at], 1e-5f * values[strongest], message);
                assertEquals(values[at], found.value(), 1e-5f * values[strongest], message);
                float[] projection = Deconvolution.project(checkpoint, found.layer(), backend, new OneImage(checkpoint, pixels),
                        List.of(new Deconvolution.Unit(0, found.feature(), found.y(), found.x(), found.value()))).getFirst();
                BufferedImage expected = Tiles.projection(network.input(), projection);
                assertTrue(IntStream.of(colours(expected)).distinct().count() > 2, message);
                assertAlike(expected, picture(found.projection()), message);
                ReceptiveField field = ReceptiveField.of(network, found.layer(), found.y(), found.x());
                assertEquals(new Explanation.Field(field.top(), field.left(), field.height(), field.width()), found.field(), message);
                assertAlike(Tiles.cut(expected, field), picture(found.part()), message);
                assertAlike(Tiles.cut(Tiles.seen(checkpoint, pixels), field), picture(found.original()), message);
            }
        }
    }

    static List<String> names() {
        return Networks.names();
    }

    /** Weights of fully connected layers are not even there. */
    @ParameterizedTest
    @MethodSource("names")
    void everyNamedNetwork(String name) throws IOException {
        Checkpoint checkpoint = RandomModels.checkpoint(Networks.create(name), seed);
        Explanation explanation = explain(checkpoint, RandomModels.pixels(checkpoint, seed));
        Shape input = checkpoint.network().input();
        BufferedImage seen = picture(explanation.seen());
        assertEquals(input.height() + "x" + input.width(), seen.getHeight() + "x" + seen.getWidth());
        assertEquals(List.of(), explanation.notes(), name);
        assertNotNull(explanation.deconvolution(), name);
        boolean two = checkpoint.network().layers().stream().anyMatch(l -> l instanceof Layer.Convolution c && c.groups() == 2);
        assertEquals(two ? 2 : 1, explanation.filters().towers().size(), name);
        assertEquals(1, explanation.filters().towers().stream().mapToDouble(Explanation.Tower::share).sum(), 1e-6, name);
    }

    static List<Placement> placements() {
        return List.of(Placement.TWO_TOWERS, Placement.HALVES);
    }

    @ParameterizedTest
    @MethodSource("placements")
    void onTwoDevicesTheFiltersButNoProjection(Placement placement) {
        Checkpoint checkpoint = RandomModels.checkpoint(Networks.create("alexnet-small"), seed);
        byte[] pixels = RandomModels.pixels(checkpoint, seed);
        Explanation one = explain(checkpoint, pixels);
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(2));
                Explainer explainer = Explainer.create(thread, checkpoint, placement)) {
            Explanation two = explainer.explain(pixels);
            assertNull(two.deconvolution());
            assertEquals(List.of("Features are projected back on one device in one round; this network is placed otherwise: "
                    + placement.words() + "."), two.notes());
            for (int tower = 0; tower < 2; tower++) {
                assertArrayEquals(highest(one, tower), highest(two, tower), 1e-4, "seed " + seed);
            }
        }
    }

    private static double[] highest(Explanation explanation, int tower) {
        return explanation.filters().towers().get(tower).filters().stream().mapToDouble(Explanation.Filter::highest).toArray();
    }

    @Test
    void whatIsMissingIsSaid() {
        Network flat = Network.chain("flat", new Shape(1, 8, 8), 1 / 64.0, List.of(
                new Layer.FullyConnected("fc1", 3, true, Initialization.PAPER), new Layer.SoftmaxCrossEntropy("loss")));
        Checkpoint checkpoint = RandomModels.checkpoint(flat, seed);
        Explanation explanation = explain(checkpoint, RandomModels.pixels(checkpoint, seed));
        assertNull(explanation.filters());
        assertNull(explanation.deconvolution());
        assertEquals(List.of("flat does not begin with a convolution, so there are no filters to show.",
                "flat has no convolution, so there are no features to project."), explanation.notes());

        Checkpoint asleep = RandomModels.checkpoint(RandomModels.towers(new SplittableRandom(seed), 1), seed);
        for (Map.Entry<String, float[]> tensor : asleep.tensors().entrySet()) {
            if (tensor.getKey().startsWith("conv")) {
                Arrays.fill(tensor.getValue(), tensor.getKey().endsWith("bias") ? -1 : 0);
            }
        }
        Explanation nothing = explain(asleep, RandomModels.pixels(asleep, seed));
        assertNull(nothing.deconvolution());
        assertEquals(List.of("conv2: this picture excites none of its features."), nothing.notes());
        assertEquals(List.of(0.0, 0.0), nothing.filters().towers().stream().map(Explanation.Tower::share).toList());
    }

    @Test
    void refusals() {
        Checkpoint checkpoint = RandomModels.checkpoint(RandomModels.towers(new SplittableRandom(seed), 3), seed);
        byte[] pixels = RandomModels.pixels(checkpoint, seed);
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1))) {
            Explainer explainer = Explainer.create(thread, checkpoint, Placement.ONE_DEVICE);
            WebException refused = assertThrows(WebException.class, () -> explainer.explain(pixels, "fc3"));
            assertEquals(400, refused.status());
            assertEquals("drawn has no convolution fc3; it has conv1, conv2", refused.getMessage());
            assertThrows(IllegalArgumentException.class, () -> explainer.explain(new byte[5]));
            checkpoint.tensors().get("conv1.bias")[0] = Float.NaN;
            WebException broken = assertThrows(WebException.class, () -> explainer.explain(pixels));
            assertEquals("drawn: gives NaN or infinity for this picture, so there is nothing to show", broken.getMessage());
            explainer.close();
            assertThrows(IllegalStateException.class, () -> explainer.explain(pixels));
            explainer.close();
        }
    }

    /** Any thread may ask, also for different layers by turns. */
    @Test
    void manyThreads() throws Exception {
        Checkpoint checkpoint = RandomModels.checkpoint(Networks.create("alexnet-small"), seed);
        List<String> layers = Deconvolution.convolutions(checkpoint.network());
        List<byte[]> images = IntStream.range(0, 3).mapToObj(i -> RandomModels.pixels(checkpoint, seed + i)).toList();
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                Explainer explainer = Explainer.create(thread, checkpoint, Placement.ONE_DEVICE);
                ExecutorService askers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Explanation> alone = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                alone.add(explainer.explain(images.get(i % 3), layers.get(i % layers.size())));
            }
            List<Future<Explanation>> together = IntStream.range(0, 12)
                    .mapToObj(i -> askers.submit(() -> explainer.explain(images.get(i % 3), layers.get(i % layers.size())))).toList();
            for (int i = 0; i < 12; i++) {
                assertEquals(alone.get(i), together.get(i).get(), "seed " + seed);
            }
        }
    }
}
