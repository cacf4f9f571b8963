package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import duet.model.ModelFileException;
import duet.model.proto.Caffe;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Shape;
import duet.train.DirectForward;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A caffemodel with branches, copies, sums and an auxiliary classifier. */
class CaffeInceptionTest {
    private static final float[] BLUE_FIRST_MEAN = {104, 117, 123};
    /** Each layer with its inputs; ReLU and dropout work in place in the file. */
    private static final List<String> NODES = List.of(
            "conv1-7x7_s2 < input", "conv1-relu_7x7 < conv1-7x7_s2", "pool1-3x3_s2 < conv1-relu_7x7", "pool1-norm1 < pool1-3x3_s2",
            "inception_3a-1x1 < pool1-norm1", "inception_3a-relu_1x1 < inception_3a-1x1",
            "inception_3a-3x3_reduce < pool1-norm1", "inception_3a-relu_3x3_reduce < inception_3a-3x3_reduce",
            "inception_3a-3x3 < inception_3a-relu_3x3_reduce", "inception_3a-relu_3x3 < inception_3a-3x3",
            "inception_3a-5x5_reduce < pool1-norm1", "inception_3a-relu_5x5_reduce < inception_3a-5x5_reduce",
            "inception_3a-5x5 < inception_3a-relu_5x5_reduce", "inception_3a-relu_5x5 < inception_3a-5x5",
            "inception_3a-pool < pool1-norm1", "inception_3a-pool_proj < inception_3a-pool",
            "inception_3a-relu_pool_proj < inception_3a-pool_proj",
            "inception_3a-output < inception_3a-relu_1x1, inception_3a-relu_3x3, inception_3a-relu_5x5, inception_3a-relu_pool_proj",
            "loss1-ave_pool < inception_3a-output", "loss1-conv < loss1-ave_pool", "loss1-relu_conv < loss1-conv",
            "loss1-fc < loss1-relu_conv", "loss1-relu_fc < loss1-fc", "loss1-drop_fc < loss1-relu_fc", "loss1-classifier < loss1-drop_fc",
            "loss1-loss < loss1-classifier", "sum-3x3 < inception_3a-output", "sum-output < sum-3x3, inception_3a-output",
            "sum-relu < sum-output", "pool5-12x12_s1 < sum-relu", "pool5-drop < pool5-12x12_s1", "loss3-classifier < pool5-drop",
            "loss3-loss < loss3-classifier");

    @TempDir
    private Path folder;

