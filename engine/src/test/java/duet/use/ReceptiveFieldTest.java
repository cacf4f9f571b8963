package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReceptiveFieldTest {
    /** By hand: each window of n pixels adds n - 1 times the strides below it. Normalisation within the maps has a window of 5. */
    @ParameterizedTest
    @CsvSource({"conv1, 11", "pool1, 19", "conv2, 51", "spatial2, 83", "pool2, 99", "conv3, 131", "fc6, 224", "loss, 224"})
    void ofTheNetworkOf2012(String layer, int size) {
        assertEquals(size, ReceptiveField.size(Networks.create("alexnet-2012"), layer));
    }

    /** The stride is 8 behind pool2 and 16 behind pool3; of an Inception module's branches the 5x5 one sees most. */
    @ParameterizedTest
    @CsvSource({"conv1, 7", "pool1, 11", "conv2, 19", "pool2, 27", "inception-3a-1x1, 27", "inception-3a-3x3, 43", "inception-3a-5x5, 59",
            "inception-3a-pool-proj, 43", "inception-3a, 59", "inception-3b-1x1, 59", "inception-3b, 91", "inception-4a, 171",
            "aux1-pool, 224", "scores, 224"})
    void ofGooglenet(String layer, int size) {
        assertEquals(size, ReceptiveField.size(Networks.create("googlenet"), layer));
    }

    /** One branch sees pixels before the unit's own, one those after it. */
    @Test
    void whereBranchesMeetAUnitSeesWhatAnyOfThemSees() {
        Network network = new Network("net", new Shape(1, 20, 20), 1, List.of(
                new Node(new Layer.Convolution("stem", 2, 3, 2, 1, 1, Rounding.FLOOR, true, Initialization.PAPER), List.of("input")),
                new Node(new Layer.Convolution("before", 2, 2, 1, 1, 1, Rounding.FLOOR, true, Initialization.PAPER), List.of("stem")),
                new Node(new Layer.Pooling("cut", Layer.Pooling.Kind.MAX, 2, 1, 0, Rounding.FLOOR), List.of("before")),
                new Node(new Layer.Addition("sum"), List.of("stem", "cut")),
                new Node(new Layer.Concatenation("both"), List.of("sum", "stem")),
                new Node(new Layer.FullyConnected("scores", 2, true, Initialization.PAPER), List.of("both")),
                new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
        assertEquals(new ReceptiveField(7, 9, 3, 3), ReceptiveField.of(network, "stem", 4, 5));
        assertEquals(new ReceptiveField(5, 7, 5, 5), ReceptiveField.of(network, "before", 4, 5));
        assertEquals(new ReceptiveField(5, 7, 7, 7), ReceptiveField.of(network, "sum", 4, 5), "one stem pixel before, one after");
        assertEquals(new ReceptiveField(5, 7, 7, 7), ReceptiveField.of(network, "both", 4, 5));
        assertEquals(7, ReceptiveField.size(network, "both"));
        assertEquals(new ReceptiveField(0, 0, 20, 20), ReceptiveField.of(network, "loss", 0, 0));
    }

    /** The units of one branch lie 8 pixels apart, those of the other 4: further down in the map they drift apart. */
    @Test
    void theSizeIsThatOfTheUnitThatSeesMost() {
        Network network = new Network("net", new Shape(1, 17, 17), 1, List.of(
                new Node(new Layer.Convolution("far", 1, 1, 8, 0, 1, Rounding.FLOOR, true, Initialization.PAPER), List.of("input")),
                new Node(new Layer.Pooling("near", Layer.Pooling.Kind.MAX, 6, 4, 0, Rounding.FLOOR), List.of("input")),
                new Node(new Layer.Concatenation("both"), List.of("far", "near")),
                new Node(new Layer.FullyConnected("scores", 2, true, Initialization.PAPER), List.of("both")),
                new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
        assertEquals(new ReceptiveField(0, 0, 6, 6), ReceptiveField.of(network, "both", 0, 0));
        assertEquals(new ReceptiveField(4, 8, 6, 9), ReceptiveField.of(network, "both", 1, 2));
        assertEquals(9, ReceptiveField.size(network, "both"));
    }

    @Test
    void normalisationWithinAMapSeesItsNeighbours() {
        Network network = Network.chain("net", new Shape(1, 20, 20), 1, List.of(
                new Layer.Convolution("conv1", 2, 3, 2, 1, 1, Rounding.FLOOR, true, Initialization.PAPER),
                new Layer.SpatialResponseNorm("spatial1", 3, 1e-3, 0.75, 1),
                new Layer.FullyConnected("scores", 2, true, Initialization.PAPER),
                new Layer.SoftmaxCrossEntropy("loss")));
        assertEquals(new ReceptiveField(7, 9, 3, 3), ReceptiveField.of(network, "conv1", 4, 5));
        assertEquals(new ReceptiveField(5, 7, 7, 7), ReceptiveField.of(network, "spatial1", 4, 5));
        assertEquals(new ReceptiveField(0, 0, 4, 4), ReceptiveField.of(network, "spatial1", 0, 0), "cut off at the image's edge");
        assertEquals(new ReceptiveField(0, 0, 20, 20), ReceptiveField.of(network, "scores", 0, 0));
    }
}
