package duet.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.device.Operation.Activation;
import duet.model.Networks;
import duet.net.Initialization.Distribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkJsonTest {
    private static final String GOOD = """
            {"name": "tiny", "input": {"channels": 2, "height": 9, "width": 8, "scale": 0.5},
             "layers": [
               {"type": "convolution", "name": "c", "filters": 4, "kernel": 3},
               {"type": "relu", "name": "r"},
               {"type": "local-response-norm", "name": "n"},
               {"type": "max-pool", "name": "p", "window": 3, "stride": 2},
               {"type": "dropout", "name": "d", "rate": 0.5},
               {"type": "fully-connected", "name": "f", "outputs": 3, "weights": {"distribution": "he"}, "initialBias": 0.25},
               {"type": "softmax-cross-entropy", "name": "loss"}]}
            """;

    /** Every layer type, every field away from its default. */
    static Network everything() {
        Initialization xavier = new Initialization(Distribution.XAVIER, 0, 0.1);
        return Network.chain("every-thing", new Shape(4, 31, 29), 1.0 / 3, List.of(
                new Layer.Convolution("c", 6, 3, 2, 1, 2, Rounding.CEIL, false, new Initialization(Distribution.NORMAL, 0.02, -1), 0.1),
                new Layer.Nonlinearity("t", Activation.TANH),
                new Layer.LocalResponseNorm("n", 3, 2e-4, 0.5, 1.5, 3),
                new Layer.SpatialResponseNorm("w", 3, 3e-4, 0.25, 2.5),
                new Layer.Pooling("a", Layer.Pooling.Kind.AVERAGE, 3, 2, 1, Rounding.CEIL),
                new Layer.Nonlinearity("r", Activation.RELU),
                new Layer.Pooling("m", Layer.Pooling.Kind.MAX, 2, 1, 0, Rounding.FLOOR),
                new Layer.FullyConnected("f", 10, false, xavier),
                new Layer.Dropout("d", 0.3, true),
                new Layer.FullyConnected("s", 5, true, xavier),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    @Test
    void whatIsWrittenReadsTheSame() {
        for (Network network : List.of(Networks.create("alexnet", 3, 1000), Networks.create("alexnet-small", 1, 10), everything())) {
            assertEquals(network, NetworkJson.parse(NetworkJson.write(network), "written"));
        }
    }

    /** Branches, a sum, an auxiliary loss; inputs are written where they are not the layer before. */
    @Test
    void graphs() {
        Initialization he = new Initialization(Distribution.HE, 0, 0);
        Network graph = new Network("graph", new Shape(3, 8, 8), 1, List.of(
                new Node(new Layer.Convolution("a", 4, 3, 1, 1, 1, Rounding.FLOOR, true, he), List.of("input")),
                new Node(new Layer.Convolution("b", 4, 1, 1, 0, 1, Rounding.FLOOR, true, he), List.of("input")),
                new Node(new Layer.Addition("sum"), List.of("a", "b", "a")),
                new Node(new Layer.Concatenation("join"), List.of("sum", "b")),
                new Node(new Layer.FullyConnected("aux", 3, true, he), List.of("sum")),
                new Node(new Layer.SoftmaxCrossEntropy("aux-loss", 0.3), List.of("aux")),
                new Node(new Layer.FullyConnected("scores", 3, true, he), List.of("join")),
                new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
        String json = NetworkJson.write(graph);
        assertEquals(graph, NetworkJson.parse(json, "written"));
        assertEquals(5, json.lines().filter(line -> line.contains("\"inputs\"")).count(), json);
        assertTrue(json.contains("{ \"type\": \"addition\", \"name\": \"sum\", \"inputs\": [ \"a\", \"b\", \"a\" ] }"), json);
        assertTrue(json.contains("\"weight\": 0.3"), json);
        assertEquals(new Shape(8, 8, 8), graph.shape("join"));
        assertEquals(List.of(true, true, true, true, false, false, true, true), graph.main());
        assertEquals(List.of("a", "b", "sum", "join", "scores", "loss"),
                graph.withoutAuxiliary().layers().stream().map(Layer::name).toList());
        assertEquals("net.json: sum: \"inputs\" must be a list in [ and ], not \"a\"", assertThrows(NetworkException.class,
                () -> NetworkJson.parse(json.replace("[ \"a\", \"b\", \"a\" ]", "\"a\""), "net.json")).getMessage());
    }

    @Test
    void everyLayerIsOneLine() {
        String json = NetworkJson.write(everything());
        assertEquals(3 + 1 + everything().layers().size() + 2, json.lines().count(), json);
        assertTrue(json.contains("{ \"type\": \"dropout\", \"name\": \"d\", \"rate\": 0.3, \"inverted\": true }"), json);
    }

    @Test
    void defaults() {
        Network network = NetworkJson.parse(GOOD, "good");
        assertEquals(new Layer.Convolution("c", 4, 3, 1, 0, 1, Rounding.FLOOR, true, Initialization.PAPER), network.layers().get(0));
        assertEquals(new Layer.LocalResponseNorm("n", 5, 1e-4, 0.75, 2, 1), network.layers().get(2));
        assertEquals(new Layer.Pooling("p", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.FLOOR), network.layers().get(3));
        assertEquals(new Layer.Dropout("d", 0.5, false), network.layers().get(4));
        assertEquals(new Layer.FullyConnected("f", 3, true, new Initialization(Distribution.HE, 0, 0.25)), network.layers().get(5));
        assertEquals(1, NetworkJson.parse(GOOD.replace(", \"scale\": 0.5", ""), "good").inputScale());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "\"kernel\": 3 | \"kernal\": 3 | bad.json: c: unknown field \"kernal\"; did you mean \"kernel\"?",
            ", \"kernel\": 3 | `` | bad.json: c: the field \"kernel\" is missing",
            "\"kernel\": 3 | \"kernel\": \"3\" | bad.json: c: \"kernel\" must be a whole number up to 2147483647, not \"3\"",
            "\"kernel\": 3 | \"kernel\": 3.5 | must be a whole number up to 2147483647, not 3.5",
            "\"kernel\": 3 | \"kernel\": 30000000000 | must be a whole number up to 2147483647, not 30000000000",
            "\"kernel\": 3 | \"kernel\": null | must be a whole number up to 2147483647, not null",
            "\"kernel\": 3 | \"kernel\": 3, \"kernel\": 5 | Duplicate",
            "\"kernel\": 3 | \"kernel\": 3, \"bias\": 1 | bad.json: c: \"bias\" must be true or false, not 1",
            "\"kernel\": 3 | \"kernel\": 3, \"rounding\": \"ceiling\" | \"rounding\" cannot be \"ceiling\"; it can be floor, ceil",
            "\"kernel\": 3 | \"kernel\": 12 | bad.json: c: a kernel of 12 does not fit into 9x8 (padding 0)",
            "\"type\": \"relu\" | \"type\": \"rely\" | bad.json: r: unknown layer type \"rely\"; did you mean \"relu\"?",
            "\"type\": \"relu\" | \"type\": 7 | bad.json: r: unknown layer type 7; it can be convolution, relu, tanh",
            "\"type\": \"relu\", | `` | bad.json: r: a layer is a JSON object with a field \"type\"",
            "\"type\": \"relu\", \"name\": \"r\" | \"type\": \"relu\" | bad.json: layer 2: the field \"name\" is missing",
            "{\"type\": \"relu\", \"name\": \"r\"} | 17 | bad.json: layer 2: a layer is a JSON object",
            "\"rate\": 0.5 | \"rate\": \"half\" | bad.json: d: \"rate\" must be a number, not \"half\"",
            "\"rate\": 0.5 | \"rate\": NaN | not valid JSON at line 7",
            "\"rate\": 0.5 | \"rate\": 1 | bad.json: d: the dropout rate must be at least 0 and below 1, not 1.0",
            "{\"distribution\": \"he\"} | {\"distribution\": \"hee\"} | bad.json: f: \"weights\": \"distribution\" cannot be \"hee\"; did "
                    + "you mean \"he\"?",
            "{\"distribution\": \"he\"} | {\"distribution\": \"normal\"} | bad.json: f: \"weights\": the field \"deviation\" is missing",
            "{\"distribution\": \"he\"} | \"he\" | bad.json: f: \"weights\": must be a JSON object",
            "\"distribution\": \"he\" | \"distribution\": \"he\", \"deviation\": 0.1 | f: the distribution he computes the deviation "
                    + "itself",
            "\"width\": 8 | \"widht\": 8 | bad.json: \"input\": unknown field \"widht\"; did you mean \"width\"?",
            "\"scale\": 0.5 | \"scale\": 1e999 | bad.json: \"input\": \"scale\" must be a finite number",
            "\"name\": \"tiny\", | `` | bad.json: the field \"name\" is missing",
            "\"layers\" | \"layer\" | bad.json: unknown field \"layer\"; did you mean \"layers\"?",
    })
    void faults(String what, String by, String message) {
        assertTrue(GOOD.contains(what), what);
        NetworkException e = assertThrows(NetworkException.class, () -> NetworkJson.parse(GOOD.replace(what, by), "bad.json"));
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertFalse(e.getMessage().contains("\n"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   ", "[]", "7", "{", "{\"name\": \"x\"} {}", "null", "{\"name\": \"x\", \"input\": [], \"layers\": []}"})
    void noNetworks(String text) {
        NetworkException e = assertThrows(NetworkException.class, () -> NetworkJson.parse(text, "bad.json"));
        assertTrue(e.getMessage().startsWith("bad.json"), e.getMessage());
    }

    @Test
    void trailingText() {
        for (String tail : List.of("{}", "x", ",")) {
            assertThrows(NetworkException.class, () -> NetworkJson.parse(GOOD + tail, "bad.json"), tail);
        }
    }

    @Test
    void files(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("net.json");
        Files.writeString(file, GOOD);
        assertEquals(NetworkJson.parse(GOOD, "good"), NetworkJson.read(file));
        Path none = folder.resolve("none.json");
        assertEquals("there is no network file " + none, assertThrows(NetworkException.class, () -> NetworkJson.read(none)).getMessage());
        Files.write(file, "\u00e9".getBytes(StandardCharsets.ISO_8859_1));
        assertTrue(assertThrows(NetworkException.class, () -> NetworkJson.read(file)).getMessage().contains("not UTF-8"));
        assertTrue(assertThrows(NetworkException.class, () -> NetworkJson.read(folder)).getMessage().contains("cannot be read"));
    }
}
