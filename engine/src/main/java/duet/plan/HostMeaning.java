package duet.plan;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

import duet.device.Operation;
import duet.device.Tensor;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Term.Kind;

/** What the host writes before a run and reads after it, as the plan tells it; and what is looked after for it. */
final class HostMeaning {
    private static final Range ONE = new Range(0, 1);

    private final Plan plan;
    private final Expected expected;
    private final Terms terms;
    private final Contents contents;
    /** By layer, what has been checked for NaN and infinity. */
    private final Map<String, Set<Content>> checked = new HashMap<>();

    HostMeaning(Plan plan, Expected expected, Terms terms, Contents contents) {
        this.plan = plan;
        this.expected = expected;
        this.terms = terms;
        this.contents = contents;
    }

    /** Parameters, and each lane's images and labels. */
    void written() {
        for (Plan.Parameter parameter : plan.parameters()) {
            int node = contents.node(parameter.layer(), Layer.Weighted.class);
            int slot = parameter.bias() ? 1 : 0;
            parameter.parts().forEach(part -> written(parameter, part, node, terms.leaf(Kind.PARAMETER, node, slot)));
            parameter.momentum().forEach(part -> written(parameter, part, node, terms.leaf(Kind.MOMENTUM, node, slot)));
        }
        for (Plan.Inputs inputs : plan.inputs()) {
            written(inputs.images(), inputs.runs(), Kind.IMAGES);
            written(inputs.crops(), inputs.runs(), Kind.CROPS);
            written(inputs.mean(), List.of(ONE), Kind.MEAN);
            if (inputs.colourShift() != null) {
                written(inputs.colourShift(), inputs.runs(), Kind.COLOURS);
            }
            written(inputs.labels(), List.of(new Range(inputs.firstLabel(), inputs.labels().batch())), Kind.LABELS);
            if (inputs.features() != null) {
                contents.forget(inputs.features());
            }
        }
    }

    private void written(Plan.Parameter parameter, Plan.Part part, int node, Term term) {
        Content held = Content.of(part, term);
        Contents.check(within(held, parameter, ((Layer.Weighted) expected.layer(node)).filter(expected.input(node))),
                () -> "has " + contents.words(held) + " in " + part.tensor()
                        + ", which is not all there");
        contents.put(part.tensor(), held);
    }

    private static boolean within(Content part, Plan.Parameter parameter, Shape filter) {
        List<Range> outputs = parameter.bias() ? part.channels() : part.images();
        return outputs.getFirst().first() >= 0 && outputs.getLast().end() <= parameter.sizes().getFirst()
                && (parameter.bias() || part.channels().getFirst().first() >= 0 && part.channels().getLast().end() <= filter.channels());
    }

    private void written(Tensor tensor, List<Range> images, Kind kind) {
        Content content = new Content(images, List.of(new Range(0, tensor.channels())),
                List.of(new Content.Band(new Range(0, tensor.height()), terms.leaf(kind, -1))), tensor.width());
        Contents.check(content.fits(tensor), () -> "has " + Content.words("image", images) + " for " + tensor);
        Content other = contents.get(tensor);
        Contents.check(other == null || other.equals(content), () -> "has lanes that write different images into " + tensor);
        contents.put(tensor, content);
    }

    /** A layer with parameters, or the non-linearity that alone takes it, which lets NaN through. */
    void checked(Operation.FiniteCheck op) {
        int node = contents.node(op.layer(), Layer.Weighted.class);
        Contents.check(op.index() >= 0 && op.index() < plan.checkedLayers().size()
                && plan.checkedLayers().get(op.index()).equals(op.layer()),
                () -> "notes its result at " + op.index()
                        + ", which is another layer's place");
        Content content = contents.of(op.tensor());
        int user = expected.onlyUser(node);
        Term value = user >= 0 && expected.layer(user) instanceof Layer.Nonlinearity && expected.value(user).equals(content.term())
                ? expected.value(user) : expected.value(node);
        contents.of(op.tensor(), value, op.layer());
        checked.computeIfAbsent(op.layer(), _ -> new LinkedHashSet<>()).add(content.with(value));
        contents.put(op.status(), Content.of(op.status(), 0, 0, terms.leaf(Kind.STATUS, -1)));
    }

    /** Losses and so on of all images, each from the lanes that say so; whole layers; all parameters updated. */
    void read() {
        losses();
        Set<String> names = new LinkedHashSet<>();
        plan.outputs().forEach(outputs -> names.addAll(outputs.layers().keySet()));
        names.forEach(this::given);
        plan.checkedLayers().forEach(name -> Contents.check(covers(checked.getOrDefault(name, Set.of()), expected.shape(index(name))),
                () -> "does not check all of " + name + " for NaN and infinity"));
        if (plan.mode() == Mode.TRAINING) {
            plan.parameters().forEach(this::updated);
        }
    }

