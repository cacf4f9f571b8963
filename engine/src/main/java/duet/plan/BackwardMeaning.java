package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.PoolingGeometry;
import duet.device.Tensor;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Content.Band;
import duet.plan.Term.Kind;
import duet.plan.Term.Leaf;
import duet.plan.Term.Share;

/** What losses and the operations of the way back take and make, and updates. */
final class BackwardMeaning {
    private static final Range ONE = new Range(0, 1);

    private final Plan plan;
    private final Expected expected;
    private final Terms terms;
    private final Contents contents;
    private final ForwardMeaning forward;

    BackwardMeaning(Plan plan, Expected expected, Terms terms, Contents contents, ForwardMeaning forward) {
        this.plan = plan;
        this.expected = expected;
        this.terms = terms;
        this.contents = contents;
        this.forward = forward;
    }

    /** All scores of the images whose labels it sees; the gradient is that of the whole batch's weighted mean loss. */
    void loss(Operation.SoftmaxCrossEntropy op) {
        int node = contents.node(op.layer(), Layer.SoftmaxCrossEntropy.class);
        Content logits = contents.taken(node, op.logits());
        Content labels = contents.of(op.labels(), terms.leaf(Kind.LABELS, -1), "the labels");
        Contents.check(logits.channels().equals(List.of(new Range(0, expected.input(node).channels()))),
                () -> "takes the scores of " + Content.words("channel", logits.channels()) + " alone");
        Contents.check(logits.images().equals(labels.images()), () -> "takes the scores of " + Content.words("image", logits.images())
                + ", but the labels of " + Content.words("image", labels.images()));
        float divisor = (float) (plan.batch() / ((Layer.SoftmaxCrossEntropy) expected.layer(node)).weight());
        Contents.check(op.divisor() == divisor, () -> "divides by " + op.divisor() + ", not by " + divisor);
        op.writes().forEach(
                tensor -> Contents.check(contents.get(tensor) == null, () -> "overwrites " + contents.words(contents.get(tensor))));
        contents.put(op.losses(), logits.withChannels(List.of(ONE), terms.leaf(Kind.LOSSES, node)));
        contents.put(op.ranks(), logits.withChannels(List.of(ONE), terms.leaf(Kind.RANKS, node)));
        if (op.probabilities() != null) {
            contents.put(op.probabilities(), logits.with(terms.leaf(Kind.PROBABILITIES, node)));
        }
        if (op.inputGradient() != null) {
            contents.put(op.inputGradient(), logits.with(terms.leaf(Kind.EDGE, node)));
        }
    }

    void convolutionData(Operation.ConvolutionBackwardData op) {
        int node = contents.node(op.layer(), Layer.Convolution.class);
        WeightedPart part = forward.part(node, op.weight());
        Content gradient = contents.gradient(node, op.outputGradient());
        part.makes(gradient);
        part.geometry(op.geometry());
        Range made = Contents.run(gradient.rows(), "row");
        Contents.check(made.count() == op.geometry().outputHeight(), () -> "computes with " + op.geometry().outputHeight()
                + " rows of its output, but takes the gradient of " + made.count());
        Range seen = part.windows().seen(made, op.geometry().paddingTop(), op.geometry().height());
        boolean rows = !made.equals(new Range(0, part.output().height()));
        Contents.check(part.ofOutputs() == null || !rows, () -> "has parts of the outputs and parts of the rows");
        contents.put(op.inputGradient(), new Content(gradient.images(), List.of(part.channels()),
                rows ? bands(node, part.windows(), made, seen)
                        : List.of(new Band(seen, terms.leaf(Kind.EDGE, node, 0, part.ofOutputs()))),
                part.input().width()));
    }

    /** Of each row of the input, the gradient from the windows that are here. */
    private List<Band> bands(int node, WindowRows windows, Range made, Range seen) {
        List<Band> bands = new ArrayList<>();
        for (int row = seen.first(); row < seen.end(); row++) {
            Range over = windows.over(row);
            Range here = over.meet(made);
            Share share = new Share(Axis.ROWS, here.count() == 0 ? new Range(0, 0) : here, over.count() == 0 ? new Range(0, 0) : over);
            bands.add(new Band(new Range(row, 1), terms.leaf(Kind.EDGE, node, 0, share)));
        }
        return bands;
    }

    void fullyConnectedData(Operation.FullyConnectedBackwardData op) {
        int node = contents.node(op.layer(), Layer.FullyConnected.class);
        WeightedPart part = forward.part(node, op.weight());
        Content gradient = contents.gradient(node, op.outputGradient());
        part.makes(gradient);
        contents.put(op.inputGradient(), new Content(gradient.images(), List.of(part.channels()), List.of(new Band(
                new Range(0, part.input().height()), terms.leaf(Kind.EDGE, node, 0, part.ofOutputs()))), part.input().width()));
    }

