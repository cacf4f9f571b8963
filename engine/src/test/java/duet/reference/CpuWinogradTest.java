package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.ConvolutionGeometry;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Convolutions in Winograd's form. */
class CpuWinogradTest extends TrialSuite {
    /**
     * Errors of sums in a point come out multiplied, by up to 19 in tiles of 8 x 8 points (native/cpu/winograd/transform.h); that is still
     * a hundredth of one missing product. The tests of the native kernels are stricter on average: they compare with the direct kernels.
     */
    private static final double LOOSENED = 19;

    @Override
    Backend open(int threads) {
        return open(threads, ConvolutionChoice.WINOGRAD);
    }

    private static Backend open(int threads, ConvolutionChoice choice) {
        return Backends.open("cpu", CpuOptions.DEFAULT.withThreads(threads).withConvolutions(choice));
    }

    /** A result is also made from terms of its neighbours that are taken away again: the largest one counts for all of them. */
    @Override
    Trial.Expectation expectation(Trial trial) {
        return loosened(trial.expectation());
    }

    static Trial.Expectation loosened(Trial.Expectation expected) {
        Map<Tensor, double[]> allowed = new HashMap<>();
        expected.allowed().forEach((tensor, values) -> {
            double[] same = new double[values.length];
            Arrays.fill(same, LOOSENED * Arrays.stream(values).max().orElse(0));
            allowed.put(tensor, same);
        });
        return new Trial.Expectation(expected.values(), allowed);
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::winograd, 40);
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnetSmall() {
        return planned(convolutions("alexnet-small"));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(Boolean.getBoolean("duet.test.others") ? List.of() : convolutions("alexnet"));
    }

    /** Without this the other tests would prove nothing: they would compare direct sums. */
    @Test
    void isWhatIsTested() {
        try (Backend winograd = open(1);
                Backend direct = open(1, ConvolutionChoice.DIRECT);
                Backend fastest = Backends.open("cpu", 1)) {
            Operation large = ProductTrials.forward(64, ProductTrials.geometry(192, 13, 13, 192, 3, 1, 1, 1, false));
            Operation single = ProductTrials.forward(1, ProductTrials.geometry(16, 13, 13, 16, 5, 1, 2, 1, false));
            Operation strided = ProductTrials.forward(64, ProductTrials.geometry(192, 13, 13, 192, 3, 2, 1, 1, false));
            for (Operation operation : List.of(large, single)) {
                assertEquals("Winograd's form", winograd.method(operation));
                assertEquals("direct sums", direct.method(operation));
            }
            assertEquals("direct sums", winograd.method(strided));
            /* The paper's first layer, without its stride a kernel of 3x3 for 48 channels. */
            ConvolutionGeometry first = ProductTrials.geometry(3, 227, 227, 96, 11, 4, 0, 1, false);
            assertEquals("Winograd's form", fastest.method(ProductTrials.forward(128, first)));
            assertEquals("direct sums", direct.method(ProductTrials.forward(128, first)));
            assertEquals("Winograd's form", fastest.method(large));
            assertEquals("direct sums", fastest.method(single));
        }
    }

    private static List<Operation> convolutions(String network) {
        return PlannedOperations.ofBatches(network, 1, 3).stream()
                .filter(o -> o instanceof Operation.ConvolutionForward || o instanceof Operation.ConvolutionBackwardData
                        || o instanceof Operation.ConvolutionBackwardWeights)
                .toList();
    }
}