    private int index(String name) {
        return contents.node(name, Layer.class);
    }

    private void losses() {
        List<Integer> auxiliary = IntStream.range(0, expected.nodes() - 1)
                .filter(node -> expected.layer(node) instanceof Layer.SoftmaxCrossEntropy).boxed().toList();
        int last = expected.nodes() - 1;
        Set<Content> all = new LinkedHashSet<>();
        for (Plan.Outputs outputs : plan.outputs()) {
            int first = outputs.firstImage();
            result(outputs.losses(), first, 1, terms.leaf(Kind.LOSSES, last));
            result(outputs.ranks(), first, 1, terms.leaf(Kind.RANKS, last));
            if (outputs.probabilities() != null) {
                result(outputs.probabilities(), first, expected.shape(last).channels(), terms.leaf(Kind.PROBABILITIES, last));
            }
            List<Tensor> others = outputs.auxiliary();
            Contents.check(plan.mode() != Mode.TRAINING || others.size() == auxiliary.size(), () -> "gives " + others.size() + " of "
                    + auxiliary.size() + " auxiliary losses");
            for (int i = 0; i < others.size(); i++) {
                result(others.get(i), first, 1, terms.leaf(Kind.LOSSES, auxiliary.get(i)));
            }
            all.add(contents.of(outputs.losses()));
        }
        Contents.check(covers(all, new Shape(1, 1, 1)), () -> "does not give the losses of all " + plan.batch() + " images");
    }

    private void result(Tensor tensor, int firstImage, int channels, Term term) {
        same(tensor, Content.of(new Range(firstImage, tensor.batch()), new Range(0, channels), ONE, 1, term));
    }

    private void same(Tensor tensor, Content promised) {
        Content given = contents.get(tensor);
        Contents.check(promised.equals(given), () -> "gives as " + contents.words(promised) + " what is "
                + (given == null ? "unknown" : contents.words(given)));
    }

    /** What a requested layer has made. */
    private void given(String name) {
        int node = index(name);
        Set<Content> pieces = new LinkedHashSet<>();
        for (Plan.Outputs outputs : plan.outputs()) {
            for (Plan.Piece piece : outputs.layers().getOrDefault(name, List.of())) {
                Tensor tensor = piece.tensor();
                Content promised = Content.of(new Range(piece.firstImage(), tensor.batch()),
                        new Range(piece.firstChannel(), tensor.channels()), new Range(piece.firstRow(), tensor.height()), tensor.width(),
                        expected.value(node));
                same(tensor, promised);
                pieces.add(promised);
            }
        }
        Contents.check(covers(pieces, expected.shape(node)), () -> "does not give all of " + name);
    }

    private void updated(Plan.Parameter parameter) {
        int node = index(parameter.layer());
        boolean scaled = !parameter.bias() && expected.layer(node) instanceof Layer.Convolution l && l.maximumRms() > 0;
        Term term = terms.leaf(scaled ? Kind.SCALED_BACK : Kind.UPDATED, node, parameter.bias() ? 1 : 0);
        parameter.parts().forEach(part -> same(part.tensor(), Content.of(part, term)));
    }

    private record Box(Range images, Range channels, Range rows) {
        long size() {
            return (long) images.count() * channels.count() * rows.count();
        }

        boolean meets(Box other) {
            return images.meet(other.images).count() > 0 && channels.meet(other.channels).count() > 0 && rows.meet(other.rows).count() > 0;
        }
    }

    /** Whether parts, of which no two meet unless they are the same, are all that a layer makes of a batch. */
    private boolean covers(Set<Content> parts, Shape shape) {
        Set<Box> boxes = new LinkedHashSet<>();
        parts.forEach(part -> part.images().forEach(images -> part.channels().forEach(channels -> part.rows()
                .forEach(rows -> boxes.add(new Box(images, channels, rows))))));
        List<Box> list = List.copyOf(boxes);
        Box whole = new Box(new Range(0, plan.batch()), new Range(0, shape.channels()), new Range(0, shape.height()));
        boolean apart = IntStream.range(0, list.size()).allMatch(i -> IntStream.range(0, i).noneMatch(j -> list.get(i).meets(list.get(j))));
        return apart && list.stream().mapToLong(Box::size).sum() == whole.size();
    }
}
