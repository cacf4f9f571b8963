package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionGeometry;
import duet.device.CpuOptions;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The input of a first layer in bf16, prepared in the form that the layer reads: the same bits as prepared and packed one after the other,
 * and only where nothing else reads it.
 */
@Tag("sim")
@VirtualOnly("a card does not say which kernels it has run")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class PackedInputTest {
    private static final RunParameters PARAMETERS = new RunParameters(7, 3, new float[] {0.25f, 0.5f}, new float[] {0.125f, 0}, 0.9f);
    private static final String TOGETHER = "prepare_packed_bf16";

    private final RandomGenerator random = Seed.random(Seed.get());
    private final Tensors tensors = new Tensors();
    private final Map<Tensor, Object> operands = new HashMap<>();
    /** Kernels that prepare and pack, of the last run. */
    private Set<String> kernels = Set.of();
    private boolean reset;
    private Precision precision = Precision.BF16;

    /** Two passes of a layer over the images that it prepares. */
    private record Layer(ConvolutionGeometry geometry, Tensor input, Tensor weight, Tensor output, PrepareInput prepare,
            ConvolutionForward forward, ConvolutionBackwardWeights backward) {
        List<Operation> operations() {
            return List.of(prepare, forward, backward);
        }
    }

    private Tensor drawn(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        operands.put(tensor, values);
        return tensor;
    }

    private PrepareInput prepare(Tensor output) {
        int batch = output.batch();
        int channels = output.channels();
        int height = output.height() + random.nextInt(0, 8);
        int width = output.width() + random.nextInt(0, 8);
        Tensor images = tensors.images(batch, channels, height, width);
        byte[] bytes = new byte[(int) images.elements()];
        random.nextBytes(bytes);
        operands.put(images, bytes);
        Tensor crops = tensors.integers(batch, 3);
        int overhang = random.nextInt(3) == 0 ? 3 : 0;
        operands.put(crops, IntStream.range(0, 3 * batch).map(i -> i % 3 == 2 ? random.nextInt(2)
                : random.nextInt(-overhang, (i % 3 == 0 ? height - output.height() : width - output.width()) + overhang + 1)).toArray());
        Tensor shift = random.nextBoolean() ? input(drawn(tensors.activation(batch, channels, 1, 1))) : null;
        return new PrepareInput("input", images, crops, drawn(tensors.constant(channels, height, width)), shift, output,
                random.nextBoolean() ? 1 : 1 / 64f);
    }

    /** Written by the host, as float. */
    private Tensor input(Tensor t) {
        Tensor input = new Tensor(t.id(), t.name(), 0, t.format(), Role.INPUT, t.batch(), t.channels(), t.height(), t.width());
        operands.put(input, operands.remove(t));
        return input;
    }

    private ConvolutionForward forward(ConvolutionGeometry g, Tensor input) {
        return new ConvolutionForward("conv", g, input, drawn(tensors.filter(g.filters(), g.channels(), g.kernel(), g.kernel(), 1)),
                random.nextBoolean() ? drawn(tensors.vector(g.filters())) : null,
                tensors.activation(input.batch(), g.filters(), g.outputHeight(), g.outputWidth()));
    }

    private ConvolutionBackwardWeights backward(ConvolutionForward o) {
        Tensor gradient = drawn(tensors.like(o.output()));
        return new ConvolutionBackwardWeights("conv", o.geometry(), o.input(), gradient, tensors.gradient(o.weight()),
                o.bias() == null ? null : tensors.gradient(o.bias()));
    }

    private Layer layer(ConvolutionGeometry g, int batch) {
        Tensor input = tensors.activation(batch, g.channels(), g.height(), g.width());
        PrepareInput prepare = prepare(input);
        ConvolutionForward forward = forward(g, input);
        ConvolutionBackwardWeights backward = backward(forward);
        return new Layer(g, input, forward.weight(), forward.output(), prepare, forward, backward);
    }

    /** Few channels; half of them as a part of a map has it. */
    static ConvolutionGeometry geometry(RandomGenerator random) {
        while (true) {
            int kernel = random.nextInt(2, 12);
            ConvolutionGeometry g = ProductTrials.geometry(random.nextInt(1, 8), random.nextInt(1, 40), random.nextInt(1, 40),
                    8 * random.nextInt(1, 5), kernel, random.nextInt(1, 7), random.nextInt(0, kernel), 1, random.nextBoolean());
            if (g != null && g.multiplyAdds() < 400_000) {
                return ProductTrials.cut(random, g);
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> sameBits() {
        List<ConvolutionGeometry> geometries = new ArrayList<>(List.of(
                ProductTrials.geometry(3, 227, 227, 8, 11, 4, 0, 1, false),
                // Rows that no block has room for, and windows of one packed pixel.
                ProductTrials.geometry(7, 20, 380, 8, 3, 2, 1, 1, false), ProductTrials.geometry(3, 64, 64, 16, 16, 16, 0, 1, false),
                ProductTrials.geometry(1, 28, 28, 16, 5, 1, 2, 1, false), ProductTrials.geometry(3, 40, 37, 8, 4, 6, 0, 1, true)));
        IntStream.range(0, 24).forEach(i -> geometries.add(geometry(random)));
        return geometries.stream().map(g -> DynamicTest.dynamicTest(g.toString(), () -> {
            Layer layer = layer(g, random.nextInt(1, 4));
            requireSame(layer.operations(), Set.of(TOGETHER));
        }));
    }

    /** The host reads it as it reads any other. */
    @Test
    void theHostSeesPlainImages() {
        Layer layer = layer(ProductTrials.geometry(3, 23, 21, 8, 5, 3, 2, 1, true), 2);
        float[] plain = run(layer.operations(), List.of(layer.input()), false).get(layer.input());
        assertArrayEquals(plain, run(layer.operations(), List.of(layer.input()), true).get(layer.input()));
    }

    @Test
    void anotherReaderGetsPlainImages() {
        Layer layer = layer(ProductTrials.geometry(3, 23, 21, 8, 5, 3, 2, 1, true), 2);
        Tensor copy = tensors.like(layer.input());
        List<Operation> operations = new ArrayList<>(layer.operations());
        operations.add(new Scale("copy", layer.input(), copy, 1));
        requireSame(operations, Set.of("prepare_input_bf16", "pack_image_bf16", "pack_filter_bf16"));
    }

    /** Two layers share one form; each of them packs its own filter. Windows of another stride do not share it. */
    @Test
    void severalLayers() {
        Layer layer = layer(ProductTrials.geometry(3, 23, 21, 8, 5, 3, 2, 1, true), 2);
        List<Operation> operations = new ArrayList<>(layer.operations());
        operations.add(forward(layer.geometry(), layer.input()));
        requireSame(operations, Set.of(TOGETHER, "pack_filter_bf16"));
        operations.add(forward(ProductTrials.geometry(3, 23, 21, 8, 5, 2, 2, 1, true), layer.input()));
        requireSame(operations, Set.of("prepare_input_bf16", "pack_image_bf16", "pack_filter_bf16"));
    }

    /** A filter that changes between the images and the layer must not be packed beside the images. */
    @Test
    void aFilterThatChangesIsPackedLater() {
        Layer layer = layer(ProductTrials.geometry(3, 23, 21, 8, 5, 3, 2, 1, true), 2);
        Tensor change = drawn(tensors.gradient(layer.weight()));
        Operation update = new SgdUpdate("conv", change, layer.weight(), drawn(tensors.like(layer.weight())), 0);
        requireSame(List.of(layer.prepare(), update, layer.forward(), layer.backward()), Set.of(TOGETHER, "pack_filter_bf16"));
        requireSame(List.of(layer.prepare(), layer.forward(), layer.backward(), update), Set.of(TOGETHER));
    }

    /** What prepares the input clears the flags of the searches that come later, and only those. */
    @ParameterizedTest
    @EnumSource(names = {"FP32", "BF16", "BF16X3"})
    void flagsAreCleared(Precision arithmetic) {
        precision = arithmetic;
        Layer layer = layer(ProductTrials.geometry(3, 23, 21, 8, 5, 3, 2, 1, true), 2);
        Tensor before = status(700);
        Tensor after = status(3);
        Tensor elsewhere = drawn(tensors.activation(1, 5, 1, 1));
        ((float[]) operands.get(elsewhere))[4] = Float.NaN;
        Operation last = new FiniteCheck("conv", layer.output(), after, 1);
        List<Operation> operations = new ArrayList<>(layer.operations());
        operations.addAll(List.of(last, new FiniteCheck("elsewhere", elsewhere, after, 2)));
        List<Tensor> results = List.of(after, layer.output());
        Map<Tensor, float[]> apart = run(operations, results, false);
        assertTrue(reset, "what is compared with");
        Map<Tensor, float[]> together = run(operations, results, true);
        assertFalse(reset, "finite_reset is a launch");
        results.forEach(tensor -> assertArrayEquals(apart.get(tensor), together.get(tensor), tensor.toString()));
        assertArrayEquals(new float[] {0, 0, 1}, together.get(after));
        operations.addFirst(new FiniteCheck("elsewhere", elsewhere, before, 699));
        float[] flags = run(operations, List.of(before), true).get(before);
        assertTrue(reset, "a search before the input");
        assertEquals(699, IntStream.range(0, 700).filter(i -> flags[i] == 0).count());
        assertEquals(1, flags[699]);
    }

    private Tensor status(int flags) {
        Tensor t = tensors.integers(1, flags);
        Tensor status = new Tensor(t.id(), t.name(), 0, t.format(), Role.OUTPUT, 1, flags, 1, 1);
        operands.put(status, IntStream.generate(() -> 7).limit(flags).toArray());
        return status;
    }

    /** A packed pixel that no block has room for. */
    @Test
    void strideOfHugePixels() {
        Layer layer = layer(ProductTrials.geometry(3, 80, 80, 8, 40, 40, 0, 1, false), 1);
        requireSame(layer.operations(), Set.of("prepare_input_bf16", "pack_image_bf16", "pack_filter_bf16"));
    }

    /** @param expected the kernels that prepare and pack */
    private void requireSame(List<Operation> operations, Set<String> expected) {
        List<Tensor> results = operations.stream().filter(o -> !(o instanceof PrepareInput)).flatMap(o -> o.writes().stream()).toList();
        Map<Tensor, float[]> apart = run(operations, results, false);
        assertFalse(kernels.contains(TOGETHER), kernels::toString);
        Map<Tensor, float[]> together = run(operations, results, true);
        assertEquals(new TreeSet<>(expected), kernels);
        apart.forEach((tensor, values) -> assertArrayEquals(values, together.get(tensor), tensor.toString()));
        Tensor input = operations.getFirst().writes().getFirst();
        float[] last = apart.get(results.getLast()); // of small images all may lie outside of what is stored
        assertTrue(input.height() * input.width() < 400 || IntStream.range(0, last.length).anyMatch(i -> last[i] != 0), "only zeros");
    }

    private Map<Tensor, float[]> run(List<Operation> operations, List<Tensor> results, boolean fused) {
        System.setProperty("duet.cuda.fusion", fused ? "on" : "off");
        VirtualGpu.reset();
        try (Backend backend = Backends.open("virtual:0", CpuOptions.DEFAULT.withPrecision(precision))) {
            Layout layout = backend.of(streams(operations.stream().map(o -> new Step.Launch(o, null)).toList()));
            long[] used = {0};
            Map<Tensor, Region> regions = new LinkedHashMap<>();
            List<Step.Launch> steps = new ArrayList<>();
            for (Operation operation : operations) {
                Stream.concat(operation.reads().stream(), operation.writes().stream())
                        .forEach(tensor -> regions.computeIfAbsent(tensor, t -> place(used, layout.bytes(t))));
                long workspace = layout.workspaceBytes(operation, 0);
                steps.add(new Step.Launch(operation, workspace == 0 ? null : place(used, workspace)));
            }
            Map<Tensor, float[]> values = new HashMap<>();
            try (Storage storage = backend.allocateScratch(new long[] {used[0]});
                    Program program = backend.load(streams(steps), regions, storage, storage)) {
                operands.forEach((tensor, array) -> {
                    if (regions.containsKey(tensor)) {
                        TrialRunner.write(program, tensor, array);
                    }
                });
                program.run(PARAMETERS);
                for (Tensor tensor : results) {
                    values.put(tensor, read(program, tensor));
                }
            }
            kernels = Pattern.compile("\\b(prepare|pack)_\\w+").matcher(VirtualGpu.counters()).results().map(MatchResult::group)
                    .collect(Collectors.toCollection(TreeSet::new));
            reset = VirtualGpu.counters().contains("finite_reset");
            assertEquals("", VirtualGpu.findings());
            return values;
        } finally {
            System.clearProperty("duet.cuda.fusion");
        }
    }

    private static float[] read(Program program, Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        if (tensor.format() == Tensor.Format.INTEGERS) {
            int[] ints = new int[values.length];
            program.read(tensor, ints);
            IntStream.range(0, ints.length).forEach(i -> values[i] = ints[i]);
        } else {
            program.read(tensor, values);
        }
        return values;
    }

    private static List<StreamSteps> streams(List<Step.Launch> steps) {
        return List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, List.copyOf(steps)));
    }

    private static Region place(long[] used, long bytes) {
        Region region = new Region(Region.Area.TRANSIENT, used[0], bytes);
        used[0] = Region.align(region.end());
        return region;
    }
}
