package duet.plan;

import java.util.List;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.SpatialNorm;
import duet.device.Tensor;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Term.Kind;

/** What the operations of layers take and make on the way forward; those of the way back that share their geometry ask here too. */
final class ForwardMeaning {
    private static final Range ONE = new Range(0, 1);

    private final Expected expected;
    private final Terms terms;
    private final Contents contents;
    /** Of the first image that was prepared: all are prepared alike. */
    private Float scale;

    ForwardMeaning(Expected expected, Terms terms, Contents contents) {
        this.expected = expected;
        this.terms = terms;
        this.contents = contents;
    }

    /** All operands must be of the same images. */
    void prepare(Operation.PrepareInput op) {
        Content images = contents.of(op.images(), terms.leaf(Kind.IMAGES, -1), "the stored images");
        Content crops = contents.of(op.crops(), terms.leaf(Kind.CROPS, -1), "the crops");
        contents.of(op.mean(), terms.leaf(Kind.MEAN, -1), "the mean image");
        sameImages(images, crops, "the crops");
        if (op.colourShift() != null) {
            sameImages(images, contents.of(op.colourShift(), terms.leaf(Kind.COLOURS, -1), "the colour shifts"), "the colour shifts");
        }
        scale = scale == null ? (Float) op.scale() : scale;
        Contents.check(scale.equals(op.scale()), () -> "scales by " + op.scale() + ", others by " + scale);
        Shape shape = expected.shape(-1);
        contents.put(op.output(), new Content(images.images(), List.of(new Range(0, shape.channels())),
                List.of(new Content.Band(new Range(0, shape.height()), expected.value(-1))), shape.width()));
    }

    private static void sameImages(Content one, Content other, String what) {
        Contents.check(one.images().equals(other.images()), () -> "takes " + Content.words("image", one.images()) + " and " + what + " of "
                + Content.words("image", other.images()));
    }

    /** The part of a layer whose weight a tensor holds; updates come later. */
    WeightedPart part(int node, Tensor weight) {
        Content held = contents.of(weight, terms.leaf(Kind.PARAMETER, node), expected.layer(node).name() + ".weight");
        WeightedPart part = part(node, Contents.run(held.images(), "output"), Contents.run(held.channels(), "channel"));
        Contents.check(part.fits(held) && weight.groups() == part.groups(), () -> "takes a weight of another size: " + weight);
        return part;
    }

    WeightedPart part(int node, Range outputs, Range inputs) {
        return WeightedPart.of((Layer.Weighted) expected.layer(node), expected.input(node), expected.shape(node), outputs, inputs);
    }

    void convolution(Operation.ConvolutionForward op) {
        int node = contents.node(op.layer(), Layer.Convolution.class);
        WeightedPart part = part(node, op.weight());
        bias(node, part, op.bias(), part.layer().bias());
        Content input = contents.taken(node, op.input());
        Range rows = convolved(node, part, input, op.geometry());
        contents.put(op.output(), new Content(input.images(), List.of(part.outputs()),
                List.of(new Content.Band(rows, expected.value(node))), part.output().width()));
    }

    /** The rows that a convolution makes of its input. */
    Range convolved(int node, WeightedPart part, Content input, ConvolutionGeometry geometry) {
        part.sees(input, contents.words(expected.taken(node)));
        part.geometry(geometry);
        Range seen = Contents.run(input.rows(), "row");
        Contents.check(seen.count() == geometry.height(), () -> "computes with " + geometry.height() + " rows, but sees " + seen.count());
        return part.windows().made(seen, geometry.paddingTop(), geometry.outputHeight());
    }

    void fullyConnected(Operation.FullyConnectedForward op) {
        int node = contents.node(op.layer(), Layer.FullyConnected.class);
        WeightedPart part = part(node, op.weight());
        // of partial sums one has the bias
        bias(node, part, op.bias(), part.layer().bias() && part.inputs().first() == 0);
        Content input = connected(node, part, op.input());
        contents.put(op.output(), new Content(input.images(), List.of(part.outputs()),
                List.of(new Content.Band(ONE, terms.leaf(Kind.VALUE, node, 0, part.ofInputs()))), 1));
    }

    /** What a fully connected layer takes: whole maps of some channels. */
    Content connected(int node, WeightedPart part, Tensor tensor) {
        Content input = contents.taken(node, tensor);
        part.sees(input, contents.words(expected.taken(node)));
        allRows(input, part.input());
        return input;
    }

    private static void allRows(Content input, Shape shape) {
        Contents.check(input.rows().equals(List.of(new Range(0, shape.height()))), () -> "sees " + Content.words("row", input.rows())
                + ", but needs all " + shape.height());
    }

