package duet.reference;

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
import duet.device.ConvolutionGeometry;
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
import duet.device.ResponseNorm;
import duet.device.Tensor;
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
    @TestFactory
    Stream<DynamicTest> normAndPool() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 24).mapToObj(i -> FusedChain.test(forwardAndBackward(random, i, Precision.FP32)));
    }

    @TestFactory
    Stream<DynamicTest> normAndPoolInBf16() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 24).mapToObj(i -> FusedChain.test(forwardAndBackward(random, i, Precision.BF16)));
    }

    @TestFactory
    Stream<DynamicTest> convolutionGradientAndRelu() {
        RandomGenerator random = Seed.random(Seed.get());
        return IntStream.range(0, 12).mapToObj(i -> FusedChain.test(convolution(random)));
    }

    /** Also with numbers that are not finite, which the epilogue finds as the search by itself does. */
    @TestFactory
    Stream<DynamicTest> layersWithUpdates() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(Precision.FP32, Precision.BF16, Precision.BF16X3, Precision.BF16X6)
                .flatMap(precision -> IntStream.range(0, 12).mapToObj(i -> FusedChain.test(layer(random, i, precision))));
    }

    /** Response norm and max-pooling forward, then both gradients with that of the ReLU below. */
    private static FusedChain forwardAndBackward(RandomGenerator random, int index, Precision precision) {
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
        float[] input = FusedChain.draw(random, a);
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
        return new FusedChain(g + " " + norm + " batch " + batch, operations,
                Map.of(a, input, pooledGradient, FusedChain.draw(random, pooledGradient)),
                List.of(pooled, gradient), precision, top == 0 ? kernel : null);
    }

    private static FusedChain convolution(RandomGenerator random) {
        ConvolutionGeometry g = ProductTrials.randomGeometry(random);
        Tensors t = new Tensors();
        int batch = random.nextInt(1, 4);
        Tensor y = t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth());
        Tensor weight = t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        Tensor gradient = t.activation(batch, g.channels(), g.height(), g.width());
        Tensor below = t.activation(batch, g.channels(), g.height(), g.width());
        return new FusedChain(g + " batch " + batch, List.of(new ConvolutionBackwardData("conv", g, y, weight, gradient),
                new ActivationBackward("relu", Activation.RELU, below, gradient, gradient)),
                Map.of(y, FusedChain.draw(random, y), weight, FusedChain.draw(random, weight), below, FusedChain.draw(random, below)),
                List.of(gradient),
                Precision.FP32, null);
    }

    /** A layer with ReLU, search and dropout, the way back through them, and the update of its parameters. */
    private static FusedChain layer(RandomGenerator random, int index, Precision precision) {
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
            operands.put(tensor, FusedChain.draw(random, tensor));
        }
        if (index % 3 == 0) {
            float[] values = operands.get(random.nextBoolean() ? bias : weight);
            values[random.nextInt(values.length)] = random.nextBoolean() ? Float.NaN : Float.POSITIVE_INFINITY;
        }
        operands.put(status, new float[3]);
        String name = precision + (single ? ", fully connected, " + outputs + " outputs, " : ", ") + g + " batch " + batch;
        return new FusedChain(name, operations, operands,
                List.of(status, output, inputGradient, weight, weightMomentum, bias, biasMomentum),
                precision, null);
    }
}
