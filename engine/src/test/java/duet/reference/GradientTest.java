package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.AveragePoolBackward;
import duet.device.Operation.AveragePoolForward;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.Dropout;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Operation.SpatialNormForward;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.RunParameters;
import duet.device.SpatialNorm;
import duet.device.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * The reference's backward operations against differences of its forward operations. With weights r drawn at random, the gradient
 * of L = sum r * output is what the backward pass makes of r; every element of it is compared with (L(x + h) - L(x - h)) / 2h.
 */
class GradientTest {
    private static final double STEP = 1e-5;
    private static final RunParameters PARAMETERS = new RunParameters(11, 5, new float[0], new float[0], 0);

    private RandomGenerator random;
    private final Tensors tensors = new Tensors();
    private final Map<Tensor, double[]> values = new HashMap<>();

    @BeforeEach
    void drawAnew(RepetitionInfo info) {
        random = Seed.random(Seed.get() + info.getCurrentRepetition());
    }

    @RepeatedTest(20)
    void convolution() {
        ConvolutionGeometry g = smallConvolution();
        int batch = random.nextInt(1, 3);
        Tensor input = tensors.activation(batch, g.channels(), g.height(), g.width());
        Tensor weight = tensors.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        Tensor bias = tensors.vector(g.filters());
        Tensor output = tensors.activation(batch, g.filters(), g.outputHeight(), g.outputWidth());
        Tensor gradient = tensors.like(output);
        draw(input, weight, bias, gradient);
        Tensor inputGradient = tensors.like(input);
        Tensor weightGradient = tensors.like(weight);
        Tensor biasGradient = tensors.like(bias);
        compute(new ConvolutionBackwardData("conv", g, gradient, weight, inputGradient));
        compute(new ConvolutionBackwardWeights("conv", g, input, gradient, weightGradient, biasGradient));
        Operation forward = new ConvolutionForward("conv", g, input, weight, bias, output);
        compare(forward, output, values.get(gradient), input, inputGradient);
        compare(forward, output, values.get(gradient), weight, weightGradient);
        compare(forward, output, values.get(gradient), bias, biasGradient);
    }

    private ConvolutionGeometry smallConvolution() {
        while (true) {
            int groups = random.nextInt(1, 4);
            int kernel = random.nextInt(1, 5);
            ConvolutionGeometry g = ProductTrials.geometry(groups * random.nextInt(1, 4), random.nextInt(1, 8), random.nextInt(1, 8),
                    groups * random.nextInt(1, 4), kernel, random.nextInt(1, 4), random.nextInt(0, kernel), groups, random.nextBoolean());
            if (g != null) {
                return ProductTrials.cut(random, g);
            }
        }
    }

    @RepeatedTest(5)
    void fullyConnected() {
        Tensor input = tensors.activation(random.nextInt(1, 4), random.nextInt(1, 5), random.nextInt(1, 4), random.nextInt(1, 4));
        Tensor weight = tensors.filter(random.nextInt(1, 8), input.channels(), input.height(), input.width(), 1);
        Tensor bias = tensors.vector(weight.batch());
        Tensor output = tensors.activation(input.batch(), weight.batch(), 1, 1);
        Tensor gradient = tensors.like(output);
        draw(input, weight, bias, gradient);
        Tensor inputGradient = tensors.like(input);
        Tensor weightGradient = tensors.like(weight);
        Tensor biasGradient = tensors.like(bias);
        compute(new FullyConnectedBackwardData("fc", gradient, weight, inputGradient));
        compute(new FullyConnectedBackwardWeights("fc", input, gradient, weightGradient, biasGradient));
        Operation forward = new FullyConnectedForward("fc", input, weight, bias, output);
        compare(forward, output, values.get(gradient), input, inputGradient);
        compare(forward, output, values.get(gradient), weight, weightGradient);
        compare(forward, output, values.get(gradient), bias, biasGradient);
    }

    @RepeatedTest(10)
    void localResponseNorm() {
        int groups = random.nextInt(1, 4);
        Tensor input = tensors.activation(random.nextInt(1, 3), groups * random.nextInt(1, 9), random.nextInt(1, 4), random.nextInt(1, 4));
        Tensor output = tensors.like(input);
        Tensor gradient = tensors.like(input);
        Tensor inputGradient = tensors.like(input);
        draw(input, gradient);
        ResponseNorm norm = new ResponseNorm(2 * random.nextInt(0, 4) + 1, random.nextFloat(), random.nextFloat(0.3f, 1.5f), 1.5f, groups);
        compute(new ResponseNormBackward("norm", norm, input, gradient, inputGradient));
        compare(new ResponseNormForward("norm", norm, input, output), output, values.get(gradient), input, inputGradient);
    }

    @RepeatedTest(10)
    void spatialNorm() {
        Tensor input = tensors.activation(random.nextInt(1, 3), random.nextInt(1, 4), random.nextInt(1, 7), random.nextInt(1, 7));
        Tensor output = tensors.like(input);
        Tensor gradient = tensors.like(input);
        Tensor inputGradient = tensors.like(input);
        draw(input, gradient);
        SpatialNorm norm = new SpatialNorm(2 * random.nextInt(0, 4) + 1, random.nextFloat(), random.nextFloat(0.3f, 1.5f), 1.5f);
        compute(new SpatialNormBackward("norm", norm, input, gradient, inputGradient));
        compare(new SpatialNormForward("norm", norm, input, output), output, values.get(gradient), input, inputGradient);
    }

