package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.model.ModelFileException;
import duet.model.proto.Caffe;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.train.DirectForward;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A caffemodel of AlexNet, in both ways of writing one. */
class CaffeImportTest {
    private static final long SEED = Long.getLong("duet.seed", 2012);
    private static final float[] BLUE_FIRST_MEAN = {104, 117, 123};

    @TempDir
    private Path folder;

    private final CaffeNetworks networks = new CaffeNetworks(new SplittableRandom(SEED));

    private Path write(String name, byte[] content) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, content);
        return file;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void givesWhatCaffeWouldGive(boolean old) throws IOException {
        List<Caffe.LayerParameter.Builder> layers = networks.layers(old);
        Path file = write("alexnet.caffemodel", (old ? CaffeNetworks.old(layers) : CaffeNetworks.trained(layers)).toByteArray());
        Path meanFile = write("mean.binaryproto", meanImage().toByteArray());
        Imported imported = ModelExchange.read(file, new ImportOptions(null, null, null, meanFile, null, 0, null));
        Checkpoint checkpoint = imported.checkpoint();
        Network network = checkpoint.network();
        assertEquals(new Shape(3, CaffeNetworks.SIDE, CaffeNetworks.SIDE), network.input());
        assertEquals(List.of(1, 2, 1, 2, 2), network.layers().stream().filter(Layer.Convolution.class::isInstance)
                .map(layer -> ((Layer.Convolution) layer).groups()).toList());
        assertEquals(List.of(8, 12, 16, 16, 12), network.layers().stream().filter(Layer.Convolution.class::isInstance)
                .map(layer -> ((Layer.Convolution) layer).filters()).toList());
        byte[] pixels = TestModels.image(checkpoint.stored(), SEED);
        float[] found = TestModels.probabilities(checkpoint, pixels);
        double[] expected = DirectForward.run(network, caffeParameters(layers), caffeInput(checkpoint.stored(), pixels));
        for (int label = 0; label < CaffeNetworks.CLASSES; label++) {
            assertEquals(expected[label], found[label], 1e-4, "-Dduet.seed=" + SEED);
        }
        assertTrue(Arrays.stream(expected).max().orElseThrow() > 1.1 / CaffeNetworks.CLASSES, Arrays.toString(expected));
        assertTrue(imported.notes().stream().anyMatch(note -> note.contains("blue, green, red")), imported.notes().toString());
    }

    /** The weights as they are in the file, for images with blue first. */
    private static Map<String, float[]> caffeParameters(List<Caffe.LayerParameter.Builder> layers) {
        Map<String, float[]> parameters = new LinkedHashMap<>();
        layers.stream().filter(layer -> layer.getBlobsCount() > 0).forEach(layer -> {
            for (int i = 0; i < 2; i++) {
                Caffe.BlobProto blob = layer.getBlobs(i);
                float[] values = new float[blob.getDataCount()];
                IntStream.range(0, values.length).forEach(k -> values[k] = blob.getData(k));
                parameters.put(layer.getName() + (i == 0 ? ".weight" : ".bias"), values);
            }
        });
        return parameters;
    }

    /** The centre of the image less the mean, blue first. */
    private static double[] caffeInput(Shape stored, byte[] pixels) {
        float[] red = TestModels.centre(stored, new Shape(3, CaffeNetworks.SIDE, CaffeNetworks.SIDE), pixels);
        double[] input = new double[red.length];
        int area = CaffeNetworks.SIDE * CaffeNetworks.SIDE;
        for (int i = 0; i < input.length; i++) {
            int channel = i / area;
            input[i] = red[(2 - channel) * area + i % area] - BLUE_FIRST_MEAN[channel];
        }
        return input;
    }

    private static Caffe.BlobProto meanImage() {
        int side = CaffeNetworks.SIDE + 5;
        Caffe.BlobProto.Builder blob = Caffe.BlobProto.newBuilder().setNum(1).setChannels(3).setHeight(side).setWidth(side);
        for (int i = 0; i < 3 * side * side; i++) {
            blob.addData(BLUE_FIRST_MEAN[i / (side * side)]);
        }
        return blob.build();
    }

    @Test
    void saysWhatItCannotRead() throws IOException {
        List<Caffe.LayerParameter.Builder> layers = networks.layers(false);
        byte[] good = CaffeNetworks.trained(layers).toByteArray();
        refused("truncated", Arrays.copyOf(good, good.length / 2), "damaged");
        refused("text", "name: \"AlexNet\"".getBytes(StandardCharsets.UTF_8), "no network of Caffe");
        refused("description",
                Caffe.NetParameter.newBuilder().addLayer(CaffeNetworks.plain("conv1", "Convolution", "data", "conv1")).build()
                        .toByteArray(),
                "not a description");
        layers.get(6).setType("BatchNorm");
        refused("type", CaffeNetworks.trained(layers).toByteArray(), "norm2 (BatchNorm)", "no such layer");
        layers = networks.layers(false);
        layers.get(1).setReluParam(Caffe.ReLUParameter.newBuilder().setNegativeSlope(0.1f));
        refused("slope", CaffeNetworks.trained(layers).toByteArray(), "relu1", "negative_slope");
        layers = networks.layers(false);
        layers.get(4).setBottom(0, "elsewhere");
        refused("connection", CaffeNetworks.trained(layers).toByteArray(), "conv2", "its input elsewhere is made by no layer before it");
        layers = networks.layers(false);
        layers.get(4).setBottom(0, "norm1");
        refused("jump", CaffeNetworks.trained(layers).toByteArray(), "fc6: weights of 240 numbers");
        layers = networks.layers(false);
        layers.get(15).getInnerProductParamBuilder().setNumOutput(21);
        refused("sizes", CaffeNetworks.trained(layers).toByteArray(), "fc6", "21 outputs");
        layers = networks.layers(false);
        layers.get(2).getLrnParamBuilder().setNormRegion(Caffe.LRNParameter.NormRegion.WITHIN_CHANNEL);
        refused("region", CaffeNetworks.trained(layers).toByteArray(), "norm1", "across channels");
        Path file = write("good.caffemodel", good);
        Path wrong = write("mean.binaryproto", Caffe.BlobProto.newBuilder().setNum(1).setChannels(3).setHeight(9).setWidth(9).addAllData(
                Collections.nCopies(243, 1f)).build().toByteArray());
        assertTrue(assertThrows(ModelFileException.class,
                () -> ModelExchange.read(file, new ImportOptions(null, null, null, wrong, null, 0, null)))
                .getMessage().contains("smaller than the network's input"));
        Path cut = write("cut.binaryproto", Arrays.copyOf(meanImage().toByteArray(), 1000));
        assertThrows(ModelFileException.class, () -> ModelExchange.read(file, new ImportOptions(null, null, null, cut, null, 0, null)));
    }

    private void refused(String name, byte[] content, String... words) throws IOException {
        Path file = write(name + ".caffemodel", content);
        String message = assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL), name).getMessage();
        for (String word : words) {
            assertTrue(message.startsWith(file.toString()) && message.contains(word), message);
        }
    }
}