    private Path write(Caffe.NetParameter net) throws IOException {
        return Files.write(folder.resolve("net.caffemodel"), net.toByteArray());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void givesWhatCaffeWouldGive(boolean old) throws IOException {
        Caffe.NetParameter net = CaffeInception.trained();
        Imported imported = ModelExchange.read(write(old ? CaffeInception.old() : net), ImportOptions.USUAL);
        Checkpoint checkpoint = imported.checkpoint();
        Network network = checkpoint.network();
        assertEquals("googlenet", network.name());
        assertEquals(NODES, network.nodes().stream().map(CaffeInceptionTest::line).toList());
        assertEquals(new Layer.SoftmaxCrossEntropy("loss1-loss", 0.3), network.layer("loss1-loss"));
        assertEquals(new Layer.SoftmaxCrossEntropy("loss3-loss", 1), network.nodes().getLast().layer());
        Map<String, float[]> parameters = new HashMap<>();
        net.getLayerList().stream().filter(layer -> layer.getBlobsCount() > 0).forEach(layer -> {
            parameters.put(layer.getName().replace('/', '-') + ".weight", values(layer.getBlobs(0)));
            parameters.put(layer.getName().replace('/', '-') + ".bias", values(layer.getBlobs(1)));
        });
        byte[] pixels = TestModels.image(checkpoint.stored(), 5);
        double[] expected = DirectForward.run(network, parameters, blueFirst(checkpoint.stored(), network.input(), pixels));
        float[] found = TestModels.probabilities(checkpoint, pixels);
        for (int label = 0; label < CaffeInception.CLASSES; label++) {
            assertEquals(expected[label], found[label], 1e-4);
        }
        double largest = Arrays.stream(expected).max().orElseThrow();
        assertTrue(largest > 1.1 / CaffeInception.CLASSES && largest < 0.999, Arrays.toString(expected));
    }

    private static String line(Node node) {
        return node.name() + " < " + String.join(", ", node.inputs());
    }

    private static float[] values(Caffe.BlobProto blob) {
        float[] values = new float[blob.getDataCount()];
        for (int i = 0; i < values.length; i++) {
            values[i] = blob.getData(i);
        }
        return values;
    }

    private static double[] blueFirst(Shape stored, Shape input, byte[] pixels) {
        float[] red = TestModels.centre(stored, input, pixels);
        int area = input.height() * input.width();
        double[] values = new double[red.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = red[(2 - i / area) * area + i % area] - BLUE_FIRST_MEAN[i / area];
        }
        return values;
    }

    /** Only the last loss counts 1 in Duet; the others stay as they are beside it. */
    @Test
    void weightsOfLosses() throws IOException {
        Imported doubled = ModelExchange.read(write(with("loss3/loss", layer -> layer.setLossWeight(0, 2))), ImportOptions.USUAL);
        assertEquals(new Layer.SoftmaxCrossEntropy("loss1-loss", 0.15), doubled.checkpoint().network().layer("loss1-loss"));
        assertTrue(doubled.notes().stream().anyMatch(note -> note.startsWith("loss3-loss counts 2.0 in the file")),
                doubled.notes()::toString);
        Imported none = ModelExchange.read(write(with("loss1/loss", layer -> layer.setLossWeight(0, 0))), ImportOptions.USUAL);
        assertTrue(none.checkpoint().network().nodes().stream().noneMatch(node -> node.name().startsWith("loss1")));
        assertTrue(none.checkpoint().tensors().keySet().stream().noneMatch(name -> name.startsWith("loss1")));
        assertTrue(none.notes().stream().anyMatch(note -> note.startsWith("left out, since no loss depends on it: loss1-ave_pool")),
                none.notes()::toString);
    }

    @Test
    void saysWhatItCannotRead() throws IOException {
        refused("inception_3a/output", layer -> layer.setConcatParam(Caffe.ConcatParameter.newBuilder().setAxis(2)),
                "(Concat): it joins along axis 2");
        refused("inception_3a/output", layer -> layer.setBottom(2, "inception_3a/7x7"),
                "(Concat): its input inception_3a/7x7 is made by no layer");
        refused("inception_3a/5x5", layer -> layer.getConvolutionParamBuilder().setPad(0, 1),
                "inception_3a-output: joins the channels of inception_3a-relu_1x1 and inception_3a-relu_5x5, but those are");
        refused("sum/output", layer -> layer.setEltwiseParam(
                Caffe.EltwiseParameter.newBuilder().setOperation(Caffe.EltwiseParameter.EltwiseOp.MAX)), "(Eltwise): only sums");
        refused("sum/output", layer -> layer.setEltwiseParam(Caffe.EltwiseParameter.newBuilder().addCoeff(1).addCoeff(-1)),
                "(Eltwise): only sums without coefficients");
    }

    private static Caffe.NetParameter with(String name, Consumer<Caffe.LayerParameter.Builder> change) {
        Caffe.NetParameter.Builder net = CaffeInception.trained().toBuilder();
        change.accept(net.getLayerBuilderList().stream().filter(layer -> layer.getName().equals(name)).findFirst().orElseThrow());
        return net.build();
    }

    private void refused(String name, Consumer<Caffe.LayerParameter.Builder> change, String words) throws IOException {
        Path file = write(with(name, change));
        String message = assertThrows(ModelFileException.class, () -> ModelExchange.read(file, ImportOptions.USUAL)).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(words), message);
    }
}
