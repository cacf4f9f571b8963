package duet.plan;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import duet.device.Tensor;
import duet.net.Layer;

/** What each tensor holds at a point of a run; of some that is not known, because a fault has been found before, or it is not looked at. */
final class Contents {
    private static final int MOST_BANDS = 3;

    private final Expected expected;
    private final Terms terms;
    private final Map<Tensor, Content> contents = new HashMap<>();
    private final Set<Tensor> unknown = new HashSet<>();

    Contents(Expected expected, Terms terms) {
        this.expected = expected;
        this.terms = terms;
    }

    /** Throws what is wrong unless it is right. */
    static void check(boolean right, Supplier<String> otherwise) {
        if (!right) {
            throw new MeaningException(otherwise.get());
        }
    }

    boolean known(Tensor tensor) {
        return !unknown.contains(tensor);
    }

    /** Null if it is unknown, or nothing has been written. */
    Content get(Tensor tensor) {
        return contents.get(tensor);
    }

    /** Whatever it is. */
    Content of(Tensor tensor) {
        Content content = contents.get(tensor);
        check(content != null, () -> "takes " + tensor + ", which holds nothing");
        return content;
    }

    /** What must be this. */
    Content of(Tensor tensor, Term term, String wanted) {
        Content content = of(tensor);
        check(term != null && term.equals(content.term()), () -> "takes " + words(content) + ", not " + wanted);
        return content;
    }

    /** What a layer takes: a value; of a layer with one input. */
    Content taken(int node, Tensor tensor) {
        Term value = expected.taken(node);
        return of(tensor, value, terms.words(value));
    }

    /** The complete gradient of what a layer makes. */
    Content gradient(int node, Tensor tensor) {
        Term gradient = expected.gradient(node);
        return of(tensor, gradient, "the gradient of " + expected.layer(node).name()
                + (gradient == null ? ", which there is none of" : ", which is " + terms.words(gradient)));
    }

    void put(Tensor tensor, Content content) {
        check(content.fits(tensor), () -> "makes " + words(content) + ", which is not the size of " + tensor);
        contents.put(tensor, content);
        unknown.remove(tensor);
    }

    void forget(Tensor tensor) {
        contents.remove(tensor);
        unknown.add(tensor);
    }

    /** The only run; there must be one. */
    static Range run(List<Range> ranges, String what) {
        check(ranges.size() == 1, () -> "takes " + Content.words(what, ranges) + ", which are no run");
        return ranges.getFirst();
    }

    /** Such as {@code pool1 (images 0 to 3, channels 0 to 47, rows 0 to 13)}. */
    String words(Content content) {
        String what = content.term() != null ? terms.words(content.term())
                : content.bands().stream().limit(MOST_BANDS).map(band -> terms.words(band.term()) + " in "
                        + Content.words("row", List.of(band.rows()))).collect(Collectors.joining(", "))
                        + (content.bands().size() > MOST_BANDS ? " and so on" : "");
        return what + " (" + switch (terms.kind(content.bands().getFirst().term())) {
            case PARAMETER, UPDATED, SCALED_BACK, MOMENTUM, PARAMETER_GRADIENT -> content.share();
            default -> content.region();
        } + ")";
    }

    String words(Term term) {
        return terms.words(term);
    }

    /** The layer of an operation. */
    int node(String layer, Class<? extends Layer> kind) {
        Integer node = expected.index(layer);
        check(node != null && node >= 0 && kind.isInstance(expected.layer(node)),
                () -> "is no operation of a layer called " + layer);
        return node;
    }
}
