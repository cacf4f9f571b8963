package duet.reference;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

import duet.device.Backend;
import duet.device.Tensor;
import org.junit.jupiter.api.Test;

/** The suite is worth something only if it notices what is wrong: each kind of mistake, planted in right results, is found. */
class SuiteTest {
    private final RandomGenerator random = Seed.random(Seed.get());

    /** A twentieth of the largest result, which is less than a typical product, is noticed wherever it is added. */
    @Test
    void noticesSmallErrors() {
        for (Trial trial : ProductTrials.convolutions(random, 5)) {
            if (trial.name().contains(" at ")) {
                continue;
            }
            Trial.Expectation expected = trial.expectation();
            Map<Tensor, Object> results = rightResults(trial, expected);
            TrialRunner.requireClose(expected, results);
            results.forEach((tensor, values) -> {
                float[] floats = (float[]) values;
                int i = random.nextInt(floats.length);
                float largest = 0;
                for (float value : floats) {
                    largest = Math.max(largest, Math.abs(value));
                }
                for (float wrong : new float[] {floats[i] + largest / 20 + 1e-6f, Float.NaN}) {
                    float right = floats[i];
                    floats[i] = wrong;
                    assertThrows(AssertionError.class, () -> TrialRunner.requireClose(expected, results), trial.name());
                    floats[i] = right;
                }
            });
        }
    }

    @Test
    void noticesWrongIntegersAndBits() {
        Trial trial = OtherTrials.softmax(random, 1).getFirst();
        Trial.Expectation expected = trial.expectation();
        Map<Tensor, Object> results = rightResults(trial, expected);
        TrialRunner.requireSameBits("one", results, "another", rightResults(trial, expected));
        int[] ranks = results.values().stream().filter(int[].class::isInstance).map(int[].class::cast).findFirst().orElseThrow();
        ranks[0]++;
        assertThrows(AssertionError.class, () -> TrialRunner.requireClose(expected, results));
        assertThrows(AssertionError.class,
                () -> TrialRunner.requireSameBits("one", results, "another", rightResults(trial, expected)));
    }

    /** An operation that leaves out a result keeps what the runner put there. */
    @Test
    void noticesWhatIsNotWritten() {
        List<Trial> trials = NeighbourhoodTrials.responseNorms(random, 1);
        try (Backend backend = new ReferenceBackend(1)) {
            for (Trial trial : trials) {
                Map<Tensor, Object> results = TrialRunner.run(backend, trial);
                float[] last = (float[]) results.get(trial.results().getLast());
                last[last.length - 1] = Float.NaN;
                assertThrows(AssertionError.class, () -> TrialRunner.requireClose(trial.expectation(), results));
            }
        }
    }

    private static Map<Tensor, Object> rightResults(Trial trial, Trial.Expectation expected) {
        Map<Tensor, Object> results = new HashMap<>();
        for (Tensor tensor : trial.results()) {
            double[] values = expected.values().get(tensor);
            if (tensor.format() == Tensor.Format.INTEGERS) {
                results.put(tensor, Arrays.stream(values).mapToInt(value -> (int) value).toArray());
            } else {
                float[] floats = new float[values.length];
                for (int i = 0; i < values.length; i++) {
                    floats[i] = (float) values[i];
                }
                results.put(tensor, floats);
            }
        }
        return results;
    }
}
