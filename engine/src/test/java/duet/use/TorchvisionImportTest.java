package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Operation.Activation;
import duet.files.WholeFile;
import duet.model.ModelFileException;
import duet.model.Safetensors;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.train.DirectForward;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Safetensors with torchvision's names and its way with pixels. */
class TorchvisionImportTest {
    private static final long SEED = Long.getLong("duet.seed", 2012);

    @TempDir
    private Path folder;

    /** torchvision's names and its way with pixels: a level less the mean, divided by the deviation. */
    @Test
    void readsTorchvisionsNames() throws IOException {
        Network network = torchvision();
        Checkpoint made = TestModels.random(network, SEED + 7);
        Map<String, String> names = new HashMap<>(
                Map.of("conv1", "features.0", "conv2", "features.3", "conv3", "features.10", "fc4", "classifier.1", "fc5", "classifier.4"));
        Path file = folder.resolve("torchvision.safetensors");
        WholeFile.write(file, channel -> Safetensors.write(channel, Map.of(), network.parameters().reversed().stream()
                .map(p -> new Safetensors.Block(names.get(p.name().split("\\.")[0]) + "." + p.name().split("\\.")[1], p.sizes(),
                        () -> made.tensors().get(p.name())))
                .toList()));
        Checkpoint read = ModelExchange.read(file, new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> network))
                .checkpoint();
        byte[] pixels = TestModels.image(read.stored(), SEED + 8);
        float[] centre = TestModels.centre(read.stored(), network.input(), pixels);
        double[] input = new double[centre.length];
        double[] mean = {0.485, 0.456, 0.406};
        double[] deviation = {0.229, 0.224, 0.225};
        for (int i = 0; i < input.length; i++) {
            int channel = i / (network.input().height() * network.input().width());
            input[i] = (centre[i] / 255 - mean[channel]) / deviation[channel];
        }
        double[] expected = DirectForward.run(network, made.tensors(), input);
        float[] found = TestModels.probabilities(read, pixels);
        for (int label = 0; label < expected.length; label++) {
            assertEquals(expected[label], found[label], 1e-4);
        }
        assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL));
    }

    private static Network torchvision() {
        Initialization init = Initialization.PAPER;
        return Network.chain("small-owt", new Shape(3, 31, 31), 1, List.of(
                new Layer.Convolution("conv1", 8, 11, 4, 2, 1, Rounding.FLOOR, true, init),
                new Layer.Nonlinearity("relu1", Activation.RELU),
                new Layer.Convolution("conv2", 12, 5, 1, 2, 1, Rounding.FLOOR, true, init),
                new Layer.Nonlinearity("relu2", Activation.RELU),
                new Layer.Convolution("conv3", 12, 3, 1, 1, 1, Rounding.FLOOR, true, init),
                new Layer.Pooling("pool3", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.FLOOR),
                new Layer.FullyConnected("fc4", 16, true, init), new Layer.FullyConnected("fc5", 5, true, init),
                new Layer.SoftmaxCrossEntropy("loss")));
    }
}
