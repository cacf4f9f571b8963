package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.device.Operation.Activation;
import duet.files.WholeFile;
import duet.model.ModelFileException;
import duet.model.Safetensors;
import duet.model.proto.Caffe;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.train.DirectForward;
import duet.train.output.Checkpoint;
import duet.train.output.ParameterShape;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A caffemodel with the layers of bvlc_alexnet (fewer filters and a smaller image, or the test would take minutes), in both ways of writing one. */
class CaffeImportTest {
    private static final long SEED = Long.getLong("duet.seed", 2012);
    private static final int SIDE = 67;
    private static final int CLASSES = 7;
    private static final float[] BLUE_FIRST_MEAN = {104, 117, 123};

    @TempDir
    private Path folder;

    private final SplittableRandom random = new SplittableRandom(SEED);

    private Caffe.BlobProto blob(boolean old, double deviation, Integer... sizes) {
        Caffe.BlobProto.Builder blob = Caffe.BlobProto.newBuilder();
        int elements = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
        for (int i = 0; i < elements; i++) {
            blob.addData((float) (deviation * random.nextGaussian()));
        }
        if (!old) {
            return blob.setShape(Caffe.BlobShape.newBuilder().addAllDim(Arrays.stream(sizes).map(Integer::longValue).toList())).build();
        }
        List<Integer> four = new ArrayList<>(Collections.nCopies(4 - sizes.length, 1));
        four.addAll(List.of(sizes));
        return blob.setNum(four.get(0)).setChannels(four.get(1)).setHeight(four.get(2)).setWidth(four.get(3)).build();
    }

    /** The layers of bvlc_alexnet in the way of 2015 and after: name, type, parameters, weights; ReLU and dropout work in place. */
    private List<Caffe.LayerParameter.Builder> layers(boolean old) {
        List<Caffe.LayerParameter.Builder> layers = new ArrayList<>();
        layers.add(convolution(old, "conv1", "data", 8, 3, 11, 4, 0, 1));
        layers.add(plain("relu1", "ReLU", "conv1", "conv1"));
        layers.add(norm("norm1", "conv1"));
        layers.add(pool("pool1", "norm1"));
        layers.add(convolution(old, "conv2", "pool1", 12, 4, 5, 1, 2, 2));
        layers.add(plain("relu2", "ReLU", "conv2", "conv2"));
        layers.add(norm("norm2", "conv2"));
        layers.add(pool("pool2", "norm2"));
        layers.add(convolution(old, "conv3", "pool2", 16, 12, 3, 1, 1, 1));
        layers.add(plain("relu3", "ReLU", "conv3", "conv3"));
        layers.add(convolution(old, "conv4", "conv3", 16, 8, 3, 1, 1, 2));
        layers.add(plain("relu4", "ReLU", "conv4", "conv4"));
        layers.add(convolution(old, "conv5", "conv4", 12, 8, 3, 1, 1, 2));
        layers.add(plain("relu5", "ReLU", "conv5", "conv5"));
        layers.add(pool("pool5", "conv5"));
        layers.add(inner(old, "fc6", "pool5", 20, 12));
        layers.add(plain("relu6", "ReLU", "fc6", "fc6"));
        layers.add(plain("drop6", "Dropout", "fc6", "fc6").setDropoutParam(Caffe.DropoutParameter.newBuilder().setDropoutRatio(0.5f)));
        layers.add(inner(old, "fc7", "fc6", 20, 20));
        layers.add(plain("relu7", "ReLU", "fc7", "fc7"));
        layers.add(inner(old, "fc8", "fc7", CLASSES, 20));
        return layers;
    }

    private static Caffe.LayerParameter.Builder plain(String name, String type, String bottom, String top) {
        return Caffe.LayerParameter.newBuilder().setName(name).setType(type).addBottom(bottom).addTop(top);
    }

    private Caffe.LayerParameter.Builder convolution(boolean old, String name, String bottom, int filters, int channels, int kernel,
            int stride, int pad, int group) {
        double deviation = Math.sqrt(2.0 / (channels * kernel * kernel));
        return plain(name, "Convolution", bottom, name)
                .setConvolutionParam(Caffe.ConvolutionParameter.newBuilder().setNumOutput(filters).addKernelSize(kernel).addStride(stride)
                        .addPad(pad).setGroup(group))
                .addBlobs(blob(old, deviation, filters, channels, kernel, kernel)).addBlobs(blob(old, 0.5, filters));
    }