    private void bias(int node, WeightedPart part, Tensor bias, boolean wanted) {
        Contents.check((bias != null) == wanted, () -> wanted ? "adds no bias" : "adds a bias that it must not add");
        if (wanted) {
            Term term = terms.leaf(Kind.PARAMETER, node, 1);
            Content held = contents.of(bias, term, terms.words(term));
            Contents.check(held.equals(part.bias(term)), () -> "takes the bias of " + Content.words("output", held.channels())
                    + ", but makes " + Content.words("output", List.of(part.outputs())));
        }
    }

    void activation(Operation.ActivationForward op) {
        int node = contents.node(op.layer(), Layer.Nonlinearity.class);
        Contents.check(((Layer.Nonlinearity) expected.layer(node)).function() == op.function(), () -> "is not the layer's function");
        elementwise(node, op.input(), op.output());
    }

    private void elementwise(int node, Tensor input, Tensor output) {
        contents.put(output, contents.taken(node, input).with(expected.value(node)));
    }

    void norm(Operation.ResponseNormForward op) {
        int node = contents.node(op.layer(), Layer.LocalResponseNorm.class);
        norm(node, op.norm(), contents.taken(node, op.input()));
        elementwise(node, op.input(), op.output());
    }

    /** Whole groups, whose borders the operation must know. */
    void norm(int node, ResponseNorm norm, Content input) {
        Layer.LocalResponseNorm l = (Layer.LocalResponseNorm) expected.layer(node);
        int size = expected.shape(node).channels() / l.groups();
        Contents.check(input.channels().stream().allMatch(run -> run.first() % size == 0 && run.count() % size == 0),
                () -> "sees " + Content.words("channel", input.channels()) + ", which are not whole groups of " + size);
        int groups = input.channels().stream().mapToInt(Range::count).sum() / size;
        ResponseNorm right = new ResponseNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k(), groups);
        Contents.check(right.equals(norm), () -> "computes with " + norm + ", not " + right);
    }

    void norm(Operation.SpatialNormForward op) {
        int node = contents.node(op.layer(), Layer.SpatialResponseNorm.class);
        norm(node, op.norm(), contents.taken(node, op.input()));
        elementwise(node, op.input(), op.output());
    }

    /** Whole maps. */
    void norm(int node, SpatialNorm norm, Content input) {
        Layer.SpatialResponseNorm l = (Layer.SpatialResponseNorm) expected.layer(node);
        SpatialNorm right = new SpatialNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k());
        Contents.check(right.equals(norm), () -> "computes with " + norm + ", not " + right);
        allRows(input, expected.shape(node));
    }

    /** @param winners null for none */
    void pooling(String layer, Layer.Pooling.Kind kind, PoolingGeometry geometry, Tensor input, Tensor output, Tensor winners) {
        int node = contents.node(layer, Layer.Pooling.class);
        Content seen = contents.taken(node, input);
        pooled(node, kind, geometry, seen);
        Range rows = Contents.run(seen.rows(), "row");
        Contents.check(rows.count() == geometry.height(), () -> "computes with " + geometry.height() + " rows, but sees " + rows.count());
        Range made = windows(node).made(rows, geometry.paddingTop(), geometry.outputHeight());
        Content result = new Content(seen.images(), seen.channels(), List.of(new Content.Band(made, expected.value(node))),
                expected.shape(node).width());
        contents.put(output, result);
        if (winners != null) {
            contents.put(winners, result.with(terms.leaf(Kind.WINNERS, node)));
        }
    }

    /** A pooling's numbers, of which some follow from the operation's. */
    void pooled(int node, Layer.Pooling.Kind kind, PoolingGeometry given, Content content) {
        Layer.Pooling l = (Layer.Pooling) expected.layer(node);
        PoolingGeometry right = new PoolingGeometry(content.channels().stream().mapToInt(Range::count).sum(), given.height(),
                expected.input(node).width(), l.window(), l.stride(), l.padding(), given.paddingTop(), given.outputHeight(),
                expected.shape(node).width());
        Contents.check(l.kind() == kind && right.equals(given), () -> "pools with " + given + ", not by " + l.kind() + " with " + right);
    }

    WindowRows windows(int node) {
        return new WindowRows(expected.layer(node).receptiveWindow(), expected.input(node).height(), expected.shape(node).height());
    }

    /** Evaluation's way of dropout; by 1 it is a copy. */
    void scale(Operation.Scale op) {
        Content input = contents.of(op.input());
        Integer node = expected.index(op.layer());
        if (node != null && node >= 0 && expected.layer(node) instanceof Layer.Dropout l && expected.scales(node)
                && expected.taken(node).equals(input.term())) {
            Contents.check(op.factor() == Expected.keeps(l), () -> "scales by " + op.factor() + ", not by " + Expected.keeps(l));
            contents.put(op.output(), input.with(expected.value(node)));
        } else {
            Contents.check(op.factor() == 1, () -> "scales " + contents.words(input) + " by " + op.factor());
            contents.put(op.output(), input);
        }
    }
}
