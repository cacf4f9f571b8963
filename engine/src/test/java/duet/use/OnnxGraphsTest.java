package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

import duet.model.ModelFileException;
import duet.model.proto.Onnx;
import duet.net.Layer;
import duet.net.Network;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.Format;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** ONNX of networks that are no chains, with onnxruntime as the judge. */
class OnnxGraphsTest {
    private static final long SEED = Long.getLong("duet.seed", 2012);

    @TempDir
    private Path folder;

    /** Written, read again, and read as any other program's. */
    @TestFactory
    Stream<DynamicTest> onnxruntimeAgrees() {
        return Stream.of(TestGraphs.inception(), TestGraphs.residual(), TestGraphs.flat())
                .map(network -> DynamicTest.dynamicTest(network.name(), () -> agrees(network)));
    }

    private void agrees(Network network) throws Exception {
        Checkpoint checkpoint = OnnxTest.uniformMean(TestModels.random(network, SEED));
        Path file = folder.resolve(network.name() + ".onnx");
        ModelExchange.export(checkpoint, Format.ONNX, file);
        byte[] pixels = TestModels.image(checkpoint.stored(), SEED + 1);
        float[] expected = OnnxTest.judge(file, TestModels.centre(checkpoint.stored(), network.input(), pixels))[0];
        float[] found = TestModels.probabilities(checkpoint, pixels);
        OnnxTest.assertClose(expected, found);
        Checkpoint again = ModelExchange.read(file, ImportOptions.USUAL).checkpoint();
        assertEquals(network.withoutAuxiliary(), again.network());
        assertArrayEquals(found, TestModels.probabilities(again, pixels));
        Path foreign = folder.resolve(network.name() + "-foreign.onnx");
        Files.write(foreign, OnnxTest.parse(file).toBuilder().clearMetadataProps().build().toByteArray());
        Checkpoint read = ModelExchange.read(foreign, ImportOptions.USUAL).checkpoint();
        assertEquals(kinds(network.withoutAuxiliary()), kinds(read.network()));
        OnnxTest.assertClose(expected, TestModels.probabilities(read, pixels));
    }

    private static List<Class<?>> kinds(Network network) {
        return network.layers().stream().filter(layer -> !(layer instanceof Layer.Dropout)).<Class<?>>map(Object::getClass).toList();
    }

    /** What an exporter left of auxiliary classifiers, and nodes out of order. */
    @Test
    void whatTheFirstOutputDoesNotNeed() throws Exception {
        Network network = TestGraphs.residual();
        Checkpoint checkpoint = OnnxTest.uniformMean(TestModels.random(network, SEED + 2));
        Path file = folder.resolve("whole.onnx");
        ModelExchange.export(checkpoint, Format.ONNX, file);
        Onnx.ModelProto model = OnnxTest.parse(file);
        Onnx.GraphProto.Builder graph = model.getGraph().toBuilder();
        String first = graph.getNodeList().stream().filter(node -> node.getOpType().equals("Relu")).findFirst().orElseThrow().getOutput(0);
        graph.addNode(Onnx.NodeProto.newBuilder().setOpType("Flatten").addInput(first).addOutput("aux.flat"));
        graph.addNode(Onnx.NodeProto.newBuilder().setName("aux").setOpType("Gemm").addInput("aux.flat").addInput("aux.weight")
                .addOutput("aux"));
        graph.addOutput(Onnx.ValueInfoProto.newBuilder().setName("aux"));
        List<Onnx.NodeProto> reversed = graph.getNodeList().reversed();
        graph.clearNode().addAllNode(reversed);
        Path foreign = folder.resolve("aux.onnx");
        Files.write(foreign, Onnx.ModelProto.newBuilder().setGraph(graph).build().toByteArray());
        Imported imported = ModelExchange.read(foreign, ImportOptions.USUAL);
        assertTrue(imported.notes().contains("taken is the output probabilities; left out: aux"), imported.notes()::toString);
        assertTrue(imported.notes().contains("left out, since probabilities does not depend on it: aux"), imported.notes()::toString);
        byte[] pixels = TestModels.image(checkpoint.stored(), SEED + 3);
        OnnxTest.assertClose(TestModels.probabilities(checkpoint, pixels), TestModels.probabilities(imported.checkpoint(), pixels));
    }