    void convolutionWeights(Operation.ConvolutionBackwardWeights op) {
        int node = contents.node(op.layer(), Layer.Convolution.class);
        Content gradient = contents.gradient(node, op.outputGradient());
        Content input = contents.taken(node, op.input());
        int channels = ((Layer.Convolution) expected.layer(node)).filter(expected.input(node)).channels();
        WeightedPart part = forward.part(node, Contents.run(gradient.channels(), "output"), new Range(0, channels));
        Range rows = forward.convolved(node, part, input, op.geometry());
        Contents.check(gradient.rows().equals(List.of(rows)), () -> "makes " + Content.words("row", List.of(rows))
                + ", but takes the gradient of " + Content.words("row", gradient.rows()));
        weights(node, part, input, gradient, op.weightGradient(), op.biasGradient());
    }

    void fullyConnectedWeights(Operation.FullyConnectedBackwardWeights op) {
        int node = contents.node(op.layer(), Layer.FullyConnected.class);
        Content gradient = contents.gradient(node, op.outputGradient());
        Content input = contents.taken(node, op.input());
        WeightedPart part = forward.part(node, Contents.run(gradient.channels(), "output"), Contents.run(input.channels(), "channel"));
        forward.connected(node, part, op.input());
        weights(node, part, input, gradient, op.weightGradient(), op.biasGradient());
    }

    /** Summed over the images and the rows that are here. */
    private void weights(int node, WeightedPart part, Content input, Content gradient, Tensor weight, Tensor bias) {
        Contents.check(input.images().equals(gradient.images()), () -> "takes " + Content.words("image", input.images())
                + " and the gradient of " + Content.words("image", gradient.images()));
        Range rows = Contents.run(gradient.rows(), "row");
        Share byRows = new Share(Axis.ROWS, rows, new Range(0, part.output().height()));
        Share byImages = new Share(Axis.BATCH, gradient.images(), new Range(0, plan.batch()));
        List<Share> shares = List.of(byImages, byRows);
        contents.put(weight, part.weight(terms.leaf(Kind.PARAMETER_GRADIENT, node, 0, shares)));
        if (bias != null) {
            Contents.check(part.layer().bias(), () -> "computes the gradient of a bias, but there is none");
            contents.put(bias, part.bias(terms.leaf(Kind.PARAMETER_GRADIENT, node, 1, shares)));
        }
    }

    void activation(Operation.ActivationBackward op) {
        int node = contents.node(op.layer(), Layer.Nonlinearity.class);
        Activation function = ((Layer.Nonlinearity) expected.layer(node)).function();
        Contents.check(function == op.function(), () -> "is not the layer's function");
        Content output = contents.of(op.output());
        Contents.check(output.term() != null && showsOutput(node, function, output.term()),
                () -> "takes " + contents.words(output) + ", which does not show what " + op.layer() + " made");
        Content gradient = contents.gradient(node, op.outputGradient());
        same(output, gradient);
        contents.put(op.inputGradient(), gradient.with(terms.leaf(Kind.EDGE, node)));
    }

    /**
     * Whether a value is the output of a non-linearity, or what others have made of it that leave all of it that the gradient needs: the
     * signs for a ReLU. Elements that a mask made 0 get no gradient from above anyhow, as long as nothing else takes the output.
     */
    private boolean showsOutput(int node, Activation function, Term value) {
        int last = node;
        while (!expected.value(last).equals(value)) {
            int user = expected.onlyUser(last);
            boolean shows = user >= 0 && switch (expected.layer(user)) {
                case Layer.Dropout l -> function == Activation.RELU || !l.inverted() || l.rate() == 0;
                case Layer.Nonlinearity l -> function == Activation.RELU && l.function() == Activation.RELU;
                default -> false;
            };
            if (!shows) {
                return false;
            }
            last = user;
        }
        return true;
    }

    private void same(Content one, Content gradient) {
        Contents.check(one.sameRegion(gradient), () -> "takes " + contents.words(one) + " and a gradient of " + gradient.region());
    }

    void norm(Operation.ResponseNormBackward op) {
        int node = contents.node(op.layer(), Layer.LocalResponseNorm.class);
        forward.norm(node, op.norm(), contents.taken(node, op.input()));
        normalised(node, op.input(), op.outputGradient(), op.inputGradient());
    }

    void norm(Operation.SpatialNormBackward op) {
        int node = contents.node(op.layer(), Layer.SpatialResponseNorm.class);
        forward.norm(node, op.norm(), contents.taken(node, op.input()));
        normalised(node, op.input(), op.outputGradient(), op.inputGradient());
    }

