package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.Dropout;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.SgdUpdate;
import duet.device.Tensor;

/** Trials of the way back through a fully connected layer, in the order of a plan: what a backend may do in one pass over the weights. */
final class OnePassTrials {
    /** What lies below the layer. */
    enum Below { NOTHING, RELU, RELU_AND_DROPOUT }

    /**
     * A layer.
     *
     * @param batch    images
     * @param channels of its input of {@code size} x {@code size} pixels
     */
    record Shape(int batch, int channels, int size, int outputs, boolean bias, Below below) {}

    private OnePassTrials() {}

    /** Borders of blocks, slices and batches; outputs in several parts; a batch too large; and any shape in eights. */
    static List<Trial> of(RandomGenerator random, int count) {
        List<Shape> shapes = new ArrayList<>(List.of(new Shape(1, 8, 1, 8, false, Below.NOTHING),
                new Shape(128, 32, 1, 64, true, Below.RELU_AND_DROPOUT), new Shape(127, 40, 1, 72, true, Below.RELU),
                new Shape(64, 8, 6, 136, true, Below.NOTHING), new Shape(65, 24, 1, 8, true, Below.RELU_AND_DROPOUT),
                new Shape(16, 64, 1, 4096, true, Below.RELU_AND_DROPOUT), new Shape(17, 40, 1, 5000, true, Below.NOTHING),
                new Shape(129, 16, 1, 24, true, Below.RELU)));
        for (int i = 0; i < count; i++) {
            shapes.add(random(random));
        }
        List<Trial> trials = new ArrayList<>();
        for (Shape shape : shapes) {
            trials.add(of(random, shape));
        }
        trials.addAll(faulty(random));
        return trials;
    }

    /** AlexNet's batch, inputs and what lies below; of fc6 and fc7 fewer outputs, because the reference takes its time. */
    static List<Trial> ofAlexnet(RandomGenerator random, int outputs) {
        return List.of(of(random, new Shape(128, 256, 6, outputs, true, Below.NOTHING)),
                of(random, new Shape(128, 4096, 1, 2 * outputs, true, Below.RELU_AND_DROPOUT)),
                of(random, new Shape(128, 4096, 1, 1000, true, Below.RELU_AND_DROPOUT)));
    }

    static Shape random(RandomGenerator random) {
        return new Shape(random.nextInt(1, 129), 8 * random.nextInt(1, 12), random.nextInt(1, 4), 8 * random.nextInt(1, 25),
                random.nextInt(4) > 0, Below.values()[random.nextInt(Below.values().length)]);
    }

    static Trial of(RandomGenerator random, Shape shape) {
        return Draw.trial(random, operations(new Tensors(), shape).toArray(Operation[]::new));
    }

    /** A weight that is not finite, of any bits, is no zero. */
    static List<Trial> faulty(RandomGenerator random) {
        List<Trial> trials = new ArrayList<>();
        for (int bits : new int[] {0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7FC00000, 0x7F800000, 0xFF800000}) {
            Trial trial = of(random, new Shape(3, 96, 1, 64, true, Below.NOTHING));
            Tensor weight = ((FullyConnectedBackwardData) trial.operations().getFirst()).weight();
            trials.add(Draw.with(trial, weight, random.nextInt((int) weight.elements()), Float.intBitsToFloat(bits)));
        }
        return trials;
    }

    private static List<Operation> operations(Tensors t, Shape shape) {
        Tensor input = t.activation(shape.batch(), shape.channels(), shape.size(), shape.size());
        Tensor inputGradient = t.like(input);
        Tensor outputGradient = t.activation(shape.batch(), shape.outputs(), 1, 1);
        Tensor weight = t.filter(shape.outputs(), shape.channels(), shape.size(), shape.size(), 1);
        Tensor weightGradient = t.gradient(weight);
        Tensor bias = t.vector(shape.outputs());
        Tensor biasGradient = shape.bias() ? t.gradient(bias) : null;
        List<Operation> operations = new ArrayList<>();
        boolean dropout = shape.below() == Below.RELU_AND_DROPOUT;
        if (dropout) {
            operations.add(new ActivationForward("relu", Activation.RELU, input, input));
            operations.add(new Dropout("dropout", input, input, 5, 0.5f, 2, input.channels(), 0));
        }
        operations.add(new FullyConnectedBackwardData("fc", outputGradient, weight, inputGradient));
        operations.add(new FullyConnectedBackwardWeights("fc", input, outputGradient, weightGradient, biasGradient));
        operations.add(new SgdUpdate("fc", weightGradient, weight, t.like(weight), 2));
        if (shape.bias()) {
            operations.add(new SgdUpdate("fc", biasGradient, bias, t.like(bias), 3));
        }
        if (dropout) {
            operations.add(new Dropout("dropout", inputGradient, inputGradient, 5, 0.5f, 2, input.channels(), 0));
        }
        if (shape.below() != Below.NOTHING) {
            operations.add(new ActivationBackward("relu", Activation.RELU, input, inputGradient, inputGradient));
        }
        return operations;
    }
}