    @Test
    void saysWhatItCannotRead() throws Exception {
        Path good = folder.resolve("good.onnx");
        ModelExchange.export(OnnxTest.uniformMean(TestModels.random(TestGraphs.inception(), 1)), Format.ONNX, good);
        Onnx.GraphProto graph = OnnxTest.parse(good).getGraph().toBuilder().addInitializer(Onnx.TensorProto.newBuilder()
                .setName("norm.of-6").setDataType(1).addDims(6).addAllFloatData(Collections.nCopies(6, 1f))).build();
        refused("axis", change(graph, "join-a", node -> node.clearAttribute().addAttribute(integer("axis", 2))),
                "the node join-a (Concat)", "along axis 2");
        refused("product", change(graph, "join-a", node -> node.setOpType("Mul")), "join-a (Mul)", "only the sum");
        refused("sizes", change(graph, "join-a", node -> node.setOpType("Add").clearInput().addInput("relu-1x1").addInput("relu-3x3")),
                "join-a (Add)",
                "values of different sizes");
        refused("nowhere", change(graph, "join-a", node -> node.setInput(1, "elsewhere")), "join-a (Concat)", "waits for elsewhere");
        refused("circle", change(graph, "relu-1x1", node -> node.setInput(0, "join-a")), "waits for join-a");
        refused("padded average", change(graph, "pool-average", node -> node.addAttribute(integer("count_include_pad", 1))),
                "pool-average (AveragePool)", "divides by the pixels inside");
        refused("statistics", change(graph, "join-a", OnnxGraphsTest::batchNorm), "join-a (BatchNormalization)",
                "right behind a convolution");
        refused("shared", change(graph, "relu-1x1", node -> batchNorm(node.setInput(0, "conv1"))), "relu-1x1 (BatchNormalization)",
                "right behind a convolution");
        refused("no output", graph.toBuilder().clearOutput(), "the graph has no output");
        refused("other output", graph.toBuilder().setOutput(0, Onnx.ValueInfoProto.newBuilder().setName("elsewhere")),
                "between the input pixels and the output elsewhere");
        refused("after softmax", graph.toBuilder().setOutput(0, Onnx.ValueInfoProto.newBuilder().setName("more"))
                .addNode(Onnx.NodeProto.newBuilder().setOpType("Relu").addInput("probabilities").addOutput("more")),
                "more (Relu)", "a softmax ends the network");
    }

    private static Onnx.NodeProto.Builder batchNorm(Onnx.NodeProto.Builder node) {
        String input = node.getInput(0);
        return node.setOpType("BatchNormalization").clearAttribute().clearInput().addInput(input)
                .addAllInput(Collections.nCopies(4, "norm.of-6"));
    }

    private static Onnx.AttributeProto integer(String name, long value) {
        return Onnx.AttributeProto.newBuilder().setName(name).setI(value).build();
    }

    private static Onnx.GraphProto.Builder change(Onnx.GraphProto graph, String name, Consumer<Onnx.NodeProto.Builder> change) {
        Onnx.GraphProto.Builder changed = graph.toBuilder();
        Onnx.NodeProto.Builder node = changed.getNodeBuilderList().stream().filter(each -> each.getName().equals(name)).findFirst()
                .orElseThrow();
        change.accept(node);
        return changed;
    }

    private void refused(String name, Onnx.GraphProto.Builder graph, String... words) throws Exception {
        Path file = folder.resolve(name + ".onnx");
        Files.write(file, Onnx.ModelProto.newBuilder().setGraph(graph).build().toByteArray());
        String message = assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL), name).getMessage();
        assertTrue(message.startsWith(file.toString()), message);
        for (String word : words) {
            assertTrue(message.contains(word), message);
        }
    }
}