    private void normalised(int node, Tensor input, Tensor outputGradient, Tensor inputGradient) {
        Content gradient = contents.gradient(node, outputGradient);
        same(contents.of(input), gradient);
        contents.put(inputGradient, gradient.with(terms.leaf(Kind.EDGE, node)));
    }

    /** @param winners of max-pooling, else null */
    void pooling(String layer, Layer.Pooling.Kind kind, PoolingGeometry geometry, Tensor winners, Tensor outputGradient,
            Tensor inputGradient) {
        int node = contents.node(layer, Layer.Pooling.class);
        Content gradient = contents.gradient(node, outputGradient);
        forward.pooled(node, kind, geometry, gradient);
        if (winners != null) {
            same(contents.of(winners, terms.leaf(Kind.WINNERS, node), "the winners of " + layer), gradient);
        }
        Range made = Contents.run(gradient.rows(), "row");
        Contents.check(made.count() == geometry.outputHeight(), () -> "computes with " + geometry.outputHeight()
                + " rows of its output, but takes the gradient of " + made.count());
        Range seen = forward.windows(node).seen(made, geometry.paddingTop(), geometry.height());
        contents.put(inputGradient, new Content(gradient.images(), gradient.channels(), bands(node, forward.windows(node), made, seen),
                expected.input(node).width()));
    }

    /** The same operation on both ways. */
    void dropout(Operation.Dropout op) {
        int node = contents.node(op.layer(), Layer.Dropout.class);
        Layer.Dropout l = (Layer.Dropout) expected.layer(node);
        Shape shape = expected.shape(node);
        Content input = contents.of(op.input());
        Term value = expected.taken(node);
        boolean back = expected.gradient(node) != null && expected.gradient(node).equals(input.term());
        Contents.check(back || value.equals(input.term()), () -> "takes " + contents.words(input) + ", neither " + contents.words(value)
                + " nor the gradient of " + op.layer());
        Operation.Dropout right = new Operation.Dropout(op.layer(), op.input(), op.output(), node, (float) l.rate(),
                l.inverted() ? (float) (1 / (1 - l.rate())) : 1, shape.channels(), Contents.run(input.channels(), "channel").first(),
                Contents.run(input.images(), "image").first(), Contents.run(input.rows(), "row").first(), shape.height());
        Contents.check(right.equals(op), () -> "draws " + numbers(op) + ", not " + numbers(right));
        contents.put(op.output(), input.with(back ? terms.leaf(Kind.EDGE, node) : expected.value(node)));
    }

    private static String numbers(Operation.Dropout op) {
        return "for purpose " + op.purpose() + " at rate " + op.rate() + ", times " + op.scale() + ", from image " + op.firstImage()
                + ", channel " + op.firstChannel() + " of " + op.totalChannels() + " and row " + op.firstRow() + " of " + op.totalHeight();
    }

    /** From a complete gradient, and with the momentum, of just what the tensor holds. */
    void update(Operation.SgdUpdate op) {
        Content held = contents.of(op.weight());
        Leaf leaf = held.term() == null ? null : held.term().leaf();
        Contents.check(leaf != null && leaf.kind() == Kind.PARAMETER && leaf.node() == contents.node(op.layer(), Layer.Weighted.class),
                () -> "updates " + contents.words(held));
        Term term = terms.leaf(Kind.PARAMETER_GRADIENT, leaf.node(), leaf.slot());
        Content gradient = contents.of(op.gradient(), term, terms.words(term));
        Contents.check(gradient.sameRegion(held), () -> "updates " + contents.words(held) + " from " + contents.words(gradient));
        Term speed = terms.leaf(Kind.MOMENTUM, leaf.node(), leaf.slot());
        Content momentum = contents.of(op.momentum(), speed, terms.words(speed));
        Contents.check(momentum.sameRegion(held), () -> "updates " + contents.words(held) + " with " + contents.words(momentum));
        // a backend may lay out each group by itself
        Contents.check(op.weight().groups() == op.gradient().groups() && op.weight().groups() == op.momentum().groups(),
                () -> "updates " + op.weight().groups() + " groups from " + op.gradient().groups() + " with " + op.momentum().groups());
        contents.put(op.weight(), held.with(terms.leaf(Kind.UPDATED, leaf.node(), leaf.slot())));
    }

    void scaleBack(Operation.FilterRenormalise op) {
        int node = contents.node(op.layer(), Layer.Convolution.class);
        float radius = (float) ((Layer.Convolution) expected.layer(node)).maximumRms();
        Contents.check(radius > 0 && op.radius() == radius, () -> "scales back to " + op.radius() + ", not to " + radius);
        Term updated = terms.leaf(Kind.UPDATED, node);
        contents.put(op.weight(), contents.of(op.weight(), updated, terms.words(updated)).with(terms.leaf(Kind.SCALED_BACK, node)));
    }
}
