package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.device.Axis;

/**
 * What the numbers of a tensor are, wherever they lie. Terms are made by {@link Terms} alone, each once: equal terms are one object, so
 * that they are compared in no time, however deep they are.
 */
final class Term {
    /** What a leaf is. Where a layer has several of a kind, the leaf's slot tells them apart. */
    enum Kind {
        /** What the host writes: of the node -1. */
        IMAGES, CROPS, MEAN, COLOURS, LABELS,
        /** What a layer makes; the node -1 makes the prepared image. */
        VALUE,
        /** The gradient that a layer gives one of its inputs, the slot. */
        EDGE,
        /** Where the largest values of a max-pooling's windows were. */
        WINNERS, LOSSES, RANKS, PROBABILITIES,
        /** A weight (slot 0) or a bias (slot 1), as it was before the run, after its update, and after that scaled back. */
        PARAMETER, UPDATED, SCALED_BACK, MOMENTUM, PARAMETER_GRADIENT,
        /** Which layers' results are finite. */
        STATUS
    }

    /**
     * A share of a sum.
     *
     * @param axis  of what is summed over: images, channels (of the input, or of the output for a gradient) or rows of the output
     * @param parts summed over: runs that do not touch
     * @param whole what makes the sum complete
     */
    record Share(Axis axis, List<Range> parts, Range whole) {
        Share {
            parts = List.copyOf(parts);
        }

        Share(Axis axis, Range part, Range whole) {
            this(axis, List.of(part), whole);
        }

        boolean complete() {
            return parts.equals(List.of(whole));
        }

        /** Of one run. */
        Range part() {
            return parts.getFirst();
        }
    }

    /** A leaf or a sum. */
    sealed interface Form {}

    /**
     * One thing that some operation makes.
     *
     * @param node   index of the layer
     * @param shares of what it is summed over, along one axis each; none where it is complete
     */
    record Leaf(Kind kind, int node, int slot, List<Share> shares) implements Form {
        Leaf {
            shares = List.copyOf(shares);
        }

        /** Along an axis; null where it is complete. */
        Share along(Axis axis) {
            return shares.stream().filter(share -> share.axis() == axis).findFirst().orElse(null);
        }

        /** The only one; null if there is none, or several. */
        Share share() {
            return shares.size() == 1 ? shares.getFirst() : null;
        }

        /** All but along an axis. */
        List<Share> others(Axis axis) {
            return shares.stream().filter(share -> share.axis() != axis).toList();
        }

        /** Without regard to the share. */
        boolean like(Leaf other) {
            return kind == other.kind && node == other.node && slot == other.slot;
        }
    }

    /** An addition. */
    record Sum(Term left, Term right) implements Form {}

    private final Form form;
    /** Where all leaves are shares of one sum: these, from left to right; else empty. */
    private final List<Leaf> shares;

    Term(Form form, int most) {
        this.form = form;
        shares = switch (form) {
            case Leaf leaf -> leaf.shares().isEmpty() ? List.of() : List.of(leaf);
            case Sum(Term left, Term right) -> shares(left.shares, right.shares, most);
        };
    }

    private static List<Leaf> shares(List<Leaf> left, List<Leaf> right, int most) {
        if (left.isEmpty() || right.isEmpty() || left.size() + right.size() > most || !left.getFirst().like(right.getFirst())) {
            return List.of();
        }
        List<Leaf> both = new ArrayList<>(left);
        both.addAll(right);
        return List.copyOf(both);
    }

    Form form() {
        return form;
    }

    List<Leaf> shares() {
        return shares;
    }

    /** Null if it is a sum. */
    Leaf leaf() {
        return form instanceof Leaf leaf ? leaf : null;
    }

    boolean is(Kind kind) {
        return form instanceof Leaf leaf && leaf.kind() == kind;
    }
}
