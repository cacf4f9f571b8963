package duet.device;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What a device can be asked to compute: a typed value that names its operands. A backend lowers operations to kernels, and
 * may fuse neighbours of a stream. Unless it says otherwise an operation overwrites its results; where the same tensor is
 * read and written the operation works in place.
 */
public sealed interface Operation {
    /** The layer that it belongs to, for messages. */
    String layer();

    /** Tensors that it reads. */
    List<Tensor> reads();

    /** Tensors that it writes. */
    List<Tensor> writes();

    /** Floating point operations for one run; a multiply-add is two. */
    default long flop() {
        return 0;
    }

    /** Such as {@code ConvolutionForward}. */
    default String kind() {
        return getClass().getSimpleName();
    }

    private static List<Tensor> list(Tensor... tensors) {
        return Arrays.stream(tensors).filter(Objects::nonNull).toList();
    }

    // @formatter:off: each record says in a line each what it reads, what it writes and how much it computes
    /**
     * Turns stored images into the network's input: crop, mirror, minus the mean, plus a colour shift, times {@code scale}.
     * With y, x in the output and (top, left, mirror) the image's crop:
     * {@code output[n][c][y][x] = (images[n][top + y][left + x'][c] - mean[c][top + y][left + x'] + colourShift[n][c]) * scale},
     * x' = mirror ? width - 1 - x : x; a pixel outside the stored image gives 0.
     *
     * @param images      IMAGES, batch x channels x stored height x stored width
     * @param crops       INTEGERS, batch x 3: top, left, mirror (0 or 1); top and left may be negative
     * @param mean        ACTIVATION, 1 x channels x stored height x stored width
     * @param colourShift ACTIVATION, batch x channels x 1 x 1, or null
     */
    record PrepareInput(String layer, Tensor images, Tensor crops, Tensor mean, Tensor colourShift, Tensor output, float scale)
            implements Operation {
        @Override public List<Tensor> reads() { return list(images, crops, mean, colourShift); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 2L * output.elements(); }
    }

