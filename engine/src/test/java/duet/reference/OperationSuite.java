package duet.reference;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.device.Backend;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Puts a backend through every operation. */
abstract class OperationSuite extends MemoryBoundSuite {
    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::convolutions, 60);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnected() {
        return trials(ProductTrials::fullyConnected, 20);
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnetSmall() {
        return planned(PlannedOperations.ofBatches("alexnet-small", 1, 4));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(largeShapes() ? PlannedOperations.ofBatches("alexnet", 1, 4) : List.of());
    }

    /** Whether the backend is fast enough for AlexNet's own shapes. */
    boolean largeShapes() {
        return true;
    }

    /** Exceptions that say what is wrong, never a crash. */
    @Test
    @SuppressWarnings("try") // closes twice
    void refusesMisuse() {
        Tensors t = new Tensors();
        Tensor tensor = t.activation(2, 3, 4, 5);
        Tensor stranger = t.like(tensor);
        try (Backend backend = open(1)) {
            Storage storage = backend.allocate(new long[] {Region.align(backend.bytes(tensor))});
            Region region = new Region(Region.Area.TRANSIENT, 0, backend.bytes(tensor));
            Step launch = new Step.Launch(new Operation.Scale("scale", tensor, tensor, 2), null);
            List<StreamSteps> streams = List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, List.of(launch)));
            assertThrows(IllegalArgumentException.class, () -> backend.load(streams, Map.of(), storage, storage));
            assertThrows(IllegalArgumentException.class, () -> backend.load(streams,
                    Map.of(tensor, new Region(Region.Area.TRANSIENT, 4096, backend.bytes(tensor))), storage, storage));
            Program program = backend.load(streams, Map.of(tensor, region), storage, storage);
            assertThrows(IllegalArgumentException.class, () -> program.write(tensor, new float[119]));
            assertThrows(IllegalArgumentException.class, () -> program.read(tensor, new float[121]));
            assertThrows(IllegalArgumentException.class, () -> program.write(stranger, new float[120]));
            assertThrows(IllegalArgumentException.class, () -> program.read(stranger, new float[120]));
            program.write(tensor, new float[120]);
            program.run(RunParameters.NONE);
            program.close();
            program.close();
            assertThrows(IllegalStateException.class, () -> program.run(RunParameters.NONE));
            assertThrows(IllegalStateException.class, () -> program.write(tensor, new float[120]));
            Program orphan = backend.load(streams, Map.of(tensor, region), storage, storage);
            storage.close();
            assertThrows(IllegalStateException.class, () -> orphan.run(RunParameters.NONE));
            backend.close();
            backend.close();
            assertThrows(IllegalStateException.class, () -> orphan.run(RunParameters.NONE));
            assertThrows(IllegalStateException.class, () -> backend.allocate(new long[] {4096}));
        }
    }
}
