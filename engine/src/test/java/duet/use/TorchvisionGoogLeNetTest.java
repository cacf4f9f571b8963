package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

import duet.files.WholeFile;
import duet.model.ModelFileException;
import duet.model.Networks;
import duet.model.Safetensors;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tensors of torchvision's GoogLeNet, with PyTorch as the judge ({@code src/test/python/make_torchvision.py}). */
class TorchvisionGoogLeNetTest {
    private static final Path FOLDER = Path.of("src/test/resources/torchvision");
    private static final Path FILE = FOLDER.resolve("googlenet.safetensors");
    private static final Shape SEEN = new Shape(3, 224, 224);

    @TempDir
    private Path folder;

    private static byte[] image(int shift) {
        byte[] pixels = new byte[Math.toIntExact(SEEN.elements())];
        for (int i = 0; i < pixels.length; i++) {
            int row = i / 3 / SEEN.width();
            int column = i / 3 % SEEN.width();
            pixels[i] = (byte) (37 * (i % 3) + 11 * row + 7 * column + row * column % 97 + shift * (row + column));
        }
        return pixels;
    }

    private static float[] expected() throws IOException {
        List<String> lines = Files.readAllLines(FOLDER.resolve("googlenet.txt"));
        float[] values = new float[lines.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.parseFloat(lines.get(i));
        }
        return values;
    }

    @Test
    void givesWhatPyTorchGives() throws IOException {
        Imported imported = ModelExchange.read(FILE, ImportOptions.USUAL);
        Checkpoint checkpoint = imported.checkpoint();
        assertEquals(SEEN, checkpoint.network().input());
        Checkpoint seen = checkpoint.storedAs(SEEN);
        assertArrayEquals(expected(), TestModels.probabilities(seen, image(0)), 1e-4f);
        float[] other = TestModels.probabilities(seen, image(3));
        float largest = 0;
        for (int i = 0; i < other.length; i++) {
            largest = Math.max(largest, Math.abs(other[i] - expected()[i]));
        }
        assertTrue(largest > 5e-3, "another image must give something else, not what differs by " + largest);
        assertTrue(imported.notes().stream().anyMatch(note -> note.contains("without transform_input")), imported.notes()::toString);
    }

    @Test
    void theNetwork() {
        Network network = ModelExchange.read(FILE, ImportOptions.USUAL).checkpoint().network();
        assertEquals("googlenet-torchvision", network.name());
        assertEquals(57 + 2, network.layers().stream().filter(Layer.Convolution.class::isInstance).count());
        assertEquals(List.of("aux1-loss", "aux2-loss", "loss"), network.losses().stream().map(node -> node.name()).toList());
        assertEquals(new Layer.SoftmaxCrossEntropy("aux2-loss", 0.3), network.layer("aux2-loss"));
        assertEquals(14, network.shape("inception4a").height());
        assertEquals(7, network.shape("inception5b").height());
        assertEquals(new Shape(3, 4, 4), network.shape("aux1-conv"));
        assertEquals(new Layer.Pooling("pool4", Layer.Pooling.Kind.MAX, 2, 2, 0, Rounding.CEIL), network.layer("pool4"));
        assertEquals(List.of("inception3a-branch1-relu", "inception3a-branch2-1-relu", "inception3a-branch3-1-relu",
                "inception3a-branch4-1-relu"),
                network.nodes().stream().filter(node -> node.name().equals("inception3a")).findFirst().orElseThrow().inputs());
    }

    /** As wrapped modules are saved; without auxiliary classifiers; with something more. */
    @Test
    void otherFiles() throws IOException {
        Path file = changed(name -> "module." + name, Set.of(), "aux");
        Imported imported = ModelExchange.read(file, ImportOptions.USUAL);
        assertEquals(1, imported.checkpoint().network().losses().size());
        assertArrayEquals(expected(), TestModels.probabilities(imported.checkpoint().storedAs(SEEN), image(0)), 1e-4f);
        assertTrue(imported.notes().stream().noneMatch(note -> note.contains("auxiliary")), imported.notes()::toString);
        Imported more = ModelExchange.read(changed(name -> name, Set.of("ema.decay"), "none"),
                ImportOptions.USUAL);
        assertTrue(more.notes().contains("left out, since torchvision's GoogLeNet has no such parameters: ema.decay"),
                more.notes()::toString);
    }

    @Test
    void saysWhatItCannotRead() throws IOException {
        refused(changed(name -> name, Set.of(), "inception4b.branch3.1.bn.running_var"), ImportOptions.USUAL,
                "lacks inception4b.branch3.1.bn.running_var");
        refused(changed(name -> name.replace("branch2.0.conv", "X").replace("branch2.1.conv", "branch2.0.conv").replace("X",
                "branch2.1.conv"), Set.of(), "none"), ImportOptions.USUAL, "has filters of 1x1 there");
        refused(changed(name -> name.equals("conv2.bn.bias") ? "conv3.bn.bias" : name.equals("conv3.bn.bias") ? "conv2.bn.bias" : name,
                Set.of(), "none"), ImportOptions.USUAL, "conv2.bn.weight and the three tensors beside it must have 6 numbers");
        refused(FILE,
                new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> Networks.create("alexnet", channels, classes)),
                "leave out --net");
    }

    private static void refused(Path file, ImportOptions options, String words) {
        String message = assertThrows(ModelFileException.class, () -> ModelExchange.read(file, options)).getMessage();
        assertTrue(message.startsWith(file + ": ") && message.contains(words), message);
    }

    /**
     * @param names gives tensors other names
     * @param more  tensors of one number besides
     * @param start of the names that are left out
     */
    private Path changed(UnaryOperator<String> names, Set<String> more, String start) throws IOException {
        Path file = folder.resolve("changed.safetensors");
        try (Safetensors tensors = Safetensors.open(FILE)) {
            List<Safetensors.Block> blocks = new ArrayList<>();
            for (Safetensors.Entry entry : tensors.entries().values()) {
                if (!entry.name().startsWith(start) && entry.type() == Safetensors.Type.F32) {
                    float[] values = tensors.floats(entry.name());
                    blocks.add(new Safetensors.Block(names.apply(entry.name()), entry.shape().stream().map(Math::toIntExact).toList(),
                            () -> values));
                }
            }
            more.forEach(name -> blocks.add(new Safetensors.Block(name, List.of(1), () -> new float[1])));
            WholeFile.write(file, channel -> Safetensors.write(channel, Map.of(), blocks));
        }
        return file;
    }
}