    /** @param bias VECTOR of the filters, or null */
    record ConvolutionForward(String layer, ConvolutionGeometry geometry, Tensor input, Tensor weight, Tensor bias, Tensor output)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, weight, bias); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 2L * output.batch() * geometry.multiplyAdds(); }
    }

    record ConvolutionBackwardData(String layer, ConvolutionGeometry geometry, Tensor outputGradient, Tensor weight, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(outputGradient, weight); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * geometry.multiplyAdds(); }
    }

    /** @param biasGradient VECTOR of the filters, or null */
    record ConvolutionBackwardWeights(
            String layer, ConvolutionGeometry geometry, Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(weightGradient, biasGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * geometry.multiplyAdds(); }
    }

    /**
     * output[n][o] = bias[o] + sum over c, y, x of weight[o][c][y][x] * input[n][c][y][x].
     *
     * @param weight FILTER, outputs x channels x height x width of the input
     * @param output ACTIVATION, batch x outputs x 1 x 1
     */
    record FullyConnectedForward(String layer, Tensor input, Tensor weight, Tensor bias, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input, weight, bias); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 2L * input.batch() * weight.elements(); }
    }

    record FullyConnectedBackwardData(String layer, Tensor outputGradient, Tensor weight, Tensor inputGradient) implements Operation {
        @Override public List<Tensor> reads() { return list(outputGradient, weight); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * weight.elements(); }
    }

    record FullyConnectedBackwardWeights(
            String layer, Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient) implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(weightGradient, biasGradient); }
        @Override public long flop() { return 2L * input.batch() * weightGradient.elements(); }
    }

    /** Elementwise non-linearities. NaN stays NaN, so that a fault shows where it arises. */
    enum Activation { RELU, TANH }

    /** output = max(input, 0) or tanh(input); usually in place. */
    record ActivationForward(String layer, Activation function, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /** From the layer's output y: inputGradient = outputGradient * (y > 0), or * (1 - y^2); may work in place on the gradient. */
    record ActivationBackward(String layer, Activation function, Tensor output, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(output, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return output.elements(); }
    }

    record ResponseNormForward(String layer, ResponseNorm norm, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (2L * norm.size() + 6) * output.elements(); }
    }

    /** From the layer's input; the normaliser is computed again. */
    record ResponseNormBackward(String layer, ResponseNorm norm, Tensor input, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (4L * norm.size() + 12) * input.elements(); }
    }

    record SpatialNormForward(String layer, SpatialNorm norm, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (2L * norm.size() * norm.size() + 6) * output.elements(); }
    }

    /** From the layer's input, like {@link ResponseNormBackward}. */
    record SpatialNormBackward(String layer, SpatialNorm norm, Tensor input, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (4L * norm.size() * norm.size() + 12) * input.elements(); }
    }

    /** @param winners WINNERS of the output's size, or null when nothing will go backward */
    record MaxPoolForward(String layer, PoolingGeometry geometry, Tensor input, Tensor output, Tensor winners) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output, winners); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * output.elements(); }
    }

    record MaxPoolBackward(String layer, PoolingGeometry geometry, Tensor winners, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(winners, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return outputGradient.elements(); }
    }

    record AveragePoolForward(String layer, PoolingGeometry geometry, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * output.elements(); }
    }

    record AveragePoolBackward(String layer, PoolingGeometry geometry, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * outputGradient.elements(); }
    }

    /**
     * Which elements dropout keeps: element e is kept where {@link Philox}(seed, purpose, step, e) as a fraction of 2^32 is not
     * below the rate. e = ((n * totalChannels + firstChannel + c) * height + y) * width + x, so a mask does not depend on the
     * placement. Kept elements are multiplied by {@code scale}. Forward and backward are the same operation.
     *
     * @param purpose      see {@link Philox}; differs between layers
     * @param totalChannels channels of the whole layer, over all devices
     * @param firstChannel  first channel held here
     */
    record Dropout(String layer, Tensor input, Tensor output, int purpose, float rate, float scale, int totalChannels, int firstChannel)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /** output = input * factor; usually in place. */
    record Scale(String layer, Tensor input, Tensor output, float factor) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /**
     * Softmax and cross-entropy. An image with label -1 is absent: loss 0, rank -1, gradient 0.
     *
     * @param labels        INTEGERS, batch x 1
     * @param losses        ACTIVATION batch x 1 x 1 x 1: -log(probability of the label)
     * @param ranks         INTEGERS batch x 1: how many classes have a larger logit than the label's, or an equal one and a lower index
     *                      (0 is a top-1 hit); a logit that is NaN counts as larger
     * @param probabilities ACTIVATION batch x classes x 1 x 1, or null
     * @param inputGradient (probabilities - onehot(label)) / batch, or null
     */
    record SoftmaxCrossEntropy(
            String layer, Tensor logits, Tensor labels, Tensor losses, Tensor ranks, Tensor probabilities, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(logits, labels); }
        @Override public List<Tensor> writes() { return list(losses, ranks, probabilities, inputGradient); }
        @Override public long flop() { return 5 * logits.elements(); }
    }

    /** whole = the parts side by side along the channels, in order. */
    record GatherChannels(String layer, List<Tensor> parts, Tensor whole) implements Operation {
        public GatherChannels { parts = List.copyOf(parts); }
        @Override public List<Tensor> reads() { return parts; }
        @Override public List<Tensor> writes() { return list(whole); }
    }

    /** part = the channels of {@code whole} from {@code firstChannel} on. */
    record SliceChannels(String layer, Tensor whole, int firstChannel, Tensor part) implements Operation {
        @Override public List<Tensor> reads() { return list(whole); }
        @Override public List<Tensor> writes() { return list(part); }
    }

    /** output = left + right; output may be either of them. */
    record Add(String layer, Tensor left, Tensor right, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(left, right); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /** status[index] = 1 if the tensor holds a NaN or an infinity, else 0. */
    record FiniteCheck(String layer, Tensor tensor, Tensor status, int index) implements Operation {
        @Override public List<Tensor> reads() { return list(tensor); }
        @Override public List<Tensor> writes() { return list(status); }
    }

    /**
     * The paper's update (section 5): momentum = mu * momentum - decay * rate * weight - rate * gradient; weight += momentum.
     * mu and the rate come with each run: rate = {@link RunParameters#learningRates()}[rateIndex], decay =
     * {@link RunParameters#weightDecays()}[rateIndex].
     */
    record SgdUpdate(String layer, Tensor gradient, Tensor weight, Tensor momentum, int rateIndex) implements Operation {
        @Override public List<Tensor> reads() { return list(gradient, weight, momentum); }
        @Override public List<Tensor> writes() { return list(weight, momentum); }
        @Override public long flop() { return 5 * weight.elements(); }
    }

    /**
     * Filters whose root mean square is above {@code radius} are scaled back to it, in place: w = w * radius / rms(w). A filter is
     * everything that one output is computed from. NaN stays NaN.
     */
    record FilterRenormalise(String layer, Tensor weight, float radius) implements Operation {
        @Override public List<Tensor> reads() { return list(weight); }
        @Override public List<Tensor> writes() { return list(weight); }
        @Override public long flop() { return 3 * weight.elements(); }
    }
}
