package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.RunParameters;
import duet.device.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Winograd's form in bf16, of 3x3 kernels. It rounds values in its points, which the reference does not have, so the sizes of errors are
 * judged, beside those of rounding the factors: if all terms of a sum are off independently by a part of themselves, the sum is off by that
 * part of the root of the sum of their squares.
 */
class CpuWinogradBfloat16Test extends Bfloat16Suite {
    private static final String METHOD = "Winograd's form in bf16";
    /** The root mean square of errors, in roundings. Direct sums have 0.6, these 2 to 3.5. */
    private static final double LEAST = 1.5;
    private static final double MOST = 4.5;
    /** A single error; up to 20 have been seen among millions. */
    private static final double LARGEST = 30;

    @Override
    Backend open(int threads) {
        return Backends.open("cpu", new CpuOptions(threads, new Arithmetic(ConvolutionChoice.WINOGRAD, Precision.BF16_EVERYWHERE)));
    }

    @Override
    Trial.Expectation expectation(Trial trial) {
        Trial.Expectation expected = super.expectation(trial);
        return backend().method(trial.operations().getFirst()).startsWith("Winograd") ? CpuWinogradTest.loosened(expected) : expected;
    }

    @Override
    void requireRight(Trial trial, Trial.Expectation expected, Map<Tensor, Object> results) {
        Operation first = trial.operations().getFirst();
        if (!backend().method(first).equals(METHOD)) {
            super.requireRight(trial, expected, results);
            return;
        }
        Tensor product = first.writes().getFirst();
        double[] squares = squares(first, trial);
        double largest = Bfloat16.ROUNDING * Math.sqrt(Arrays.stream(squares).max().orElseThrow());
        double mean = Bfloat16.ROUNDING * Math.sqrt(Arrays.stream(squares).average().orElseThrow());
        Map<Tensor, Object> others = new HashMap<>(results);
        results.forEach((tensor, values) -> {
            if (tensor.format() == product.format()) { // the product, and what an activation makes of it, which enlarges no error
                others.remove(tensor);
                double[] errors = errors(Trial.doubles(values), expected.values().get(tensor));
                double worst = Arrays.stream(errors).map(Math::abs).max().orElseThrow();
                assertTrue(worst <= LARGEST * largest, tensor + ": " + worst / largest + " roundings off");
                double root = Math.sqrt(Arrays.stream(errors).map(error -> error * error).average().orElseThrow()) / mean;
                assertTrue(root <= MOST, tensor + ": a root mean square error of " + root + " roundings");
                assertTrue(root >= LEAST || trial.operations().size() > 1, tensor + ": too exact for bf16: " + root + " roundings");
            }
        });
        super.requireRight(trial, expected, others);
    }

    /** For each result the sum of the squares of its terms. */
    private static double[] squares(Operation operation, Trial trial) {
        Map<Tensor, double[]> values = new HashMap<>();
        operation.reads().forEach(tensor -> values.put(tensor, Arrays.stream(Trial.doubles(trial.operands().get(tensor)))
                .map(x -> tensor.format() == Tensor.Format.VECTOR ? 0 : x * x).toArray())); // a bias is not rounded
        Reference.compute(operation, values, RunParameters.NONE);
        return values.get(operation.writes().getFirst());
    }

    private static double[] errors(double[] actual, double[] wanted) {
        return IntStream.range(0, actual.length).mapToDouble(i -> actual[i] - wanted[i]).toArray();
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::winograd, 30);
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(Boolean.getBoolean("duet.test.others") ? List.of() : PlannedOperations.ofBatches("alexnet", 1, 3).stream()
                .filter(operation -> backend().method(operation).equals(METHOD)).toList());
    }

    /** Without this the other tests would prove nothing. */
    @Test
    void isWhatIsTested() {
        for (int kernel : new int[] {3, 5}) {
            Operation operation = ProductTrials.forward(64, ProductTrials.geometry(192, 13, 13, 192, kernel, 1, kernel / 2, 1, false));
            assertEquals(kernel == 3 ? METHOD : "Winograd's form", backend().method(operation));
        }
    }
}
