package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.google.protobuf.ByteString;
import duet.device.Arithmetic;
import duet.model.ModelFileException;
import duet.model.Networks;
import duet.model.proto.Onnx;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;
import duet.use.ModelExchange.Format;
import duet.use.ModelExchange.ImportOptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** ONNX, with onnxruntime as the judge. */
class OnnxTest {
    private static final long SEED = Long.getLong("duet.seed", 2012);

    @TempDir
    private Path folder;

    static float[][] judge(Path file, float[]... images) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(file.toString())) {
            long[] sizes = ((TensorInfo) session.getInputInfo().get("pixels").getInfo()).getShape();
            sizes[0] = images.length;
            FloatBuffer all = FloatBuffer.allocate(images.length * images[0].length);
            Stream.of(images).forEach(all::put);
            try (OnnxTensor tensor = OnnxTensor.createTensor(environment, all.flip(), sizes);
                    OrtSession.Result result = session.run(Map.of("pixels", tensor))) {
                return (float[][]) result.get("probabilities").orElseThrow().getValue();
            }
        }
    }

    static Onnx.ModelProto parse(Path file) throws IOException {
        try (InputStream stream = Files.newInputStream(file)) {
            return Onnx.ModelProto.parseFrom(stream);
        }
    }

    @TestFactory
    Stream<DynamicTest> onnxruntimeAgreesOnEveryNetwork() {
        return Networks.names().stream().map(name -> DynamicTest.dynamicTest(name, () -> agrees(Networks.create(name))));
    }

    private void agrees(Network network) throws Exception {
        Checkpoint checkpoint = TestModels.random(network, SEED);
        Path file = folder.resolve(network.name() + ".onnx");
        ModelExchange.export(checkpoint, Format.ONNX, file);
        byte[] first = TestModels.image(checkpoint.stored(), SEED + 1);
        byte[] second = TestModels.image(checkpoint.stored(), SEED + 2);
        float[][] judged = judge(file, TestModels.centre(checkpoint.stored(), network.input(), first),
                TestModels.centre(checkpoint.stored(), network.input(), second));
        assertClose(judged[0], TestModels.probabilities(checkpoint, first));
        assertClose(judged[1], TestModels.probabilities(checkpoint, second));
        Checkpoint again = ModelExchange.read(file, ImportOptions.USUAL).checkpoint();
        Network exported = network.withoutAuxiliary();
        assertEquals(exported, again.network());
        assertEquals(checkpoint.classNames(), again.classNames());
        assertEquals(checkpoint.stored(), again.stored());
        assertArrayEquals(TestModels.probabilities(checkpoint, first), TestModels.probabilities(again, first));
        for (ParameterShape parameter : exported.parameters()) {
            assertArrayEquals(checkpoint.tensors().get(parameter.name()), again.tensors().get(parameter.name()), parameter.name());
        }
        Files.delete(file);
    }

    static void assertClose(float[] expected, float[] found) {
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], found[i], 1e-4, "class " + i + " (-Dduet.seed=" + SEED + ")");
            largest = Math.max(largest, expected[i]);
        }
        assertTrue(largest > 1.3 / expected.length && largest < 0.9999, "probabilities that say nothing: the largest is " + largest);
    }

    /** Without Duet's own description the file is read as any other program's. */
    @TestFactory
    Stream<DynamicTest> readsGraphsOfOtherPrograms() {
        List<String> chains = List.of("alexnet-small", "figure-1", "cifar-11pct");
        return chains.stream().map(name -> DynamicTest.dynamicTest(name, () -> {
            Checkpoint checkpoint = TestModels.random(Networks.create(name), SEED + 3);
            Path file = folder.resolve(name + "-own.onnx");
            ModelExchange.export(uniformMean(checkpoint), Format.ONNX, file);
            Path foreign = folder.resolve(name + "-foreign.onnx");
            Files.write(foreign, parse(file).toBuilder().clearMetadataProps().build().toByteArray());
            byte[] pixels = TestModels.image(checkpoint.stored(), SEED + 4);
            Checkpoint read = ModelExchange.read(foreign, ImportOptions.USUAL).checkpoint();
            assertEquals("class 0", read.classNames().getFirst());
            assertClose(judge(foreign, TestModels.centre(checkpoint.stored(), checkpoint.network().input(), pixels))[0],
                    TestModels.probabilities(read, pixels));
        }));
    }

    /** Its outputs are not scaled for dropout, here and wherever it goes. */
    @Test
    void aNetworkTrainedWithoutDropoutStaysOne() throws Exception {
        Checkpoint bare = TestModels.random(Networks.create("alexnet-small"), SEED + 5);
        Checkpoint checkpoint = new Checkpoint(bare.network(), bare.classNames(), bare.stored(), bare.tensors(),
                TrainingState.initial(TrainingOptions.DEFAULTS.toBuilder().dropout(false).build(), "synthetic", 100, Arithmetic.DEFAULT,
                        null));
        Path file = folder.resolve("undropped.onnx");
        ModelExchange.export(checkpoint, Format.ONNX, file);
        byte[] pixels = TestModels.image(checkpoint.stored(), SEED + 6);
        float[] expected = TestModels.probabilities(checkpoint, pixels);
        assertClose(judge(file, TestModels.centre(checkpoint.stored(), checkpoint.network().input(), pixels))[0], expected);
        assertClose(expected, TestModels.probabilities(ModelExchange.read(file, ImportOptions.USUAL).checkpoint(), pixels));
    }

    /** A model of PyTorch keeps its weights in a file beside it; view() computes its sizes from those of the batch. */
    @Test
    void readsWhatPyTorchWrites() throws Exception {
        Checkpoint checkpoint = TestModels.random(Networks.create("cifar-11pct"), SEED + 9);
        Path whole = folder.resolve("whole.onnx");
        ModelExchange.export(uniformMean(checkpoint), Format.ONNX, whole);
        Onnx.GraphProto.Builder graph = parse(whole).getGraph().toBuilder();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (Onnx.TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
            if (tensor.getDimsCount() > 1) {
                byte[] bytes = tensor.getRawData().toByteArray();
                tensor.clearRawData().setDataLocation(Onnx.TensorProto.DataLocation.EXTERNAL)
                        .addExternalData(entry("location", "weights.data"))
                        .addExternalData(entry("offset", Integer.toString(data.size())))
                        .addExternalData(entry("length", Integer.toString(bytes.length)));
                data.writeBytes(bytes);
            }
        }
        int flatten = indexOf(parse(whole), "Flatten");
        String input = graph.getNode(flatten).getInput(0);
        graph.getNodeBuilder(flatten).setOpType("Reshape").clearAttribute().addInput("computed");
        graph.addNode(Onnx.NodeProto.newBuilder().setOpType("Shape").addInput(input).addOutput("computed"));
        Files.write(folder.resolve("weights.data"), data.toByteArray());
        Path file = folder.resolve("torch.onnx");
        Files.write(file, Onnx.ModelProto.newBuilder().setGraph(graph).build().toByteArray());
        byte[] pixels = TestModels.image(checkpoint.stored(), SEED + 10);
        assertClose(judge(whole, TestModels.centre(checkpoint.stored(), checkpoint.network().input(), pixels))[0],
                TestModels.probabilities(ModelExchange.read(file, ImportOptions.USUAL).checkpoint(), pixels));
        Files.delete(folder.resolve("weights.data"));
        assertTrue(assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL)).getMessage()
                .contains("side by side"));
    }

    private static Onnx.StringStringEntryProto entry(String key, String value) {
        return Onnx.StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    /** A mean for each channel, which every program knows. */
    static Checkpoint uniformMean(Checkpoint checkpoint) {
        Map<String, float[]> tensors = new HashMap<>(checkpoint.tensors());
        float[] mean = new float[Math.toIntExact(checkpoint.stored().elements())];
        Arrays.fill(mean, 117.5f);
        tensors.put(Checkpoint.MEAN, mean);
        return new Checkpoint(checkpoint.network(), checkpoint.classNames(), checkpoint.stored(), tensors, null);
    }

    @Test
    void saysWhatItCannotRead() throws Exception {
        Path good = folder.resolve("good.onnx");
        ModelExchange.export(uniformMean(TestModels.random(Networks.create("alexnet-small"), 1)), Format.ONNX, good);
        Onnx.ModelProto model = parse(good).toBuilder().clearMetadataProps().build();
        byte[] bytes = Files.readAllBytes(good);
        refused("truncated", Arrays.copyOf(bytes, bytes.length - 1000), "is damaged");
        refused("text", "This is not a model.".getBytes(StandardCharsets.UTF_8), "no ONNX model");
        refused("empty", new byte[0], "no ONNX model");
        int relu = indexOf(model, "Relu");
        refused("operator", edit(model, relu, node(model, relu).setOpType("Selu")), "Selu", "Duet has no such layer");
        int conv = indexOf(model, "Conv");
        refused("no weights", edit(model, conv, node(model, conv).setInput(1, "elsewhere")), "is no constant of the file");
        Onnx.NodeProto.Builder dilated = node(model, conv)
                .addAttribute(Onnx.AttributeProto.newBuilder().setName("dilations").addInts(2).addInts(2));
        refused("dilated", edit(model, conv, dilated), "dilations are not supported");
        Onnx.GraphProto.Builder huge = model.getGraph().toBuilder();
        huge.getInitializerBuilder(initializer(model, "conv2.weight")).setDims(0, 1L << 40);
        refused("huge tensor", model.toBuilder().setGraph(huge).build().toByteArray(), "conv2.weight is damaged");
        Onnx.GraphProto.Builder cut = model.getGraph().toBuilder();
        cut.getInitializerBuilder(initializer(model, "conv2.weight")).setRawData(ByteString.copyFrom(new byte[8]));
        refused("short tensor", model.toBuilder().setGraph(cut).build().toByteArray(), "conv2.weight is damaged");
        refused("short tensor of Duet", parse(good).toBuilder().setGraph(cut).build().toByteArray(), "conv2.weight is damaged");
        assertTrue(assertThrows(ModelFileException.class, () -> ModelExchange.read(folder.resolve("model.pth"), ImportOptions.USUAL))
                .getMessage()
                .contains("safetensors.torch.save_file"));
        ImportOptions fewNames = new ImportOptions(null, null, null, null, List.of("one"), 0, null);
        assertTrue(assertThrows(ModelFileException.class, () -> ModelExchange.read(good, fewNames)).getMessage().contains("10 classes"));
    }

    private void refused(String name, byte[] content, String... words) throws IOException {
        Path file = folder.resolve(name + ".onnx");
        Files.write(file, content);
        String message = assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL), name).getMessage();
        assertTrue(message.startsWith(file.toString()), message);
        for (String word : words) {
            assertTrue(message.contains(word), message);
        }
    }

    private static int indexOf(Onnx.ModelProto model, String type) {
        List<Onnx.NodeProto> nodes = model.getGraph().getNodeList();
        return IntStream.range(0, nodes.size()).filter(i -> nodes.get(i).getOpType().equals(type)).findFirst().orElseThrow();
    }

    private static int initializer(Onnx.ModelProto model, String name) {
        List<Onnx.TensorProto> tensors = model.getGraph().getInitializerList();
        return IntStream.range(0, tensors.size()).filter(i -> tensors.get(i).getName().equals(name)).findFirst().orElseThrow();
    }

    private static Onnx.NodeProto.Builder node(Onnx.ModelProto model, int index) {
        return model.getGraph().getNode(index).toBuilder();
    }

    private static byte[] edit(Onnx.ModelProto model, int index, Onnx.NodeProto.Builder node) {
        return model.toBuilder().setGraph(model.getGraph().toBuilder().setNode(index, node)).build().toByteArray();
    }
}
