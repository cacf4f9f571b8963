package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;

import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Precision;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Direct convolutions and fully connected layers in bf16. */
class CpuBfloat16Test extends Bfloat16Suite {
    @Override
    Backend open(int threads) {
        return Backends.open("cpu", new CpuOptions(threads, new Arithmetic(ConvolutionChoice.DIRECT, Precision.BF16_EVERYWHERE)));
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::convolutions, 40);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnected() {
        return trials(ProductTrials::fullyConnected, 40);
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnetSmall() {
        return planned(products("alexnet-small"));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(Boolean.getBoolean("duet.test.others") ? List.of() : products("alexnet"));
    }

    /** Without this the other tests would prove nothing: they would compare what is not rounded. */
    @Test
    void isWhatIsTested() {
        try (Backend single = Backends.open("cpu", 1)) {
            for (Operation operation : products("alexnet-small")) {
                boolean convolution = operation instanceof ConvolutionForward || operation instanceof ConvolutionBackwardData
                        || operation instanceof ConvolutionBackwardWeights;
                boolean even = operation.reads().stream().allMatch(tensor -> tensor.channels() % 2 == 0);
                if (even) {
                    assertEquals(convolution ? "direct sums in bf16" : "products in bf16", backend().method(operation), operation.layer());
                }
                assertEquals(-1, single.method(operation).indexOf("bf16"), operation.layer());
            }
        }
    }
}
