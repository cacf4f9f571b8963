package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

import duet.files.WholeFile;
import duet.model.ModelFileException;
import duet.model.Networks;
import duet.model.Safetensors;
import duet.net.Network;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights by other names than Duet's, and files that are something else. */
class TensorNamesTest {
    private static final Network NETWORK = Networks.create("alexnet-small");

    @TempDir
    private Path folder;

    private final Checkpoint made = TestModels.random(NETWORK, 3);

    private Path file(UnaryOperator<String> names, Safetensors.Block... more) {
        Path file = folder.resolve("weights.safetensors");
        List<Safetensors.Block> blocks = new ArrayList<>(NETWORK.parameters().stream().map(parameter -> new Safetensors.Block(
                names.apply(parameter.name()), parameter.sizes(), () -> made.tensors().get(parameter.name()))).toList());
        blocks.addAll(List.of(more));
        WholeFile.write(file, channel -> Safetensors.write(channel, Map.of(), blocks));
        return file;
    }

    private static Imported read(Path file) {
        return ModelExchange.read(file, new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> NETWORK));
    }

    private void assertRead(Path file, String... notes) {
        Imported imported = read(file);
        NETWORK.parameters().forEach(parameter -> assertArrayEquals(made.tensors().get(parameter.name()),
                imported.checkpoint().tensors().get(parameter.name()), parameter.name()));
        for (String note : notes) {
            assertTrue(imported.notes().stream().anyMatch(told -> told.contains(note)), imported.notes()::toString);
        }
    }

    @Test
    void somethingBeforeOrBetween() {
        assertRead(file(name -> name));
        assertRead(file(name -> "module." + name));
        assertRead(file(name -> "state.model." + name));
        assertRead(file(name -> name.replace(".", ".layer.")));
        assertRead(file(name -> "backbone.features." + name.replace(".", ".0.")));
    }

    /** In a network with branches neither the first layer nor the scores come first or last in the order of names. */
    @Test
    void aNetworkWithBranches() {
        Network network = TestGraphs.inception();
        Checkpoint checkpoint = TestModels.random(network, 4);
        Path plain = folder.resolve("plain.safetensors");
        ModelExchange.export(checkpoint, ModelExchange.Format.SAFETENSORS, plain);
        Path whole = folder.resolve("whole.safetensors");
        checkpoint.write(whole);
        for (Path file : List.of(plain, whole)) {
            List<List<Integer>> asked = new ArrayList<>();
            Imported imported = ModelExchange.read(file, new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> {
                asked.add(List.of(channels, classes));
                return network;
            }));
            assertEquals(List.of(3, 7), asked.getLast());
            assertEquals(network, imported.checkpoint().network());
            network.parameters().forEach(parameter -> assertArrayEquals(checkpoint.tensors().get(parameter.name()),
                    imported.checkpoint().tensors().get(parameter.name()), parameter.name()));
        }
    }

    /** A checkpoint of a training holds momentum and the mean, too. */
    @Test
    void weightsOfACheckpoint() {
        Path file = folder.resolve("checkpoint.safetensors");
        new Checkpoint(NETWORK, made.classNames(), made.stored(), made.tensors(), null).write(file);
        assertRead(file);
        Safetensors.Block momentum = new Safetensors.Block("momentum.fc8.weight", List.of(10, 512), () -> new float[5120]);
        assertRead(file(name -> name, momentum));
    }

    @Test
    void aTensorMore() {
        Safetensors.Block decay = new Safetensors.Block("ema.decay", List.of(1), () -> new float[1]);
        assertRead(file(name -> name, decay), "left out, since alexnet-small has no such parameters: ema.decay [1]");
        assertRead(file(name -> "module." + name, decay), "ema.decay [1]");
        Safetensors.Block mean = new Safetensors.Block("bn1.running_mean", List.of(4), () -> new float[4]);
        assertRefused(file(name -> name, mean), "has bn1.running_mean [4], of batch normalisation, which Duet has no layer for");
        Safetensors.Block layer = new Safetensors.Block("fc9.weight", List.of(10, 10), () -> new float[100]);
        assertRefused(file(name -> name, layer), "has fc9.weight [10, 10], which is no parameter of alexnet-small");
    }

    /** Where every size fits there is no doubt. */
    @Test
    void otherNamesInOrder() {
        List<String> names = NETWORK.parameters().stream().map(parameter -> parameter.name()).toList();
        assertRead(file(name -> "net." + names.indexOf(name) / 2 + (name.endsWith("weight") ? ".weight" : ".bias")),
                "are taken in order, since all sizes fit: conv1.weight is net.0.weight");
        Imported torchvision = read(
                file(name -> "net.features." + names.indexOf(name) / 2 * 3 + (name.endsWith("t") ? ".weight" : ".bias")));
        assertTrue(torchvision.notes().getFirst().startsWith("the names are torchvision's"), torchvision.notes()::toString);
        assertArrayEquals(made.tensors().get("fc8.weight"), torchvision.checkpoint().tensors().get("fc8.weight"));
        assertRefused(
                file(name -> "net." + (name.startsWith("conv1") ? 0 : 99 - names.indexOf(name) / 2)
                        + (name.endsWith("weight") ? ".weight" : ".bias")),
                "its tensors are not those of alexnet-small: conv1.weight [");
    }

    private void assertRefused(Path file, String words) {
        String message = assertThrows(ModelFileException.class, () -> read(file)).getMessage();
        assertTrue(message.startsWith(file + ": ") && message.contains(words), message);
    }

    @Test
    void filesThatAreSomethingElse() throws IOException {
        Map<String, String> contents = Map.of(
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer",
                "<!DOCTYPE html><html>404</html>", "is a web page", "\n <html>", "is a web page", "\u0089HDF\r\n\u001a\n",
                "is an HDF5 file",
                "PK\u0003\u0004archive/data.pkl", "is a zip archive", "\u0080\u0002}q\u0000", "is a Python pickle", "\u001f\u008b\b\0",
                "packed by gzip");
        for (String ending : List.of(".onnx", ".caffemodel", ".safetensors")) {
            for (Map.Entry<String, String> content : contents.entrySet()) {
                Path file = folder.resolve("model" + ending);
                Files.write(file, content.getKey().getBytes(StandardCharsets.ISO_8859_1));
                String message = assertThrows(RuntimeException.class, () -> read(file)).getMessage();
                assertEquals(file + ": ", message.substring(0, file.toString().length() + 2));
                assertTrue(message.contains(content.getValue()), message);
            }
        }
    }
}
