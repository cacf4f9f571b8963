package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.data.Split;
import duet.device.Backend;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FineTuningTest {
    private static final List<String> SIX = List.of("a", "b", "c", "d", "e", "f");

    @TempDir
    private Path folder;

    private static Checkpoint trained;

    @BeforeAll
    static void train() {
        trained = run(Tiny.network(), Tiny.data(), Tiny.options().toBuilder().steps(8).build(), null);
    }

    private static Checkpoint run(Network network, Split data, TrainingOptions options, Checkpoint from) {
        try (Backend backend = Tiny.backend(2);
                Trainer trainer = Trainer.create(network, Placement.TWO_TOWERS, backend, data, "test", options, from)) {
            trainer.train(TrainingListener.SILENT);
            return trainer.snapshot();
        }
    }

    /** Before the first step. */
    private static Checkpoint start(Network network, Split data, Checkpoint from) {
        try (Backend backend = Tiny.backend(2);
                Trainer trainer = Trainer.create(network, Placement.TWO_TOWERS, backend, data, "test", Tiny.options(), from)) {
            return trainer.snapshot();
        }
    }

    private static Split six() {
        return new Split(new Tiny.Patterns(44, SIX, 5), new Tiny.Patterns(20, SIX, 6));
    }

    @Test
    void otherClassesGetNewScoresAndTheRestIsTaken() {
        Network network = FineTuning.network(trained.network(), 6);
        assertEquals(6, network.classes());
        assertEquals(new FineTuning(List.of("conv1", "conv2", "fc3"), List.of("fc4")), FineTuning.of(trained, network, SIX));
        Checkpoint begun = start(network, six(), trained);
        Checkpoint fresh = start(network, six(), null);
        for (String name : List.of("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc3.weight", "fc3.bias")) {
            assertArrayEquals(trained.tensors().get(name), begun.tensors().get(name), name);
            assertArrayEquals(new float[begun.tensors().get(name).length], begun.tensors().get("momentum." + name), name);
        }
        assertArrayEquals(fresh.tensors().get("fc4.weight"), begun.tensors().get("fc4.weight"));
        assertArrayEquals(fresh.tensors().get("input.mean"), begun.tensors().get("input.mean"), "the mean is that of the new data");
        assertFalse(Arrays.equals(trained.tensors().get("input.mean"), begun.tensors().get("input.mean")));
    }

    @Test
    void sameClassesKeepTheirScoresButOthersOfTheSameNumberDoNot() {
        assertEquals(List.of(), FineTuning.of(trained, trained.network(), Tiny.CLASSES).fresh());
        assertEquals(List.of("fc4"), FineTuning.of(trained, trained.network(), List.of("w", "x", "y", "z")).fresh());
    }

    /** A layer of another size starts anew with all of its parameters, though its bias would fit. */
    @Test
    void whatDoesNotFitStartsAnew() {
        List<Layer> layers = new ArrayList<>(trained.network().layers());
        Layer.Convolution conv2 = (Layer.Convolution) layers.get(4);
        layers.set(4, new Layer.Convolution("conv2", 6, 5, 1, 2, 2, conv2.rounding(), true, conv2.initialization()));
        Network network = Network.chain("wider", new Shape(1, 10, 10), 1 / 64.0, layers);
        assertEquals(new FineTuning(List.of("conv1", "fc3", "fc4"), List.of("conv2")), FineTuning.of(trained, network, Tiny.CLASSES));
    }

    @Test
    void nothingToTakeIsAnError() {
        Network other = Network.chain("other", new Shape(1, 10, 10), 1,
                List.of(new Layer.FullyConnected("scores", 4, true, Initialization.PAPER),
                        new Layer.SoftmaxCrossEntropy("loss")));
        assertEquals("no layer of other has the names and sizes of the trained tiny, so there is nothing to take over",
                assertThrows(TrainingException.class, () -> FineTuning.of(trained, other, Tiny.CLASSES)).getMessage());
    }

    @Test
    void frozenLayersKeepTheirBits() {
        Network network = FineTuning.network(trained.network(), 6);
        TrainingOptions options = Tiny.options().toBuilder().steps(7).frozen(List.of("conv1", "fc3")).biasWeightDecay(true).build();
        Checkpoint end = run(network, six(), options, trained);
        for (String name : List.of("conv1.weight", "conv1.bias", "fc3.weight", "fc3.bias")) {
            assertArrayEquals(trained.tensors().get(name), end.tensors().get(name), name);
        }
        assertFalse(Arrays.equals(trained.tensors().get("conv2.weight"), end.tensors().get("conv2.weight")));
        Path file = folder.resolve("checkpoint.safetensors");
        end.write(file);
        assertEquals(List.of("conv1", "fc3"), Checkpoint.read(file).state().options().frozen(), "a resumed training freezes them, too");
    }

    @Test
    void onlyLayersWithParametersCanBeFrozen() {
        assertEquals("relu1: has no parameters that could be frozen; name a convolution or fully connected layer", frozen("relu1"));
        assertTrue(frozen("conv9").startsWith("tiny has no layer conv9; did you mean \"conv1\"?"), frozen("conv9"));
    }

    private static String frozen(String layer) {
        return assertThrows(NetworkException.class,
                () -> run(Tiny.network(), Tiny.data(), Tiny.options().toBuilder().steps(1).frozen(List.of(layer)).build(), null))
                .getMessage();
    }
}
