package duet.reference;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;
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

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Puts a backend through every operation: results against the {@link Reference} within {@link Tolerance}, the same bits when a
 * program runs again and whatever the number of threads. A failure names the operation with all its shapes, and the seed;
 * -Dduet.seed=SEED repeats it.
 */
@Tag("kernels")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class OperationSuite {
    private final List<Backend> backends = new ArrayList<>();

    /** One device that computes with so many threads. */
    abstract Backend open(int threads);

    /** Before a run of backend {@code index}: other circumstances that must not change a bit. */
    void prepare(int index) {}

    /** After all runs of a trial: throws if the backend has found fault with them. */
    void requireClean() {}

    @BeforeAll
    void openBackends() {
        for (int threads = 1; threads <= 3; threads++) {
            backends.add(open(threads));
        }
    }

    @AfterAll
    void closeBackends() {
        backends.forEach(Backend::close);
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::convolutions, 60);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnected() {
        return trials(ProductTrials::fullyConnected, 20);
    }

    @TestFactory
    Stream<DynamicTest> pooling() {
        return trials(NeighbourhoodTrials::pooling, 60);
    }

    @TestFactory
    Stream<DynamicTest> localResponseNorm() {
        return trials(NeighbourhoodTrials::responseNorms, 40);
    }

    @TestFactory
    Stream<DynamicTest> spatialNorm() {
        return trials(NeighbourhoodTrials::spatialNorms, 25);
    }

    @TestFactory
    Stream<DynamicTest> filterRenormalise() {
        return trials(OtherTrials::renormalise, 15);
    }

    @TestFactory
    Stream<DynamicTest> elementwise() {
        return trials(OtherTrials::elementwise, 20);
    }

    @TestFactory
    Stream<DynamicTest> softmaxCrossEntropy() {
        return trials(OtherTrials::softmax, 20);
    }

    @TestFactory
    Stream<DynamicTest> channels() {
        return trials(OtherTrials::channels, 20);
    }

    @TestFactory
    Stream<DynamicTest> prepareInput() {
        return trials(OtherTrials::prepareInput, 20);
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

    /** The data are drawn when a test begins: all of AlexNet's at once would be too much. */
    private Stream<DynamicTest> planned(List<Operation> operations) {
        long seed = Seed.get();
        return operations.stream().map(operation -> DynamicTest.dynamicTest(
                operation.layer() + " " + operation.kind(), () -> check(Draw.trial(Seed.random(seed), operation), seed)));
    }

    private Stream<DynamicTest> trials(BiFunction<RandomGenerator, Integer, List<Trial>> family, int count) {
        long seed = Seed.get();
        return family.apply(Seed.random(seed), count).stream().map(trial -> DynamicTest.dynamicTest(trial.name(), () -> check(trial, seed)));
    }

    private void check(Trial trial, long seed) {
        try {
            check(trial);
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("%s%n%s%n-Dduet.seed=%d".formatted(e.getMessage(), trial, seed), e);
        }
    }

    private void check(Trial trial) {
        prepare(0);
        Map<Tensor, Object> first = TrialRunner.run(backends.getFirst(), trial);
        requireClean();
        TrialRunner.requireClose(trial.expectation(), first);
        for (int i = 1; i < backends.size(); i++) {
            prepare(i);
            TrialRunner.requireSameBits("1 thread", first, (i + 1) + " threads", TrialRunner.run(backends.get(i), trial));
        }
        requireClean();
    }
}