    private Caffe.LayerParameter.Builder inner(boolean old, String name, String bottom, int outputs, int inputs) {
        double deviation = name.equals("fc8") ? 0.02 : Math.sqrt(2.0 / inputs);
        return plain(name, "InnerProduct", bottom, name)
                .setInnerProductParam(Caffe.InnerProductParameter.newBuilder().setNumOutput(outputs))
                .addBlobs(blob(old, deviation, outputs, inputs)).addBlobs(blob(old, 0.1, outputs));
    }

    private static Caffe.LayerParameter.Builder norm(String name, String bottom) {
        return plain(name, "LRN", bottom, name).setLrnParam(Caffe.LRNParameter.newBuilder().setLocalSize(5).setAlpha(1e-4f).setBeta(0.75f));
    }

    private static Caffe.LayerParameter.Builder pool(String name, String bottom) {
        return plain(name, "Pooling", bottom, name)
                .setPoolingParam(Caffe.PoolingParameter.newBuilder().setKernelSize(3).setStride(2));
    }

    /** As it was trained: a data layer that crops, a copy of the scores for the accuracy, the loss. */
    private static Caffe.NetParameter trained(List<Caffe.LayerParameter.Builder> layers) {
        Caffe.NetParameter.Builder net = Caffe.NetParameter.newBuilder().setName("AlexNet");
        net.addLayer(Caffe.LayerParameter.newBuilder().setName("data").setType("Data").addTop("data").addTop("label")
                .setTransformParam(Caffe.TransformationParameter.newBuilder().setCropSize(SIDE)));
        net.addLayer(plain("label_data_1_split", "Split", "label", "label_0").addTop("label_1"));
        layers.forEach(net::addLayer);
        net.addLayer(plain("fc8_split", "Split", "fc8", "fc8_0").addTop("fc8_1"));
        net.addLayer(plain("accuracy", "Accuracy", "fc8_0", "accuracy").addBottom("label"));
        net.addLayer(plain("loss", "SoftmaxWithLoss", "fc8_1", "loss").addBottom("label"));
        return net.build();
    }

    /** As bvlc_alexnet.caffemodel was written in 2014, with numbers for types. */
    private static Caffe.NetParameter old(List<Caffe.LayerParameter.Builder> layers) {
        Map<String, Integer> numbers = Map.of("Convolution", 4, "ReLU", 18, "LRN", 15, "Pooling", 17, "InnerProduct", 14, "Dropout", 6);
        Caffe.NetParameter.Builder net = Caffe.NetParameter.newBuilder().setName("CaffeNet of old");
        net.addLayers(Caffe.V1LayerParameter.newBuilder().setName("data").setType(5).addTop("data").addTop("label")
                .setDataParam(Caffe.OldDataParameter.newBuilder().setCropSize(SIDE).setMeanFile("imagenet_mean.binaryproto")));
        for (Caffe.LayerParameter.Builder layer : layers) {
            net.addLayers(Caffe.V1LayerParameter.newBuilder().setName(layer.getName()).setType(numbers.get(layer.getType()))
                    .addAllBottom(layer.getBottomList())
                    .addAllTop(layer.getTopList()).addAllBlobs(layer.getBlobsList()).setConvolutionParam(layer.getConvolutionParam())
                    .setInnerProductParam(layer.getInnerProductParam()).setLrnParam(layer.getLrnParam())
                    .setPoolingParam(layer.getPoolingParam())
                    .setDropoutParam(layer.getDropoutParam()));
        }
        net.addLayers(Caffe.V1LayerParameter.newBuilder().setName("prob").setType(20).addBottom("fc8").addTop("prob"));
        return net.build();
    }

