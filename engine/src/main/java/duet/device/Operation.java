package duet.device;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a device can be asked to compute: a typed value that names its operands. A backend lowers operations to kernels, and may fuse
 * neighbours of a stream. Unless it says otherwise an operation overwrites its results; where the same tensor is read and written the
 * operation works in place.
 *
 * <p>In the records below {@code layer} is for messages, tensors are ACTIVATIONs of one device unless something else is said, weights and
 * their gradients FILTERs; what is not described is as the formula has it.
 */
@SuppressWarnings("doclint:missing") // of operands that speak for themselves
public sealed interface Operation {
    /** {@return the layer that it belongs to, for messages} */
    String layer();

    /** {@return the tensors that it reads} */
    List<Tensor> reads();

    /** {@return the tensors that it writes} */
    List<Tensor> writes();

    /** {@return floating point operations for one run; a multiply-add is two} */
    default long flop() {
        return 0;
    }

    /** {@return the kind of operation, such as {@code ConvolutionForward}} */
    default String kind() {
        return getClass().getSimpleName();
    }

    private static List<Tensor> list(Tensor... tensors) {
        List<Tensor> list = new ArrayList<>(tensors.length);
        for (Tensor tensor : tensors) {
            if (tensor != null) {
                list.add(tensor);
            }
        }
        return Collections.unmodifiableList(list);
    }

    /** A pass of a convolution or fully connected layer: what backends do as products of matrices. */
    sealed interface Product extends Operation {}

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

    /**
     * Convolution: {@code output[n][f][y][x] = bias[f] + sum over c, i, j of weight[f][c][i][j] * input[n][c][y'][x']}, y' = y * stride -
     * paddingTop + i and x' = x * stride - padding + j, c over the channels of f's group; a pixel outside the image counts as 0.
     *
     * @param weight FILTER, filters x channels / groups x kernel x kernel
     * @param bias   VECTOR of the filters, or null
     */
    record ConvolutionForward(String layer, ConvolutionGeometry geometry, Tensor input, Tensor weight, Tensor bias, Tensor output)
            implements Product {
        @Override public List<Tensor> reads() { return list(input, weight, bias); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 2L * output.batch() * geometry.multiplyAdds(); }
    }

    /** The gradient of a convolution's input: each output's gradient times the weight of each pixel that it was computed from, summed. */
    record ConvolutionBackwardData(String layer, ConvolutionGeometry geometry, Tensor outputGradient, Tensor weight, Tensor inputGradient)
            implements Product {
        @Override public List<Tensor> reads() { return list(outputGradient, weight); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * geometry.multiplyAdds(); }
    }

    /**
     * The gradients of a convolution's weights and biases, summed over the batch.
     *
     * @param biasGradient VECTOR of the filters, or null
     */
    record ConvolutionBackwardWeights(
            String layer, ConvolutionGeometry geometry, Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient)
            implements Product {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(weightGradient, biasGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * geometry.multiplyAdds(); }
    }

    /**
     * A fully connected layer: {@code output[n][o] = bias[o] + sum over c, y, x of weight[o][c][y][x] * input[n][c][y][x]}.
     *
     * @param weight FILTER, outputs x channels x height x width of the input
     * @param bias   VECTOR of the outputs, or null
     * @param output ACTIVATION, batch x outputs x 1 x 1
     */
    record FullyConnectedForward(String layer, Tensor input, Tensor weight, Tensor bias, Tensor output) implements Product {
        @Override public List<Tensor> reads() { return list(input, weight, bias); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 2L * input.batch() * weight.elements(); }
    }

    /** The gradient of a fully connected layer's input: {@code inputGradient[n] = sum over o of outputGradient[n][o] * weight[o]}. */
    record FullyConnectedBackwardData(String layer, Tensor outputGradient, Tensor weight, Tensor inputGradient) implements Product {
        @Override public List<Tensor> reads() { return list(outputGradient, weight); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return 2L * outputGradient.batch() * weight.elements(); }
    }

