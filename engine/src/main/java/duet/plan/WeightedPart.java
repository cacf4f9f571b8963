package duet.plan;

import java.util.List;

import duet.device.Axis;
import duet.device.ConvolutionGeometry;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Term.Share;

/**
 * The part of a layer with parameters that an operation computes: some of the outputs, from the channels of their groups; of a fully
 * connected layer also some of the inputs.
 *
 * @param outputs     of the layer
 * @param channels    of the layer's input that these outputs see
 * @param inputs      of the weight
 * @param groups      that the outputs belong to
 * @param ofOutputs   which share of its input's gradient the outputs give; null for all of it
 * @param ofInputs    which share of its value the inputs give
 */
record WeightedPart(Layer.Weighted layer, Shape input, Shape output, Range outputs, Range channels, Range inputs, int groups,
        Share ofOutputs, Share ofInputs) {

    /** @param inputs of the weight: channels of a group */
    static WeightedPart of(Layer.Weighted layer, Shape input, Shape output, Range outputs, Range inputs) {
        Range all = new Range(0, layer.filter(input).channels());
        if (layer instanceof Layer.FullyConnected) {
            return new WeightedPart(layer, input, output, outputs, inputs, inputs, 1,
                    new Share(Axis.CHANNELS, outputs, new Range(0, layer.outputs())), new Share(Axis.CHANNELS, inputs, all));
        }
        int size = layer.outputs() / layer.groups();
        int first = outputs.first() / size;
        int groups = (outputs.end() - 1) / size + 1 - first;
        boolean whole = outputs.first() % size == 0 && outputs.end() % size == 0;
        Contents.check(whole || groups == 1, () -> "makes " + words(outputs) + ", which are parts of several groups");
        Contents.check(inputs.equals(all), () -> "has the weights of " + words(inputs) + " of a group's " + all.count());
        return new WeightedPart(layer, input, output, outputs, new Range(first * all.count(), groups * all.count()), inputs, groups,
                whole ? null : new Share(Axis.CHANNELS, outputs, new Range(first * size, size)), null);
    }

    /** Whether a part of the weight has the right sizes. */
    boolean fits(Content weight) {
        Shape filter = layer.filter(input);
        return weight.rows().equals(List.of(new Range(0, filter.height()))) && weight.width() == filter.width();
    }

    /** What belongs to it of the weight, or of its gradient. */
    Content weight(Term term) {
        Shape filter = layer.filter(input);
        return Content.of(outputs, inputs, new Range(0, filter.height()), filter.width(), term);
    }

    Content bias(Term term) {
        return Content.of(new Range(0, 1), outputs, new Range(0, 1), 1, term);
    }

    /** What the layer sees must be the channels of its groups. */
    void sees(Content seen, String what) {
        Contents.check(seen.channels().equals(List.of(channels)), () -> "sees " + Content.words("channel", seen.channels()) + " of " + what
                + ", but its " + words(outputs) + " need " + Content.words("channel", List.of(channels)));
    }

    /** The gradient must be that of these outputs. */
    void makes(Content gradient) {
        Contents.check(gradient.channels().equals(List.of(outputs)), () -> "takes the gradient of "
                + Content.words("output", gradient.channels()) + ", but has the weights of " + words(outputs));
    }

    WindowRows windows() {
        return new WindowRows(layer.receptiveWindow(), input.height(), output.height());
    }

    /** A convolution's numbers, of which some follow from the operation's. */
    void geometry(ConvolutionGeometry given) {
        Layer.Convolution l = (Layer.Convolution) layer;
        ConvolutionGeometry right = new ConvolutionGeometry(channels.count(), given.height(), input.width(), outputs.count(), l.kernel(),
                l.stride(), l.padding(), given.paddingTop(), groups, given.outputHeight(), output.width());
        Contents.check(right.equals(given), () -> "computes with " + given + ", not " + right);
    }

    private static String words(Range outputs) {
        return Content.words("output", List.of(outputs));
    }
}
