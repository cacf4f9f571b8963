package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
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
