package duet.plan;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.net.Network;
import duet.plan.Term.Form;
import duet.plan.Term.Kind;
import duet.plan.Term.Leaf;
import duet.plan.Term.Share;
import duet.plan.Term.Sum;

/** Makes terms, adds them up, and says them in words. */
final class Terms {
    private static final int DEEPEST = 6;

    private final Network network;
    private final int lanes;
    private final int rounds;
    private final Map<Form, Term> made = new HashMap<>();

    /**
     * @param lanes  how many shares make a sum complete, unless one does
     * @param rounds how many shares in turn make one of these, or a complete sum
     */
    Terms(Network network, int lanes, int rounds) {
        this.network = network;
        this.lanes = lanes;
        this.rounds = rounds;
    }

    Term leaf(Kind kind, int node, int slot) {
        return of(new Leaf(kind, node, slot, null));
    }

    Term leaf(Kind kind, int node) {
        return leaf(kind, node, 0);
    }

    /** @param share null where it is complete */
    Term leaf(Kind kind, int node, int slot, Share share) {
        return of(new Leaf(kind, node, slot, share == null || share.complete() ? null : share));
    }

    /** Nothing but the sum. */
    Term sum(Term left, Term right) {
        return of(new Sum(left, right));
    }

    private Term of(Form form) {
        return made.computeIfAbsent(form, _ -> new Term(form, Math.max(lanes, rounds)));
    }

    /**
     * The sum of two terms. When the shares of all lanes are together, each once, in the order of {@link Sums}, it is the whole; when those
     * of all rounds are, from the first to the last, it is what one operation makes of all their images. Else the sum stays what it is, and
     * nothing will take it for more.
     */
    Term plus(Term left, Term right) {
        Term rows = rows(left, right);
        if (rows != null) {
            return rows;
        }
        Term sum = sum(left, right);
        List<Leaf> shares = sum.shares();
        if (rounds > 1 && shares.size() == rounds && inTurn(shares)
                && shares.stream().map(this::of).reduce(this::sum).orElseThrow().equals(sum)) {
            return ofAllRounds(shares);
        }
        return shares.size() == lanes && contiguous(shares) && Sums.of(shares.stream().map(this::of).toList(), this::sum).equals(sum)
                ? whole(shares.getFirst()) : sum;
    }

    private Term whole(Leaf leaf) {
        return leaf(leaf.kind(), leaf.node(), leaf.slot());
    }

    /** Sums over the same images of each round: one run, in the first round and as far into each other. */
    private boolean inTurn(List<Leaf> shares) {
        Share first = shares.getFirst().share();
        int images = first.whole().count() / rounds;
        return first.axis() == Axis.BATCH && first.part().end() <= images && IntStream.range(0, rounds).allMatch(round -> {
            Range part = new Range(round * images + first.part().first(), first.part().count());
            return shares.get(round).share().equals(new Share(Axis.BATCH, part, first.whole()));
        });
    }

    private Term ofAllRounds(List<Leaf> shares) {
        Leaf first = shares.getFirst();
        List<Range> parts = Content.joined(shares.stream().map(leaf -> leaf.share().part()).toList());
        return leaf(first.kind(), first.node(), first.slot(), new Share(Axis.BATCH, parts, first.share().whole()));
    }

    /** Side by side the whole. Lanes that have images of all rounds are side by side in each of them. */
    private boolean contiguous(List<Leaf> shares) {
        Share first = shares.getFirst().share();
        int runs = first.axis() == Axis.BATCH ? rounds : 1;
        boolean alike = shares.stream().map(Leaf::share).allMatch(
                share -> share.axis() == first.axis() && share.whole().equals(first.whole()) && share.parts().size() == runs);
        return alike && Content.joined(IntStream.range(0, runs).boxed()
                .flatMap(run -> shares.stream().map(leaf -> leaf.share().parts().get(run))).toList()).equals(List.of(first.whole()));
    }

    /**
     * The gradient of a row of a layer's input that windows of two lanes see, or of one lane and none of the other's. Of two terms the
     * order does not matter. Null if this is something else.
     */
    private Term rows(Term left, Term right) {
        if (!(left.form() instanceof Leaf one && right.form() instanceof Leaf other && one.kind() == Kind.EDGE && one.like(other))) {
            return null;
        }
        if (nothing(one)) {
            return right;
        }
        if (nothing(other)) {
            return left;
        }
        return byRows(one) && byRows(other) && (contiguous(List.of(one, other)) || contiguous(List.of(other, one))) ? whole(one) : null;
    }

    private static boolean byRows(Leaf leaf) {
        return leaf.share() != null && leaf.share().axis() == Axis.ROWS;
    }

    private static boolean nothing(Leaf leaf) {
        return byRows(leaf) && leaf.share().part().count() == 0;
    }

    /** Of a sum that of its first term. */
    Kind kind(Term term) {
        return switch (term.form()) {
            case Leaf leaf -> leaf.kind();
            case Sum(Term left, Term _) -> kind(left);
        };
    }

    /** Such as {@code the gradient that conv3 gives its input}. */
    String words(Term term) {
        return words(term, 0);
    }

    private String words(Term term, int depth) {
        return switch (term.form()) {
            case Leaf leaf -> words(leaf) + words(leaf.share());
            case Sum(Term left, Term right) ->
                depth == DEEPEST ? "..." : "(" + words(left, depth + 1) + " + " + words(right, depth + 1) + ")";
        };
    }

    private String words(Leaf leaf) {
        String layer = leaf.node() < 0 ? "the image" : network.nodes().get(leaf.node()).name();
        String parameter = layer + (leaf.slot() == 0 ? ".weight" : ".bias");
        return switch (leaf.kind()) {
            case IMAGES -> "the stored images";
            case CROPS -> "the crops";
            case MEAN -> "the mean image";
            case COLOURS -> "the colour shifts";
            case LABELS -> "the labels";
            case VALUE -> layer;
            case EDGE -> "the gradient that " + layer + " gives its input" + (leaf.slot() == 0 ? "" : " " + (leaf.slot() + 1));
            case WINNERS -> "the winners of " + layer;
            case LOSSES -> "the losses of " + layer;
            case RANKS -> "the ranks of " + layer;
            case PROBABILITIES -> "the probabilities of " + layer;
            case PARAMETER -> parameter;
            case UPDATED -> parameter + " after its update";
            case SCALED_BACK -> parameter + " after its update, scaled back";
            case MOMENTUM -> "the momentum of " + parameter;
            case PARAMETER_GRADIENT -> "the gradient of " + parameter;
            case STATUS -> "the status";
        };
    }

    private static String words(Share share) {
        return share == null ? "" : " over " + Content.words(switch (share.axis()) {
            case BATCH -> "image";
            case CHANNELS -> "channel";
            case ROWS -> "row";
        }, share.parts()) + " alone";
    }
}
