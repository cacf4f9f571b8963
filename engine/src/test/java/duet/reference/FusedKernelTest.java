package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionGeometry;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.Dropout;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.SgdUpdate;
import duet.device.PoolingGeometry;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.ResponseNorm;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Neighbouring operations in one CUDA kernel make what they make one by one, to the bit (on the virtual GPU, which fuses multiply-adds only
 * where PTX says so). One by one they are compared with the reference by {@link VirtualOperationTest}.
 */
@Tag("sim")
@VirtualOnly("a card's compiler fuses multiply-adds differently in different kernels")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class FusedKernelTest {
    private static final RunParameters PARAMETERS = new RunParameters(7, 3, new float[] {0.25f, 0.5f}, new float[] {0.125f, 0}, 0.9f);

    /**
     * Operations, what the host fills, and what comes out of the last ones.
     *
     * @param kernel one that does several of them; null for any
     */
    private record Chain(
            String name, List<Operation> operations, Map<Tensor, float[]> operands, List<Tensor> results, Precision precision,
            String kernel) {}

    @TestFactory
    Stream<DynamicTest> normAndPool() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 24).mapToObj(i -> test(forwardAndBackward(random, i, Precision.FP32)));
    }

    @TestFactory
    Stream<DynamicTest> normAndPoolInBf16() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 24).mapToObj(i -> test(forwardAndBackward(random, i, Precision.BF16)));
    }

    @TestFactory
    Stream<DynamicTest> convolutionGradientAndRelu() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 12).mapToObj(i -> test(convolution(random)));
    }

    /** Also with numbers that are not finite, which the epilogue finds as the search by itself does. */
    @TestFactory
    Stream<DynamicTest> layersWithUpdates() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(Precision.FP32, Precision.BF16, Precision.BF16X3, Precision.BF16X6)
                .flatMap(precision -> IntStream.range(0, 12).mapToObj(i -> test(layer(random, i, precision))));
    }

    /** In the last step of sums that are split; on some as a tower has it, whose channels are a part of the layer's. */
    @TestFactory
    Stream<DynamicTest> layersWithDropout() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(Precision.FP32, Precision.BF16, Precision.BF16X3, Precision.BF16X6)
                .flatMap(precision -> IntStream.range(0, 12).mapToObj(i -> test(dropped(random, i, precision))));
    }

    private static DynamicTest test(Chain chain) {
        return DynamicTest.dynamicTest(chain.name(), () -> {
            Map<Tensor, float[]> apart = run(chain, false);
            VirtualGpu.reset();
            Map<Tensor, float[]> together = run(chain, true);
            assertTrue(chain.kernel() == null || VirtualGpu.counters().contains(chain.kernel()), chain.name());
            apart.forEach((tensor, values) -> assertArrayEquals(values, together.get(tensor), chain.name() + ": " + tensor));
            assertEquals("", VirtualGpu.findings());
        });
    }

    private static float[] draw(RandomGenerator random, Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Response norm and max-pooling forward, then both gradients with that of the ReLU below. */
    private static Chain forwardAndBackward(RandomGenerator random, int index, Precision precision) {
        int groups = random.nextInt(1, 4);
        int vectors = index % 8 == 7 ? random.nextInt(14, 33) : random.nextInt(1, 14);
        int channels = groups * vectors * (precision == Precision.BF16 ? 8 : 4);
        int height = random.nextInt(3, 16);
        int width = random.nextInt(3, 16);
        boolean ceil = random.nextBoolean();
        int outputHeight = ProductTrials.windows(height, 3, 2, 0, ceil);
        int outputWidth = ProductTrials.windows(width, 3, 2, 0, ceil);
        int top = 0;
        if (index % 3 == 2) {
            /* A part of a map: fewer windows, or one that the image cuts; with padding above they are not fused. */
            top = index % 6 == 5 ? random.nextInt(1, 3) : 0;
            outputHeight = random.nextInt(1, (height - 1 + top) / 2 + 2);
        }
        PoolingGeometry g = new PoolingGeometry(channels, height, width, 3, 2, 0, top, outputHeight, outputWidth);
        ResponseNorm norm = new ResponseNorm(5, index % 2 == 0 ? 1e-4f : 0.3f, 0.75f, random.nextFloat(0.5f, 3), groups);
        Tensors t = new Tensors();
        int batch = random.nextInt(1, 4);
        Tensor a = t.activation(batch, channels, height, width);
        Tensor b = t.activation(batch, channels, height, width);
        Tensor pooled = t.activation(batch, channels, outputHeight, outputWidth);
        Tensor winners = t.winners(pooled);
        Tensor pooledGradient = t.activation(batch, channels, outputHeight, outputWidth);
        Tensor normGradient = t.activation(batch, channels, height, width);
        Tensor gradient = t.activation(batch, channels, height, width);
        float[] input = draw(random, a);
        if (index % 5 == 4) {
            input[random.nextInt(input.length)] = Float.NaN;
            input[random.nextInt(input.length)] = Float.POSITIVE_INFINITY;
        }
        List<Operation> operations = new ArrayList<>(List.of(
                new ResponseNormForward("norm", norm, a, b), new MaxPoolForward("pool", g, b, pooled, winners),
                new MaxPoolBackward("pool", g, winners, pooledGradient, normGradient),
                new ResponseNormBackward("norm", norm, a, normGradient, gradient)));
        if (random.nextBoolean()) {
            operations.add(new ActivationBackward("relu", Activation.RELU, a, gradient, gradient));
        }
        String kernel = "norm_pool_forward" + (precision == Precision.BF16 ? "_bf16" : "");
        return new Chain(g + " " + norm + " batch " + batch, operations, Map.of(a, input, pooledGradient, draw(random, pooledGradient)),
                List.of(pooled, gradient), precision, top == 0 ? kernel : null);
    }

    private static Chain convolution(RandomGenerator random) {
        ConvolutionGeometry g = ProductTrials.randomGeometry(random);
        Tensors t = new Tensors();
        int batch = random.nextInt(1, 4);
        Tensor y = t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth());
        Tensor weight = t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        Tensor gradient = t.activation(batch, g.channels(), g.height(), g.width());
        Tensor below = t.activation(batch, g.channels(), g.height(), g.width());
        return new Chain(g + " batch " + batch, List.of(new ConvolutionBackwardData("conv", g, y, weight, gradient),
                new ActivationBackward("relu", Activation.RELU, below, gradient, gradient)),
                Map.of(y, draw(random, y), weight, draw(random, weight), below, draw(random, below)), List.of(gradient),
                Precision.FP32, null);
    }

    /** A layer with ReLU, search and dropout, the way back through them, and the update of its parameters. */
    private static Chain layer(RandomGenerator random, int index, Precision precision) {
        boolean single = index % 2 == 0;
        // Every other one is a first layer, whose gradients in bf16 are in a packed form.
        ConvolutionGeometry g = index % 4 == 1 ? PackedInputTest.geometry(random) : ProductTrials.randomGeometry(random);
        Tensors t = new Tensors();
        int batch = random.nextInt(1, 4);
        Tensor input = t.activation(batch, g.channels(), g.height(), g.width());
        int outputs = single ? 4 * random.nextInt(1, 20) + random.nextInt(2) : g.filters();
        Tensor weight = single ? t.filter(outputs, g.channels(), g.height(), g.width(), 1)
                : t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        Tensor weightGradient = t.gradient(weight);
        Tensor weightMomentum = t.like(weight);
        Tensor output = single ? t.activation(batch, outputs, 1, 1) : t.activation(batch, outputs, g.outputHeight(), g.outputWidth());
        Tensor outputGradient = t.like(output);
        Tensor inputGradient = t.like(input);
        Tensor bias = t.vector(outputs);
        Tensor biasGradient = t.gradient(bias);
        Tensor biasMomentum = t.like(bias);
        Tensor status = t.integers(1, 3);
        float scale = random.nextBoolean() ? 1 : 2;
        Dropout below = new Dropout("dropout", input, input, 5, 0.5f, scale, input.channels(), 0);
        Dropout belowGradient = new Dropout("dropout", inputGradient, inputGradient, 5, 0.5f, scale, input.channels(), 0);
        // In bf16 a kernel by itself takes the tanh of what has been rounded.
        Activation function = precision == Precision.BF16 || random.nextBoolean() ? Activation.RELU : Activation.TANH;
        List<Operation> operations = List.of(new ActivationForward("relu", Activation.RELU, input, input), below,
                single ? new FullyConnectedForward("layer", input, weight, bias, output)
                        : new ConvolutionForward("layer", g, input, weight, bias, output),
                new ActivationForward("activation", function, output, output),
                new FiniteCheck("layer", output, status, 1),
                single ? new FullyConnectedBackwardData("layer", outputGradient, weight, inputGradient)
                        : new ConvolutionBackwardData("layer", g, outputGradient, weight, inputGradient),
                single ? new FullyConnectedBackwardWeights("layer", input, outputGradient, weightGradient, biasGradient)
                        : new ConvolutionBackwardWeights("layer", g, input, outputGradient, weightGradient, biasGradient),
                new SgdUpdate("layer", weightGradient, weight, weightMomentum, 0),
                new SgdUpdate("layer", biasGradient, bias, biasMomentum, 1),
                belowGradient, new ActivationBackward("relu", Activation.RELU, input, inputGradient, inputGradient));
        Map<Tensor, float[]> operands = new HashMap<>();
        for (Tensor tensor : List.of(input, weight, weightMomentum, outputGradient, bias, biasMomentum)) {
            operands.put(tensor, draw(random, tensor));
        }
        if (index % 3 == 0) {
            float[] values = operands.get(random.nextBoolean() ? bias : weight);
            values[random.nextInt(values.length)] = random.nextBoolean() ? Float.NaN : Float.POSITIVE_INFINITY;
        }
        operands.put(status, new float[3]);
        String name = precision + (single ? ", fully connected, " + outputs + " outputs, " : ", ") + g + " batch " + batch;
        return new Chain(name, operations, operands, List.of(status, output, inputGradient, weight, weightMomentum, bias, biasMomentum),
                precision, null);
    }

    /**
     * Long sums of few results, which are split; every third with results that are no whole fours, or whose numbers do not begin at such.
     */
    private static Chain dropped(RandomGenerator random, int index, Precision precision) {
        Tensors t = new Tensors();
        int odd = index % 3 == 2 ? random.nextInt(1, 4) : 0;
        boolean wide = random.nextBoolean();
        int outputs = 8 * random.nextInt(1, 12) + (wide ? 0 : odd);
        int before = 4 * random.nextInt(0, 5) + (wide ? odd : 0);
        Tensor input = t.activation(random.nextInt(1, 9), 8 * random.nextInt(100, 200), 1, 1);
        Tensor weight = t.filter(outputs, input.channels(), 1, 1, 1);
        Tensor bias = t.vector(outputs);
        Tensor output = t.activation(input.batch(), outputs, 1, 1);
        Tensor status = t.integers(1, 2);
        Dropout dropout = new Dropout("dropout", output, output, 5, random.nextFloat(0.2f, 0.8f), random.nextBoolean() ? 1 : 1.6f,
                (before + outputs + 3) / 4 * 4 + 4 * random.nextInt(0, 3), before, random.nextInt(0, 3), 0, 1);
        List<Operation> operations = new ArrayList<>(List.of(new FullyConnectedForward("layer", input, weight, bias, output)));
        if (random.nextInt(4) > 0) {
            operations.add(new ActivationForward("activation", Activation.RELU, output, output));
        }
        if (random.nextInt(4) > 0) {
            operations.add(new FiniteCheck("layer", output, status, 1));
        }
        operations.add(dropout);
        operations.add(new FiniteCheck("dropout", output, status, 0));
        Map<Tensor, float[]> operands = new HashMap<>(Map.of(status, new float[2]));
        for (Tensor tensor : List.of(input, weight, bias)) {
            operands.put(tensor, draw(random, tensor));
        }
        if (index % 4 == 1) {
            operands.get(bias)[random.nextInt(outputs)] = random.nextBoolean() ? Float.NaN : Float.NEGATIVE_INFINITY;
        }
        return new Chain(precision + ", " + outputs + " outputs behind " + before, operations, operands, List.of(output, status), precision,
                odd > 0 ? null : "product_reduce_dropout" + (precision == Precision.BF16 ? "_bf16" : ""));
    }

    private static Map<Tensor, float[]> run(Chain chain, boolean fused) {
        System.setProperty("duet.cuda.fusion", fused ? "on" : "off");
        try (Backend backend = Backends.open("virtual:0", CpuOptions.DEFAULT.withPrecision(chain.precision()))) {
            Map<Tensor, Region> regions = new HashMap<>();
            List<Step> steps = new ArrayList<>();
            long[] used = {0};
            for (Operation operation : chain.operations()) {
                Stream.concat(operation.reads().stream(), operation.writes().stream())
                        .forEach(tensor -> regions.computeIfAbsent(tensor, x -> place(used, backend.bytes(x))));
                long workspace = backend.workspaceBytes(operation, 0);
                steps.add(new Step.Launch(operation, workspace == 0 ? null : place(used, workspace)));
            }
            try (Storage storage = backend.allocateScratch(new long[] {used[0]});
                    Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), regions, storage,
                            storage)) {
                chain.operands().forEach(program::write);
                program.run(PARAMETERS);
                Map<Tensor, float[]> results = new HashMap<>();
                for (Tensor tensor : chain.results()) {
                    results.put(tensor, new float[(int) tensor.elements()]);
                    program.read(tensor, results.get(tensor));
                }
                return results;
            }
        } finally {
            System.clearProperty("duet.cuda.fusion");
        }
    }

    private static Region place(long[] used, long bytes) {
        Region region = new Region(Region.Area.TRANSIENT, used[0], bytes);
        used[0] = Region.align(region.end());
        return region;
    }
}