    private Path write(String name, byte[] content) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, content);
        return file;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void givesWhatCaffeWouldGive(boolean old) throws IOException {
        List<Caffe.LayerParameter.Builder> layers = layers(old);
        Path file = write("alexnet.caffemodel", (old ? old(layers) : trained(layers)).toByteArray());
        Path meanFile = write("mean.binaryproto", meanImage().toByteArray());
        Imported imported = ModelExchange.read(file, new ImportOptions(null, null, null, meanFile, null, 0, null));
        Checkpoint checkpoint = imported.checkpoint();
        Network network = checkpoint.network();
        assertEquals(new Shape(3, SIDE, SIDE), network.input());
        assertEquals(List.of(1, 2, 1, 2, 2), network.layers().stream().filter(Layer.Convolution.class::isInstance)
                .map(layer -> ((Layer.Convolution) layer).groups()).toList());
        assertEquals(List.of(8, 12, 16, 16, 12), network.layers().stream().filter(Layer.Convolution.class::isInstance)
                .map(layer -> ((Layer.Convolution) layer).filters()).toList());
        byte[] pixels = OnnxTest.image(checkpoint.stored(), SEED);
        float[] found = OnnxTest.probabilities(checkpoint, pixels);
        double[] expected = DirectForward.run(network, caffeParameters(layers), caffeInput(checkpoint.stored(), pixels));
        for (int label = 0; label < CLASSES; label++) {
            assertEquals(expected[label], found[label], 1e-4, "-Dduet.seed=" + SEED);
        }
        assertTrue(Arrays.stream(expected).max().orElseThrow() > 1.1 / CLASSES, Arrays.toString(expected));
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
        float[] red = OnnxTest.centre(stored, new Shape(3, SIDE, SIDE), pixels);
        double[] input = new double[red.length];
        int area = SIDE * SIDE;
        for (int i = 0; i < input.length; i++) {
            int channel = i / area;
            input[i] = red[(2 - channel) * area + i % area] - BLUE_FIRST_MEAN[channel];
        }
        return input;
    }

    private static Caffe.BlobProto meanImage() {
        int side = SIDE + 5;
        Caffe.BlobProto.Builder blob = Caffe.BlobProto.newBuilder().setNum(1).setChannels(3).setHeight(side).setWidth(side);
        for (int i = 0; i < 3 * side * side; i++) {
            blob.addData(BLUE_FIRST_MEAN[i / (side * side)]);
        }
        return blob.build();
    }

    @Test
    void saysWhatItCannotRead() throws IOException {
        List<Caffe.LayerParameter.Builder> layers = layers(false);
        byte[] good = trained(layers).toByteArray();
        refused("truncated", Arrays.copyOf(good, good.length / 2), "damaged");
        refused("text", "name: \"AlexNet\"".getBytes(StandardCharsets.UTF_8), "no network of Caffe");
        refused("description",
                Caffe.NetParameter.newBuilder().addLayer(plain("conv1", "Convolution", "data", "conv1")).build().toByteArray(),
                "not a description");
        layers.get(6).setType("BatchNorm");
        refused("type", trained(layers).toByteArray(), "norm2 (BatchNorm)", "no such layer");
        layers = layers(false);
        layers.get(1).setReluParam(Caffe.ReLUParameter.newBuilder().setNegativeSlope(0.1f));
        refused("slope", trained(layers).toByteArray(), "relu1", "negative_slope");
        layers = layers(false);
        layers.get(4).setBottom(0, "norm1");
        refused("branch", trained(layers).toByteArray(), "conv2", "norm1", "chains");
        layers = layers(false);
        layers.get(15).getInnerProductParamBuilder().setNumOutput(21);
        refused("sizes", trained(layers).toByteArray(), "fc6", "21 outputs");
        layers = layers(false);
        layers.get(2).getLrnParamBuilder().setNormRegion(Caffe.LRNParameter.NormRegion.WITHIN_CHANNEL);
        refused("region", trained(layers).toByteArray(), "norm1", "across channels");
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

    /** torchvision's names and its way with pixels: a level less the mean, divided by the deviation. */
    @Test
    void readsTorchvisionsNames() throws IOException {
        Network network = torchvision();
        Checkpoint made = OnnxTest.random(network, SEED + 7);
        Map<String, String> names = new HashMap<>(
                Map.of("conv1", "features.0", "conv2", "features.3", "conv3", "features.10", "fc4", "classifier.1", "fc5", "classifier.4"));
        Path file = folder.resolve("torchvision.safetensors");
        WholeFile.write(file, channel -> Safetensors.write(channel, Map.of(), ParameterShape.of(network).reversed().stream()
                .map(p -> new Safetensors.Block(names.get(p.name().split("\\.")[0]) + "." + p.name().split("\\.")[1], p.sizes(),
                        () -> made.tensors().get(p.name())))
                .toList()));
        Checkpoint read = ModelExchange.read(file, new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> network))
                .checkpoint();
        byte[] pixels = OnnxTest.image(read.stored(), SEED + 8);
        float[] centre = OnnxTest.centre(read.stored(), network.input(), pixels);
        double[] input = new double[centre.length];
        double[] mean = {0.485, 0.456, 0.406};
        double[] deviation = {0.229, 0.224, 0.225};
        for (int i = 0; i < input.length; i++) {
            int channel = i / (network.input().height() * network.input().width());
            input[i] = (centre[i] / 255 - mean[channel]) / deviation[channel];
        }
        double[] expected = DirectForward.run(network, made.tensors(), input);
        float[] found = OnnxTest.probabilities(read, pixels);
        for (int label = 0; label < expected.length; label++) {
            assertEquals(expected[label], found[label], 1e-4);
        }
        assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL));
    }

    private static Network torchvision() {
        Initialization init = Initialization.PAPER;
        return new Network("small-owt", new Shape(3, 31, 31), 1, List.of(
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