    /**
     * The gradients of a fully connected layer's weights and biases, summed over the batch.
     *
     * @param biasGradient VECTOR of the outputs, or null
     */
    record FullyConnectedBackwardWeights(
            String layer, Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient) implements Product {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(weightGradient, biasGradient); }
        @Override public long flop() { return 2L * input.batch() * weightGradient.elements(); }
    }

    /** Elementwise non-linearities. NaN stays NaN, so that a fault shows where it arises. */
    enum Activation { RELU, TANH }

    /** A non-linearity: output = max(input, 0) or tanh(input); usually in place. */
    record ActivationForward(String layer, Activation function, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /** The gradient of an activation's input, from its output y: outputGradient * (y > 0), or * (1 - y^2); also in place. */
    record ActivationBackward(String layer, Activation function, Tensor output, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(output, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return output.elements(); }
    }

    /** Response normalisation over channels, see {@link ResponseNorm}. */
    record ResponseNormForward(String layer, ResponseNorm norm, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (2L * norm.size() + 6) * output.elements(); }
    }

    /** The gradient of a {@link ResponseNormForward}'s input, from the layer's input; the normaliser is computed again. */
    record ResponseNormBackward(String layer, ResponseNorm norm, Tensor input, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (4L * norm.size() + 12) * input.elements(); }
    }

    /** Response normalisation within each map, see {@link SpatialNorm}. */
    record SpatialNormForward(String layer, SpatialNorm norm, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (2L * norm.size() * norm.size() + 6) * output.elements(); }
    }

    /** The gradient of a {@link SpatialNormForward}'s input, from the layer's input; the normaliser is computed again. */
    record SpatialNormBackward(String layer, SpatialNorm norm, Tensor input, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(input, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (4L * norm.size() * norm.size() + 12) * input.elements(); }
    }

    /**
     * Max-pooling: the largest value of each window, and where it was.
     *
     * @param winners WINNERS of the output's size, or null when nothing will go backward
     */
    record MaxPoolForward(String layer, PoolingGeometry geometry, Tensor input, Tensor output, Tensor winners) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output, winners); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * output.elements(); }
    }

    /** The gradient of max-pooling's input: each output's gradient goes to its window's winner, summed where one won several. */
    record MaxPoolBackward(String layer, PoolingGeometry geometry, Tensor winners, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(winners, outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return outputGradient.elements(); }
    }

    /** Average pooling: the mean of each window's pixels that lie inside the image. */
    record AveragePoolForward(String layer, PoolingGeometry geometry, Tensor input, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * output.elements(); }
    }

    /** The gradient of average pooling's input: each pixel of a window that lies inside the image gets an equal share. */
    record AveragePoolBackward(String layer, PoolingGeometry geometry, Tensor outputGradient, Tensor inputGradient)
            implements Operation {
        @Override public List<Tensor> reads() { return list(outputGradient); }
        @Override public List<Tensor> writes() { return list(inputGradient); }
        @Override public long flop() { return (long) geometry.window() * geometry.window() * outputGradient.elements(); }
    }

    /**
     * Dropout. Element e is kept where {@link Philox}(seed, purpose, step, e) as a fraction of 2^32 is not below the rate. e =
     * (((firstImage + n) * totalChannels + firstChannel + c) * totalHeight + firstRow + y) * width + x, in 64 bits, so a mask does not
     * depend on the placement. Kept elements are multiplied by {@code scale}, the others become 0. Forward and backward are the same
     * operation.
     *
     * @param purpose       see {@link Philox}; differs between layers
     * @param totalChannels channels of the whole layer, over all devices
     * @param firstChannel  first channel held here
     * @param firstImage    first image of the whole batch held here
     * @param firstRow      first row held here
     * @param totalHeight   rows of the whole layer, over all devices
     */
    record Dropout(
            String layer, Tensor input, Tensor output, int purpose, float rate, float scale, int totalChannels, int firstChannel,
            int firstImage, int firstRow, int totalHeight) implements Operation {
        /** All images and all rows. */
        public Dropout(
                String layer, Tensor input, Tensor output, int purpose, float rate, float scale, int totalChannels, int firstChannel) {
            this(layer, input, output, purpose, rate, scale, totalChannels, firstChannel, 0, 0, input.height());
        }
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /** Multiplies by a constant: output = input * factor; usually in place. */
    record Scale(String layer, Tensor input, Tensor output, float factor) implements Operation {
        @Override public List<Tensor> reads() { return list(input); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /**
     * Softmax and cross-entropy. An image with label -1 is absent: loss 0, rank -1, gradient 0.
     *
     * @param logits        ACTIVATION batch x classes x 1 x 1, the scores
     * @param labels        INTEGERS, batch x 1
     * @param losses        ACTIVATION batch x 1 x 1 x 1: -log(probability of the label)
     * @param ranks         INTEGERS batch x 1: how many classes have a larger logit than the label's, or an equal one and a lower index (0
     *                      is a top-1 hit); a logit that is NaN counts as larger
     * @param probabilities ACTIVATION batch x classes x 1 x 1, or null
     * @param inputGradient (probabilities - onehot(label)) / divisor, or null
     * @param divisor       images of the whole batch, over all devices: so the gradient is that of their mean loss
     */
    record SoftmaxCrossEntropy(
            String layer, Tensor logits, Tensor labels, Tensor losses, Tensor ranks, Tensor probabilities, Tensor inputGradient,
            float divisor) implements Operation {
        /** The gradient of the mean loss of the images here. */
        public SoftmaxCrossEntropy(
                String layer, Tensor logits, Tensor labels, Tensor losses, Tensor ranks, Tensor probabilities, Tensor inputGradient) {
            this(layer, logits, labels, losses, ranks, probabilities, inputGradient, logits.batch());
        }
        @Override public List<Tensor> reads() { return list(logits, labels); }
        @Override public List<Tensor> writes() { return list(losses, ranks, probabilities, inputGradient); }
        @Override public long flop() { return 5 * logits.elements(); }
    }

    /**
     * Joins tensors: whole = the parts side by side along the axis, in order. Of filters along {@link Axis#BATCH}, their outputs: each part
     * but the last has a multiple of 64 and none has groups; groups of the whole have a multiple of 64 each.
     */
    record Gather(String layer, Axis axis, List<Tensor> parts, Tensor whole) implements Operation {
        public Gather { parts = List.copyOf(parts); }
        @Override public List<Tensor> reads() { return parts; }
        @Override public List<Tensor> writes() { return list(whole); }
    }

    /**
     * Copies a range: part = what {@code whole} has along the axis from {@code first} on. Of filters along {@link Axis#BATCH}, their
     * outputs: from a multiple of 64 on, as many as that or all that follow, to a part without groups; groups of the whole have a multiple
     * of 64 each.
     */
    record Slice(String layer, Axis axis, Tensor whole, int first, Tensor part) implements Operation {
        @Override public List<Tensor> reads() { return list(whole); }
        @Override public List<Tensor> writes() { return list(part); }
    }

    /** Adds a part to a range, in place: what {@code whole} has along the axis from {@code first} on += part; the rest stays. */
    record AddToSlice(String layer, Axis axis, Tensor part, Tensor whole, int first) implements Operation {
        @Override public List<Tensor> reads() { return list(part, whole); }
        @Override public List<Tensor> writes() { return list(whole); }
        @Override public long flop() { return part.elements(); }
    }

    /** Adds two tensors: output = left + right; output may be either of them. */
    record Add(String layer, Tensor left, Tensor right, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(left, right); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return output.elements(); }
    }

    /**
     * Of each image the stronger of two: output[n] = right[n] if the squares of its numbers add up to more than those of left[n], else
     * left[n]. Squares are compared in double, and NaN is more than any number. output may be either of them.
     */
    record Stronger(String layer, Tensor left, Tensor right, Tensor output) implements Operation {
        @Override public List<Tensor> reads() { return list(left, right); }
        @Override public List<Tensor> writes() { return list(output); }
        @Override public long flop() { return 4 * output.elements(); }
    }

    /** Looks for numbers that are not finite: status[index] = 1 if the tensor holds a NaN or an infinity, else 0. */
    record FiniteCheck(String layer, Tensor tensor, Tensor status, int index) implements Operation {
        @Override public List<Tensor> reads() { return list(tensor); }
        @Override public List<Tensor> writes() { return list(status); }
    }

    /**
     * An update of stochastic gradient descent as in the paper (section 5): momentum = mu * momentum - decay * rate * weight - rate *
     * gradient; weight += momentum. mu and the rate come with each run: rate = {@link RunParameters#learningRates()}[rateIndex], decay =
     * {@link RunParameters#weightDecays()}[rateIndex].
     *
     * @param rateIndex index of the parameter in its network
     */
    record SgdUpdate(String layer, Tensor gradient, Tensor weight, Tensor momentum, int rateIndex) implements Operation {
        @Override public List<Tensor> reads() { return list(gradient, weight, momentum); }
        @Override public List<Tensor> writes() { return list(weight, momentum); }
        @Override public long flop() { return 5 * weight.elements(); }
    }

    /**
     * Scales filters whose root mean square is above {@code radius} back to it, in place: w = w * radius / rms(w). A filter is everything
     * that one output is computed from. NaN stays NaN.
     */
    record FilterRenormalise(String layer, Tensor weight, float radius) implements Operation {
        @Override public List<Tensor> reads() { return list(weight); }
        @Override public List<Tensor> writes() { return list(weight); }
        @Override public long flop() { return 3 * weight.elements(); }
    }
}
