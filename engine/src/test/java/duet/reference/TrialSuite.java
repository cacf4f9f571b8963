package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

import duet.device.Backend;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/**
 * Runs trials on a backend: results against the {@link Reference} within {@link Tolerance}, the same bits when a program runs again and
 * whatever the number of threads. A failure names the operation with all its shapes, and the seed; -Dduet.seed=SEED repeats it.
 */
@Tag("kernels")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TrialSuite {
    private final List<Backend> backends = new ArrayList<>();

    /** One device that computes with that many threads. */
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

    /** One of those that the trials run on. */
    final Backend backend() {
        return backends.getFirst();
    }

    /** A trial as this backend is given it: with tensors that live as long as they do in plans, for example. */
    Trial given(Trial trial, RandomGenerator random) {
        return trial;
    }

    /** What is allowed for this backend. */
    Trial.Expectation expectation(Trial trial) {
        return trial.expectation();
    }

    /** Throws if a result is further off than is allowed. */
    void requireRight(Trial trial, Trial.Expectation expected, Map<Tensor, Object> results) {
        TrialRunner.requireClose(expected, results);
    }

    /** The data are drawn when a test begins: all of AlexNet's at once would be too much. */
    final Stream<DynamicTest> planned(List<Operation> operations) {
        long seed = Seed.get();
        return operations.stream().map(operation -> DynamicTest.dynamicTest(
                operation.layer() + " " + operation.kind(),
                () -> check(given(Draw.trial(Seed.random(seed), operation), Seed.random(seed)), seed)));
    }

    final Stream<DynamicTest> trials(BiFunction<RandomGenerator, Integer, List<Trial>> family, int count) {
        long seed = Seed.get();
        RandomGenerator random = Seed.random(seed);
        return family.apply(random, count).stream().map(trial -> given(trial, random))
                .map(trial -> DynamicTest.dynamicTest(trial.name(), () -> check(trial, seed)));
    }

    private void check(Trial trial, long seed) {
        try {
            check(trial);
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError(String.format(Locale.ROOT, "%s%n%s%n-Dduet.seed=%d", e.getMessage(), trial, seed), e);
        }
    }

    private void check(Trial trial) {
        prepare(0);
        Map<Tensor, Object> first = TrialRunner.run(backends.getFirst(), trial);
        requireClean();
        Trial.Expectation expected = expectation(trial);
        requireRight(trial, expected, first);
        if (trial.operations().stream().anyMatch(operation -> backends.getFirst().inference().preparedBytes(operation) > 0)) {
            requireRight(trial, expected, TrialRunner.run(backends.getFirst(), trial, Region.Area.TRANSIENT));
        }
        for (int i = 1; i < backends.size(); i++) {
            prepare(i);
            TrialRunner.requireSameBits("1 thread", first, (i + 1) + " threads", TrialRunner.run(backends.get(i), trial));
        }
        requireClean();
    }
}
