package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.bindings.KernelCode;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.SgdUpdate;
import duet.device.Precision;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.device.VirtualGpu;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.Stored;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * The CUDA kernels in bf16 against the reference, as {@link VirtualOperationTest} does in fp32: maps are rounded once when they are stored,
 * sums before that are as close as in fp32, and parameters lose nothing.
 */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualBfloat16Test extends MemoryBoundSuite {
    private static final CudaLayout LAYOUT = new CudaLayout(_ -> 132, Precision.BF16);
    private static final int UPPER_HALVES = 1 << 16;

    @Override
    Backend open(int threads) {
        return Backends.open(TestDevices.one(), CpuOptions.DEFAULT.withPrecision(Precision.BF16));
    }

    @Override
    void prepare(int index) {
        TestDevices.configure(VirtualOperationTest.ORDERS[index]);
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

    private static boolean rounded(Tensor tensor) {
        return LAYOUT.stored(tensor) == Stored.BF16;
    }

    @Override
    Trial given(Trial trial, RandomGenerator random) {
        return StoredTrials.of(trial, random, VirtualBfloat16Test::rounded);
    }

    @Override
    Trial.Expectation expectation(Trial trial) {
        return StoredTrials.expectation(trial, VirtualBfloat16Test::rounded);
    }

    /** What lies between operations that one kernel does is not stored. */
    private static boolean between(Trial trial, Tensor tensor) {
        return tensor.role() == Role.TRANSIENT
                && trial.operations().stream()
                        .anyMatch(o -> o.reads().contains(tensor) && (o instanceof MaxPoolForward || o instanceof SgdUpdate))
                && trial.operations().stream().anyMatch(o -> o.writes().contains(tensor));
    }

    @Override
    void requireRight(Trial trial, Trial.Expectation expected, Map<Tensor, Object> results) {
        Map<Tensor, Object> plain = new HashMap<>(results);
        plain.keySet().removeIf(tensor -> rounded(tensor) || between(trial, tensor));
        TrialRunner.requireClose(expected, plain);
        results.forEach((tensor, values) -> {
            if (rounded(tensor) && !between(trial, tensor)) {
                StoredTrials.requireRounded(tensor, (float[]) values, expected);
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> convolution() {
        return trials(ProductTrials::convolutions, 40);
    }

    @TestFactory
    Stream<DynamicTest> convolutionInEights() {
        return trials(ProductTrials::inEights, 40);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnected() {
        return trials(ProductTrials::fullyConnected, 20);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnectedInOnePass() {
        return trials(OnePassTrials::of, 20);
    }

    @TestFactory
    Stream<DynamicTest> fullyConnectedOfAlexnetInOnePass() {
        return trials(OnePassTrials::ofAlexnet, 96);
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnetSmall() {
        return planned(PlannedOperations.ofBatches("alexnet-small", 1, 4));
    }

    @TestFactory
    Stream<DynamicTest> shapesOfAlexnet() {
        return planned(PlannedOperations.ofBatches("alexnet", 1, 4));
    }

    @Test
    @VirtualOnly("a card does not say which kernels it has run")
    void eachTileIsTried() throws JsonProcessingException {
        Set<String> tried = new TreeSet<>();
        tried.addAll(tried(ProductTrials.ofEachTile(Seed.random(Seed.get()))));
        tried.addAll(tried(ResidentTrials.ofEachTile(Seed.random(Seed.get()))));
        Set<String> all = new TreeSet<>();
        KernelCode.load().modules().values().forEach(ptx -> all.addAll(kernels(ptx)));
        assertEquals(all, tried);
    }

    /** Whatever the size, padding and kernel; many of the shapes have windows that stay. */
    @Test
    @VirtualOnly("a card does not say which kernels it has run")
    void windowsThatStay() throws JsonProcessingException {
        long resident = 0;
        List<Trial> random = ResidentTrials.random(Seed.random(Seed.get()), 6);
        for (Trial trial : random) {
            resident += tried(List.of(trial)).stream().filter(kernel -> kernel.contains("resident")).count();
        }
        assertTrue(resident > 0, resident + " of " + random.size());
        assertTrue(tried(ResidentTrials.faultyPixels(Seed.random(Seed.get()))).stream().allMatch(kernel -> kernel.contains("resident")));
    }

    /** Eight rows at any places are in different banks, also where a line of an image ends between them. */
    private static void requireNoBankConflicts(String counters) throws JsonProcessingException {
        Map<String, Map<String, Long>> kernels = new ObjectMapper().readValue(counters, new TypeReference<>() {});
        kernels.forEach((kernel, counts) -> {
            long ideal = counts.get("main_loop_shared_wavefronts_ideal");
            assertTrue(!kernel.contains("resident") || ideal > 0 && counts.get("main_loop_shared_wavefronts") <= 1.01 * ideal,
                    () -> kernel + ": " + counts);
        });
    }

    /** The products' kernels that trials run, once each, after a look at the results. */
    private Set<String> tried(List<Trial> trials) throws JsonProcessingException {
        Set<String> tried = new TreeSet<>();
        for (Trial drawn : trials) {
            Trial trial = given(drawn, Seed.random(Seed.get()));
            VirtualGpu.reset();
            try {
                requireRight(trial, expectation(trial), TrialRunner.run(backend(), trial));
            } catch (AssertionError e) {
                throw new AssertionError(e.getMessage() + " in " + trial, e);
            }
            requireNoBankConflicts(VirtualGpu.counters());
            tried.addAll(kernels(VirtualGpu.counters()));
            requireClean();
        }
        return tried;
    }

    private static Set<String> kernels(String text) {
        return Pattern.compile("\\b(convolution_\\w+_bf16|product_reduce_bf16)(_\\w+)?\\b").matcher(text).results().map(MatchResult::group)
                .filter(name -> !name.contains("param")).collect(Collectors.toSet());
    }

    /** A NaN among the weights is no zero: it is in the results that it is part of, and only there. */
    @Test
    void aProductSeesAFaultyWeight() {
        Tensors t = new Tensors();
        Tensor weight = t.filter(96, 64, 1, 1, 1);
        Tensor input = t.activation(3, 64, 1, 1);
        Tensor output = t.activation(3, 96, 1, 1);
        float[] weights = new float[96 * 64];
        float[] ones = new float[3 * 64];
        Arrays.fill(ones, 1);
        for (int bits : new int[] {0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7FC00000}) {
            weights[5 * 64 + 7] = Float.intBitsToFloat(bits);
            Trial trial = new Trial("fc", List.of(new FullyConnectedForward("fc", input, weight, null, output)),
                    Map.of(weight, weights, input, ones), RunParameters.NONE);
            float[] results = (float[]) TrialRunner.run(backend(), trial).get(output);
            for (int i = 0; i < results.length; i++) {
                assertEquals(i % 96 == 5 ? Float.NaN : 0, results[i], "of " + Integer.toHexString(bits) + " at " + i);
            }
        }
        requireClean();
    }

    private static Tensor filter(int id, Role role, int elements) {
        return new Tensor(id, "filter" + id, 0, Format.FILTER, role, 1, elements, 1, 1);
    }

    /** Each upper half of a float with lower halves at which rounding changes: nothing is lost, and NaN is one that products see. */
    @Test
    void anUpdateByNothingKeepsTheBits() {
        for (int lower : new int[] {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF}) {
            float[] weights = new float[UPPER_HALVES];
            for (int upper = 0; upper < UPPER_HALVES; upper++) {
                weights[upper] = Float.intBitsToFloat(upper << 16 | lower);
            }
            Tensor weight = filter(0, Role.PARAMETER, UPPER_HALVES);
            Tensor gradient = filter(1, Role.TRANSIENT, UPPER_HALVES);
            Tensor momentum = filter(2, Role.MOMENTUM, UPPER_HALVES);
            Trial trial = new Trial("update", List.of(new SgdUpdate("fc", gradient, weight, momentum, 0)),
                    Map.of(weight, weights, gradient, new float[UPPER_HALVES], momentum, new float[UPPER_HALVES]),
                    new RunParameters(0, 0, new float[64], new float[64], 0.9f));
            float[] updated = (float[]) TrialRunner.run(backend(), trial).get(weight);
            for (int i = 0; i < UPPER_HALVES; i++) {
                float expected = weights[i] - 0 * weights[i];
                int bits = Float.isNaN(expected) ? 0x7FFF0000 : Float.floatToRawIntBits(expected);
                assertEquals(bits, Float.floatToRawIntBits(updated[i]), () -> "of " + Float.floatToRawIntBits(expected));
            }
        }
        requireClean();
    }

    /** A product reads the upper plane alone; there, the largest float is an infinity, but no fault. */
    @Test
    void aFaultyWeightIsSeen() {
        Tensor weight = filter(0, Role.PARAMETER, 100);
        Tensor status = new Tensor(1, "status", 0, Format.INTEGERS, Role.OUTPUT, 1, 1, 1, 1);
        for (float value : new float[] {Float.MAX_VALUE, Float.NaN, Float.intBitsToFloat(0xFFFFFFFF), Float.NEGATIVE_INFINITY}) {
            float[] values = new float[100];
            values[99] = value;
            Trial trial = new Trial("check", List.of(new FiniteCheck("check", weight, status, 0)), Map.of(weight, values),
                    RunParameters.NONE);
            int found = ((int[]) TrialRunner.run(backend(), trial).get(status))[0];
            assertEquals(Float.isFinite(value) ? 0 : 1, found, () -> "of " + value);
        }
        requireClean();
    }

    /** Without this the tests would prove nothing: they would compare what is not rounded. */
    @Test
    void isWhatIsTested() {
        Tensor map = new Tensors().activation(2, 3, 4, 5);
        assertTrue(backend().bytes(map) < map.dataBytes());
        assertTrue(backend().bytes(filter(0, Role.PARAMETER, 3)) >= 12);
    }
}