    @RepeatedTest(20)
    void pooling() {
        PoolingGeometry drawn = NeighbourhoodTrials.randomPooling(random);
        PoolingGeometry g = new PoolingGeometry(2, drawn.height(), drawn.width(), drawn.window(), drawn.stride(), drawn.padding(),
                drawn.paddingTop(),
                drawn.outputHeight(), drawn.outputWidth());
        Tensor input = tensors.activation(2, g.channels(), g.height(), g.width());
        Tensor output = tensors.activation(2, g.channels(), g.outputHeight(), g.outputWidth());
        Tensor gradient = tensors.like(output);
        Tensor inputGradient = tensors.like(input);
        draw(input, gradient);
        Operation average = new AveragePoolForward("pool", g, input, output);
        compute(new AveragePoolBackward("pool", g, gradient, inputGradient));
        compare(average, output, values.get(gradient), input, inputGradient);
        Tensor winners = tensors.winners(output);
        Operation max = new MaxPoolForward("pool", g, input, output, winners);
        compute(max);
        compute(new MaxPoolBackward("pool", g, winners, gradient, inputGradient));
        compare(max, output, values.get(gradient), input, inputGradient);
    }

    @RepeatedTest(3)
    void activationsAndDropout() {
        Tensor input = tensors.activation(random.nextInt(1, 4), random.nextInt(1, 6), random.nextInt(1, 5), random.nextInt(1, 5));
        Tensor output = tensors.like(input);
        Tensor gradient = tensors.like(input);
        Tensor inputGradient = tensors.like(input);
        draw(input, gradient);
        for (Activation function : Activation.values()) {
            Operation forward = new ActivationForward("activation", function, input, output);
            compute(forward);
            compute(new ActivationBackward("activation", function, output, gradient, inputGradient));
            compare(forward, output, values.get(gradient), input, inputGradient);
        }
        compute(new Dropout("dropout", gradient, inputGradient, 3, 0.4f, 1.5f, 20, 7, 5, 2, 9));
        compare(new Dropout("dropout", input, output, 3, 0.4f, 1.5f, 20, 7, 5, 2, 9), output, values.get(gradient), input, inputGradient);
    }

    /** Its gradient is that of the mean loss; an image with label -1 has none. */
    @RepeatedTest(5)
    void softmaxCrossEntropy() {
        Tensor logits = tensors.activation(random.nextInt(1, 6), random.nextInt(2, 9), 1, 1);
        Tensor labels = tensors.integers(logits.batch(), 1);
        Tensor losses = tensors.activation(logits.batch(), 1, 1, 1);
        Tensor gradient = tensors.like(logits);
        draw(logits);
        values.put(labels, random.ints(logits.batch(), -1, logits.channels()).asDoubleStream().toArray());
        Operation softmax = new SoftmaxCrossEntropy("softmax", logits, labels, losses, tensors.integers(logits.batch(), 1), null, gradient);
        compute(softmax);
        double[] mean = new double[logits.batch()];
        Arrays.fill(mean, 1.0 / logits.batch());
        values.put(logits, values.get(logits).clone());
        double[] computed = values.get(gradient).clone();
        Tensor kept = tensors.like(gradient);
        values.put(kept, computed);
        compare(softmax, losses, mean, logits, kept);
    }

    private void compute(Operation operation) {
        Reference.compute(operation, values, PARAMETERS);
    }

    /** Distinct values of either sign, none closer to another or to 0 than many steps: maxima and ReLU have no kink nearby. */
    private void draw(Tensor... operands) {
        for (Tensor tensor : operands) {
            double[] drawn = new double[(int) tensor.elements()];
            for (int i = 0; i < drawn.length; i++) {
                int j = random.nextInt(i + 1);
                drawn[i] = drawn[j];
                drawn[j] = (i + 0.5 - drawn.length / 2.0) * 2 / drawn.length + 0.1 / drawn.length;
            }
            values.put(tensor, drawn);
        }
    }

    private void compare(Operation forward, Tensor output, double[] weights, Tensor variable, Tensor gradient) {
        double[] x = values.get(variable);
        double[] expected = values.get(gradient);
        for (int i = 0; i < x.length; i++) {
            double before = x[i];
            x[i] = before + STEP;
            double above = weighted(forward, output, weights);
            x[i] = before - STEP;
            double below = weighted(forward, output, weights);
            x[i] = before;
            int element = i;
            assertEquals((above - below) / (2 * STEP), expected[i], 1e-7 * (1 + Math.abs(expected[i])),
                    () -> "element " + element + " of the gradient of " + variable + " in " + forward + ", -Dduet.seed=" + Seed.get());
        }
    }

    private double weighted(Operation forward, Tensor output, double[] weights) {
        compute(forward);
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            sum += weights[i] * values.get(output)[i];
        }
        return sum;
    }
}
