package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.net.Layer;
import duet.plan.Content.Band;
import duet.plan.Term.Kind;

/** What is cut out, joined and added up on the way between lanes, and by the layers that do nothing else. */
final class MovedMeaning {
    private final Expected expected;
    private final Terms terms;
    private final Contents contents;

    MovedMeaning(Expected expected, Terms terms, Contents contents) {
        this.expected = expected;
        this.terms = terms;
        this.contents = contents;
    }

    /** The parts in their order: of one thing, or a concatenation's inputs. */
    void gather(Operation.Gather op) {
        List<Content> parts = op.parts().stream().map(contents::of).toList();
        Integer node = expected.index(op.layer());
        if (node != null && node >= 0 && op.axis() == Axis.CHANNELS && concatenates(node, parts)) {
            contents.put(op.whole(), concatenated(node, parts));
            return;
        }
        Content whole = parts.getFirst();
        for (Content part : parts.subList(1, parts.size())) {
            Content joined = whole.joined(op.axis(), part);
            String had = contents.words(whole);
            Contents.check(joined != null, () -> "joins " + had + " and " + contents.words(part));
            whole = joined;
        }
        contents.put(op.whole(), whole);
    }

    /** The moves before it bear its name too: what they join are different channels of one of its inputs. */
    private boolean concatenates(int node, List<Content> parts) {
        List<Integer> inputs = expected.inputs(node);
        return expected.layer(node) instanceof Layer.Concatenation && parts.size() == inputs.size()
                && IntStream.range(0, parts.size()).allMatch(i -> expected.value(inputs.get(i)).equals(parts.get(i).term()))
                && (parts.stream().map(Content::term).distinct().count() > 1
                        || parts.stream().allMatch(part -> part.channels().equals(parts.getFirst().channels())));
    }

    private Content concatenated(int node, List<Content> parts) {
        List<Range> channels = new ArrayList<>();
        int offset = 0;
        for (int i = 0; i < parts.size(); i++) {
            Content part = parts.get(i);
            Contents.check(part.withChannels(parts.getFirst().channels(), part.term())
                    .sameRegion(parts.getFirst()), () -> "joins " + contents.words(parts.getFirst()) + " and " + contents.words(part));
            for (Range range : part.channels()) {
                channels.add(new Range(offset + range.first(), range.count()));
            }
            offset += expected.shape(expected.inputs(node).get(i)).channels();
        }
        return parts.getFirst().withChannels(channels, expected.value(node));
    }

    /** Some of a thing; of the gradient of a concatenation what one of its inputs gets. */
    void slice(Operation.Slice op) {
        Content whole = contents.of(op.whole());
        int count = switch (op.axis()) {
            case BATCH -> op.part().batch();
            case CHANNELS -> op.part().channels();
            case ROWS -> op.part().height();
        };
        Content part = whole.cut(op.axis(), op.first(), count);
        Contents.check(part != null, () -> "cuts " + count + " from " + op.first() + " on out of " + op.whole());
        Integer node = expected.index(op.layer());
        boolean back = node != null && node >= 0 && op.axis() == Axis.CHANNELS && expected.layer(node) instanceof Layer.Concatenation
                && expected.gradient(node) != null && expected.gradient(node).equals(part.term());
        contents.put(op.part(), back ? given(node, part) : part);
    }

    private Content given(int node, Content part) {
        int offset = 0;
        for (int slot = 0; slot < expected.inputs(node).size(); slot++) {
            int first = offset;
            int end = first + expected.shape(expected.inputs(node).get(slot)).channels();
            if (part.channels().stream().allMatch(range -> range.first() >= first && range.end() <= end)) {
                return part.withChannels(part.channels().stream().map(range -> new Range(range.first() - first, range.count())).toList(),
                        terms.leaf(Kind.EDGE, node, slot));
            }
            offset = end;
        }
        throw new MeaningException("cuts " + Content.words("channel", part.channels()) + " out of the gradient, which belong to several "
                + "inputs");
    }

    void add(Operation.Add op) {
        Content left = contents.of(op.left());
        Content right = contents.of(op.right());
        Contents.check(left.sameRegion(right), () -> "adds " + contents.words(left) + " and " + contents.words(right));
        contents.put(op.output(), left.plus(right, terms::plus));
    }

    /** {@return what is wrong with it} Only a projection chooses, and what that computes from is not known here. */
    MeaningException stronger(Operation.Stronger op) {
        return new MeaningException("drops one of " + contents.words(contents.of(op.left())) + " and "
                + contents.words(contents.of(op.right())));
    }

    /** Of gradients of rows; nothing else is added so. */
    void addToSlice(Operation.AddToSlice op) {
        Content whole = contents.of(op.whole());
        Content part = contents.of(op.part());
        Contents.check(op.axis() == Axis.ROWS, () -> "adds along " + op.axis());
        int count = op.part().height();
        int end = op.first() + count;
        int rest = op.whole().height() - end;
        Content own = whole.cut(Axis.ROWS, op.first(), count);
        Contents.check(own != null && own.sameRegion(part), () -> "adds " + contents.words(part) + " from row " + op.first() + " of "
                + contents.words(whole) + " on");
        List<Band> bands = new ArrayList<>(whole.cut(Axis.ROWS, 0, op.first()).bands());
        bands.addAll(own.plus(part, terms::plus).bands());
        bands.addAll(whole.cut(Axis.ROWS, end, rest).bands());
        contents.put(op.whole(), new Content(whole.images(), whole.channels(), bands, whole.width()));
    }
}
