package duet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Node;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworksTest {
    private static Map<String, String> shapes(Network network) {
        return IntStream.range(0, network.layers().size()).boxed()
                .collect(Collectors.toMap(i -> network.layers().get(i).name(), i -> network.shapes().get(i).toString()));
    }

    /** The paper, figure 2. */
    @Test
    void alexnet() {
        Network network = Networks.create("alexnet", 3, 1000);
        assertEquals(
                List.of("conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3", "relu3", "conv4", "relu4", "conv5",
                        "relu5", "pool5", "fc6", "relu6", "dropout6", "fc7", "relu7", "dropout7", "fc8", "loss"),
                network.layers().stream().map(Layer::name).toList());
        Map<String, String> shapes = shapes(network);
        assertEquals("96x55x55", shapes.get("conv1"));
        assertEquals("96x27x27", shapes.get("pool1"));
        assertEquals("256x27x27", shapes.get("conv2"));
        assertEquals("256x13x13", shapes.get("pool2"));
        assertEquals("384x13x13", shapes.get("conv3"));
        assertEquals("384x13x13", shapes.get("conv4"));
        assertEquals("256x13x13", shapes.get("conv5"));
        assertEquals("256x6x6", shapes.get("pool5"));
        assertEquals("4096x1x1", shapes.get("fc6"));
        assertEquals("1000x1x1", shapes.get("fc8"));
        assertEquals(1, network.inputScale());
    }

    /**
     * Layers with weights and pools of every network, and its parameters: torchvision prints 61,100,840 for owt, 62,357,608 is the sum
     * of the published layers of ZFNet, 60,965,224 that of the two-column ones; the cuda-convnet networks by hand.
     */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "alexnet       | 60965224 | conv1 96x55x55, pool1 96x27x27, conv2 256x27x27, pool2 256x13x13, conv3 384x13x13, conv4 "
                    + "384x13x13, conv5 256x13x13, pool5 256x6x6, fc6 4096x1x1, fc7 4096x1x1, fc8 1000x1x1",
            "alexnet-2012  | 60965224 | conv1 96x55x55, pool1 96x27x27, conv2 256x27x27, pool2 256x13x13, conv3 384x13x13, conv4 "
                    + "384x13x13, conv5 256x13x13, pool5 256x6x6, fc6 4096x1x1, fc7 4096x1x1, fc8 1000x1x1",
            "alexnet-caffe | 60965224 | conv1 96x55x55, pool1 96x27x27, conv2 256x27x27, pool2 256x13x13, conv3 384x13x13, conv4 "
                    + "384x13x13, conv5 256x13x13, pool5 256x6x6, fc6 4096x1x1, fc7 4096x1x1, fc8 1000x1x1",
            "alexnet-owt   | 61100840 | conv1 64x55x55, pool1 64x27x27, conv2 192x27x27, pool2 192x13x13, conv3 384x13x13, conv4 "
                    + "256x13x13, conv5 256x13x13, pool5 256x6x6, fc6 4096x1x1, fc7 4096x1x1, fc8 1000x1x1",
            "zfnet         | 62357608 | conv1 96x110x110, pool1 96x55x55, conv2 256x26x26, pool2 256x13x13, conv3 384x13x13, conv4 "
                    + "384x13x13, conv5 256x13x13, pool5 256x6x6, fc6 4096x1x1, fc7 4096x1x1, fc8 1000x1x1",
            "alexnet-small | 1106186  | conv1 32x28x28, pool1 32x13x13, conv2 64x13x13, pool2 64x6x6, conv3 128x6x6, conv4 128x6x6, "
                    + "conv5 128x6x6, pool5 128x3x3, fc6 512x1x1, fc7 512x1x1, fc8 10x1x1",
            "cifar-18pct   | 89578    | conv1 32x32x32, pool1 32x16x16, conv2 32x16x16, pool2 32x8x8, conv3 64x8x8, pool3 64x4x4, fc4 "
                    + "10x1x1",
            "cifar-11pct   | 174250   | conv1 64x24x24, pool1 64x12x12, conv2 64x12x12, pool2 64x6x6, conv3 64x6x6, conv4 32x6x6, fc5 "
                    + "10x1x1",
            "figure-1      | 89578    | conv1 32x32x32, pool1 32x16x16, conv2 32x16x16, pool2 32x8x8, conv3 64x8x8, pool3 64x4x4, fc4 "
                    + "10x1x1",
    })
    void shapesAndParameters(String name, long parameters, String expected) {
        Network network = Networks.create(name);
        StringJoiner shapes = new StringJoiner(", ");
        long count = 0;
        for (int i = 0; i < network.layers().size(); i++) {
            Shape input = network.inputShapes(i).getFirst();
            Shape output = network.shapes().get(i);
            switch (network.layers().get(i)) {
                case Layer.Convolution l -> {
                    count += (long) l.filters() * (input.channels() / l.groups() * l.kernel() * l.kernel() + 1);
                    shapes.add(l.name() + " " + output);
                }
                case Layer.FullyConnected l -> {
                    count += l.outputs() * (input.elements() + 1);
                    shapes.add(l.name() + " " + output);
                }
                case Layer.Pooling l -> shapes.add(l.name() + " " + output);
                default -> {}
            }
        }
        assertEquals(expected, shapes.toString());
        assertEquals(parameters, count);
    }

    /** layers-145.cfg: the order of its layers, column by column. */
    @Test
    void originalOf2012() {
        Network network = Networks.create("alexnet-2012");
        assertEquals(
                List.of("conv1", "norm1", "pool1", "relu1", "conv2", "relu2", "norm2", "spatial2", "pool2", "conv3", "relu3", "conv4",
                        "relu4",
                        "conv5", "pool5", "relu5", "fc6", "relu6", "dropout6", "fc7", "relu7", "dropout7", "fc8", "loss"),
                network.layers().stream().map(Layer::name).toList());
        assertEquals("3x224x224", network.input().toString());
        assertEquals(new Layer.LocalResponseNorm("norm1", 5, 1e-4 / 5, 0.75, 2, 2), network.layers().get(1));
        assertEquals(new Layer.SpatialResponseNorm("spatial2", 5, 0.001 / 25, 0.75, 1), network.layers().get(7));
        for (Layer layer : network.layers()) {
            if (layer instanceof Layer.Convolution l) {
                assertEquals("conv1 conv2".contains(l.name()) ? 0.01 : 0.03, l.initialization().deviation(), l.name());
                assertEquals("conv1 conv3".contains(l.name()) ? 0 : 1, l.initialization().bias(), l.name());
            }
        }
    }

    /** Szegedy et al. 2014, table 1: the output of every row. */
    @ParameterizedTest
    @CsvSource({
            "conv1, 64x112x112", "pool1, 64x56x56", "conv2-reduce, 64x56x56", "conv2, 192x56x56", "pool2, 192x28x28",
            "inception-3a, 256x28x28", "inception-3b, 480x28x28", "pool3, 480x14x14", "inception-4a, 512x14x14",
            "inception-4b, 512x14x14", "inception-4c, 512x14x14", "inception-4d, 528x14x14", "inception-4e, 832x14x14",
            "pool4, 832x7x7", "inception-5a, 832x7x7", "inception-5b, 1024x7x7", "pool5, 1024x1x1", "dropout, 1024x1x1",
            "scores, 1000x1x1", "loss, 1000x1x1",
    })
    void googlenetIsTableOne(String layer, String shape) {
        assertEquals(shape, Networks.create("googlenet").shape(layer).toString());
    }

    /** The columns of table 1 that count filters, and 57 convolutions and the scores: the layers of the main path with weights. */
    @Test
    void inceptionModules() {
        Network network = Networks.create("googlenet");
        assertEquals("192 96 208 16 48 64", filters(network, "inception-4a"));
        assertEquals("112 144 288 32 64 64", filters(network, "inception-4d"));
        assertEquals("384 192 384 48 128 128", filters(network, "inception-5b"));
        assertEquals(58, network.withoutAuxiliary().layers().stream().filter(Layer.Weighted.class::isInstance).count());
    }

    private static String filters(Network network, String module) {
        return Stream.of("1x1", "3x3-reduce", "3x3", "5x5-reduce", "5x5", "pool-proj")
                .map(branch -> String.valueOf(network.shape(module + "-" + branch).channels())).collect(Collectors.joining(" "));
    }

    /** bvlc_googlenet's, with and without what is there in training only. */
    @Test
    void parametersOfGooglenet() {
        Network network = Networks.create("googlenet");
        assertEquals(13378280, parameters(network));
        assertEquals(6998552, parameters(network.withoutAuxiliary()));
    }

    private static long parameters(Network network) {
        return network.parameters().stream().mapToLong(parameter -> parameter.sizes().stream().mapToLong(Integer::longValue)
                .reduce(1, Math::multiplyExact)).sum();
    }

    /** Section 5: behind 4a and 4d, each with 0.3 of its loss. */
    @Test
    void auxiliaryClassifiersOfGooglenet() {
        Network network = Networks.create("googlenet");
        assertEquals(List.of(new Layer.SoftmaxCrossEntropy("aux1-loss", 0.3), new Layer.SoftmaxCrossEntropy("aux2-loss", 0.3),
                new Layer.SoftmaxCrossEntropy("loss")), network.losses().stream().map(Node::layer).toList());
        Map<String, String> shapes = shapes(network);
        assertEquals("512x4x4 528x4x4", shapes.get("aux1-pool") + " " + shapes.get("aux2-pool"));
        assertEquals("128x4x4 1024x1x1", shapes.get("aux1-conv") + " " + shapes.get("aux1-fc"));
        assertEquals(List.of("inception-4a"), network.nodes().get(network.layers().indexOf(network.layer("aux1-pool"))).inputs());
        assertEquals(List.of("inception-4d"), network.nodes().get(network.layers().indexOf(network.layer("aux2-pool"))).inputs());
    }

    /** Four modules, one auxiliary classifier, the same stages on CIFAR-10's larger images. */
    @Test
    void smallGooglenet() {
        Network grey = Networks.create("googlenet-small");
        Network colour = Networks.create("googlenet-small", 3, 10);
        Map<String, String> shapes = shapes(grey);
        assertEquals("1x28x28 3x32x32", grey.input() + " " + colour.input());
        assertEquals("32x14x14", shapes.get("pool1"));
        assertEquals("64x14x14", shapes.get("inception-2a"));
        assertEquals("112x14x14", shapes.get("inception-2b"));
        assertEquals("192x7x7", shapes.get("inception-3a"));
        assertEquals("256x7x7", shapes.get("inception-3b"));
        assertEquals("256x2x2", shapes.get("pool3"));
        assertEquals("256x2x2", shapes(colour).get("pool3"));
        assertEquals(234822, parameters(grey.withoutAuxiliary()));
        assertEquals(305392, parameters(grey));
    }

    /** Grey images are taken to be those of Fashion-MNIST. */
    @Test
    void figureOneTakesFashionMnist() {
        assertEquals("1x28x28", Networks.create("figure-1", 1, 10).input().toString());
        assertEquals("64x3x3", shapes(Networks.create("figure-1", 1, 10)).get("pool3"));
    }

    /** The paper, section 5: deviation 0.01, biases 1 in layers 2, 4, 5 and the hidden fully connected ones. */
    @Test
    void initialValuesOfAlexnet() {
        Map<String, Double> biases = new HashMap<>();
        for (Layer layer : Networks.create("alexnet", 3, 1000).layers()) {
            Initialization init = switch (layer) {
                case Layer.Convolution l -> l.initialization();
                case Layer.FullyConnected l -> l.initialization();
                default -> null;
            };
            if (init != null) {
                assertEquals(new Initialization(Initialization.Distribution.NORMAL, 0.01, init.bias()), init, layer.name());
                biases.put(layer.name(), init.bias());
            }
        }
        assertEquals(Map.of("conv1", 0.0, "conv2", 1.0, "conv3", 0.0, "conv4", 1.0, "conv5", 1.0, "fc6", 1.0, "fc7", 1.0, "fc8", 0.0),
                biases);
    }

    /** Layer by layer equal kinds, names and groups. */
    @Test
    void smallHasTheSameAnatomy() {
        List<Layer> large = Networks.create("alexnet", 1, 10).layers();
        List<Layer> small = Networks.create("alexnet-small", 1, 10).layers();
        assertEquals(large.stream().map(Layer::name).toList(), small.stream().map(Layer::name).toList());
        for (int i = 0; i < large.size(); i++) {
            assertEquals(large.get(i).getClass(), small.get(i).getClass());
            if (large.get(i) instanceof Layer.Convolution one && small.get(i) instanceof Layer.Convolution other) {
                assertEquals(one.groups(), other.groups());
            }
        }
        Map<String, String> shapes = shapes(Networks.create("alexnet-small", 1, 10));
        assertEquals("32x13x13", shapes.get("pool1"));
        assertEquals("64x6x6", shapes.get("pool2"));
        assertEquals("128x3x3", shapes.get("pool5"));
    }

    @Test
    void everyNameHasANetworkAndADescription() {
        for (String name : Networks.names()) {
            assertEquals(name, Networks.create(name, 3, 7).name());
            assertEquals(7, Networks.create(name, 3, 7).classes());
            assertFalse(Networks.description(name).isBlank());
        }
        assertEquals(
                "there is no network called alexnet-cafe; did you mean \"alexnet-caffe\"? (it can be " + String.join(", ", Networks.names())
                        + ")",
                assertThrows(NetworkException.class, () -> Networks.create("alexnet-cafe", 1, 10)).getMessage());
        assertThrows(NetworkException.class, () -> Networks.description("lenet"));
    }
}
