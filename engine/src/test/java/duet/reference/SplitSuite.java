package duet.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Operation.Product;
import duet.device.Precision;
import duet.device.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Convolutions and fully connected layers of floats on tensor cores, under the orders of {@link VirtualOperationTest}. Results that are
 * infinite in float may be no numbers here.
 */
abstract class SplitSuite extends TrialSuite {
    private static final int LONGEST = 9216;
    /** Results of which a mean says something. */
    private static final int MANY = 100;

    private final Precision precision;
    private final int planes;
    private String accumulation = "published";

    /** @param planes numbers of bf16 for a float */
    SplitSuite(Precision precision, int planes) {
        this.precision = precision;
        this.planes = planes;
    }

    @Override
    Backend open(int threads) {
        return Backends.open(TestDevices.one(), CpuOptions.DEFAULT.withPrecision(precision));
    }

    @Override
    void prepare(int index) {
        boolean anyOrder = !accumulation.equals("adversarial"); // which draws for one mma after the other
        TestDevices.configure(VirtualOperationTest.ORDERS[anyOrder ? index : 0] + ",accumulation=" + accumulation);
    }

    @Override
    void requireClean() {
        try {
            TestDevices.requireClean("findings");
        } finally {
            TestDevices.reset();
        }
    }

    @AfterAll
    static void resetSettings() {
        TestDevices.configure("");
    }

    @Override
    Trial.Expectation expectation(Trial trial) {
        Map<Tensor, double[]> values = new HashMap<>();
        trial.operands().forEach((tensor, array) -> values.put(tensor, Trial.doubles(array)));
        Map<Tensor, double[]> allowed = new LinkedHashMap<>();
        for (Operation operation : trial.operations()) {
            Map<Tensor, double[]> before = new HashMap<>();
            operation.reads().forEach(tensor -> before.put(tensor, values.get(tensor).clone()));
            Reference.compute(operation, values, trial.parameters());
            Map<Tensor, double[]> inFloat = Tolerance.allowed(operation, before, values, allowed, trial.parameters());
            inFloat.forEach((tensor, array) -> allowed.put(tensor,
                    operation instanceof Product product && tensor.format() != Tensor.Format.VECTOR
                            ? Tolerance.ofPlanes(product, planes, array) : array));
        }
        return new Trial.Expectation(values, allowed);
    }

    @Override
    void requireRight(Trial trial, Trial.Expectation expected, Map<Tensor, Object> results) {
        Map<Tensor, double[]> values = new HashMap<>(expected.values());
        Map<Tensor, Object> comparable = new LinkedHashMap<>(results);
        results.forEach((tensor, array) -> {
            double[] wanted = values.get(tensor);
            if (array instanceof float[] actual && !Arrays.stream(wanted).allMatch(Double::isFinite)) {
                float[] copy = actual.clone();
                double[] numbers = wanted.clone();
                for (int i = 0; i < wanted.length; i++) {
                    if (!Double.isFinite(wanted[i])) {
                        assertTrue(!Float.isFinite(actual[i]), tensor + ": element " + i + " is " + actual[i] + " for " + wanted[i]);
                        copy[i] = Float.NaN;
                        numbers[i] = Double.NaN;
                    }
                }
                comparable.put(tensor, copy);
                values.put(tensor, numbers);
            }
        });
        Trial.Expectation numbers = new Trial.Expectation(values, expected.allowed());
        TrialRunner.requireClose(numbers, comparable);
        if (trial.operations().size() == 1) {
            comparable.forEach((tensor, array) -> requireSmallMean(tensor, numbers, (float[]) array));
        }
    }

    /** No result is further off than is allowed; and in the mean they are not half as far. */
    private static void requireSmallMean(Tensor tensor, Trial.Expectation expected, float[] actual) {
        double[] wanted = expected.values().get(tensor);
        double[] allowed = expected.allowed().get(tensor);
        double sum = 0;
        for (int i = 0; i < actual.length; i++) {
            double share = Double.isNaN(wanted[i]) || allowed[i] == 0 ? 0 : (actual[i] - wanted[i]) / allowed[i];
            sum += share * share;
        }
        double mean = Math.sqrt(sum / actual.length);
        assertTrue(actual.length < MANY || mean < 0.5, tensor + ": in the mean " + mean + " of what is allowed");
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::convolutions, 40);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnected() {
        return trials(ProductTrials::fullyConnected, 20);
    }

    @TestFactory
    Stream<DynamicTest> faultyWeights() {
        return trials((random, _) -> ProductTrials.faultyWeights(random), 0);
    }

    /** However tensor cores add up. */
    @TestFactory
    Stream<DynamicTest> longSums() {
        return Stream.of("published", "exact", "adversarial").flatMap(mode -> trials(
                (random, length) -> ProductTrials.longSums(random, length), LONGEST).map(
                        test -> DynamicTest.dynamicTest(
                                test.getDisplayName() + ", " + mode, () -> {
                                    accumulation = mode;
                                    try {
                                        test.getExecutable().execute();
                                    } finally {
                                        accumulation = "published";
                                    }
                                })));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnetSmall() {
        return planned(products("alexnet-small"));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(products("alexnet"));
    }

    private static List<Operation> products(String network) {
        return Bfloat16Suite.products(network);
    }
}
