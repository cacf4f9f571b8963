package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.ObjectMapper;
import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Precision;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.device.VirtualGpu;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.Stored;
import duet.reference.OnePassTrials.Below;
import duet.reference.OnePassTrials.Shape;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Both backward passes of a fully connected layer and its update in one kernel make what the kernels make one by one, to the bit; and it is
 * this kernel that is tested here and by {@link VirtualBfloat16Test}.
 */
@Tag("sim")
@VirtualOnly("a card's compiler fuses multiply-adds differently in different kernels, and does not say which it has run")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class OnePassTest {
    private static final String KERNEL = "fully_connected_backward_bf16";
    private static final CudaLayout LAYOUT = new CudaLayout(_ -> 132, Precision.BF16);

    @TestFactory
    Stream<DynamicTest> makesTheSameBits() {
        RandomGenerator random = Seed.random(Seed.get());
        List<Shape> shapes = new ArrayList<>(List.of(new Shape(128, 64, 1, 128, true, Below.RELU_AND_DROPOUT)));
        for (int i = 0; i < 16; i++) {
            shapes.add(OnePassTrials.random(random));
        }
        return Stream.concat(shapes.stream().map(shape -> OnePassTrials.of(random, shape)), OnePassTrials.faulty(random).stream())
                .map(trial -> DynamicTest.dynamicTest(trial.name(), () -> compare(given(trial, random), true)));
    }

    /** Sums of the input's gradient are cut otherwise then; those of the parameters' never are. */
    @TestFactory
    Stream<DynamicTest> updatesTheSameBitsOfManyOutputs() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(new Shape(16, 64, 1, 4096, true, Below.RELU), new Shape(5, 2048, 1, 2048, true, Below.RELU_AND_DROPOUT))
                .map(shape -> OnePassTrials.of(random, shape))
                .map(trial -> DynamicTest.dynamicTest(trial.name(), () -> compare(given(trial, random), false)));
    }

    private static Trial given(Trial trial, RandomGenerator random) {
        return StoredTrials.of(trial, random, tensor -> LAYOUT.stored(tensor) == Stored.BF16);
    }

    private static void compare(Trial trial, boolean withInputGradient) throws IOException {
        Map<Tensor, Object> apart = run(trial, false);
        assertEquals(0, launches());
        Map<Tensor, Object> together = run(trial, true);
        assertEquals(2, launches(), "two runs of the program");
        Tensor inputGradient = trial.operations().stream().filter(FullyConnectedBackwardData.class::isInstance)
                .map(o -> ((FullyConnectedBackwardData) o).inputGradient()).findFirst().orElseThrow();
        // Gradients of parameters are stored nowhere.
        apart.keySet().removeIf(tensor -> tensor.equals(inputGradient) ? !withInputGradient : tensor.role() == Role.TRANSIENT);
        TrialRunner.requireSameBits("one by one", apart, "one pass", together);
    }

    private static Map<Tensor, Object> run(Trial trial, boolean fused) {
        System.setProperty("duet.cuda.fusion", fused ? "on" : "off");
        VirtualGpu.reset();
        try (Backend backend = Backends.open("virtual:0", CpuOptions.DEFAULT.withPrecision(Precision.BF16))) {
            Map<Tensor, Object> results = new HashMap<>(TrialRunner.run(backend, trial));
            assertEquals("", VirtualGpu.findings());
            return results;
        } finally {
            System.clearProperty("duet.cuda.fusion");
        }
    }

    private static int launches() throws IOException {
        return new ObjectMapper().readTree(VirtualGpu.counters()).path(KERNEL).path("launches").asInt();
    }
}
