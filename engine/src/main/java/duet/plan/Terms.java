package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
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
    private final int replicas;
    private final Map<Form, Term> made = new HashMap<>();

    /**
     * @param lanes    how many shares make a sum complete, unless one does
     * @param rounds   how many shares in turn make one of these, or a complete sum
     * @param replicas how many shares of as many runs of the batch make one of the lanes' shares, or a complete sum
     */
    Terms(Network network, int lanes, int rounds, int replicas) {
        this.network = network;
        this.lanes = lanes;
        this.rounds = rounds;
        this.replicas = replicas;
    }

    Term leaf(Kind kind, int node, int slot) {
        return leaf(kind, node, slot, List.of());
    }

    Term leaf(Kind kind, int node) {
        return leaf(kind, node, 0);
    }

    /** @param share null where it is complete */
    Term leaf(Kind kind, int node, int slot, Share share) {
        return leaf(kind, node, slot, share == null ? List.of() : List.of(share));
    }

    /** @param shares along different axes; those that are complete do not count */
    Term leaf(Kind kind, int node, int slot, List<Share> shares) {
        List<Share> own = shares.isEmpty() ? shares : shares.stream().filter(share -> !share.complete()).toList();
        return of(new Leaf(kind, node, slot, own));
    }

    /** Nothing but the sum. */
    Term sum(Term left, Term right) {
        return of(new Sum(left, right));
    }

    private Term of(Form form) {
        return made.computeIfAbsent(form, _ -> new Term(form, Math.max(lanes, Math.max(rounds, replicas))));
    }

    /**
     * The sum of two terms. When the shares of all lanes are together, each once, in the order of {@link Sums}, it is the whole; when those
     * of all rounds are, from the first to the last, or those of all runs of the batch in the order of {@link Sums}, it is what one
     * operation makes of all their images. Else the sum stays what it is, and nothing will take it for more.
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
            return ofAllImages(shares);
        }
        if (replicas > 1 && shares.size() == replicas && inRuns(shares)
                && Sums.of(shares.stream().map(this::of).toList(), this::sum).equals(sum)) {
            return ofAllImages(shares);
        }
        return shares.size() == lanes && contiguous(shares) && Sums.of(shares.stream().map(this::of).toList(), this::sum).equals(sum)
                ? whole(shares.getFirst()) : sum;
    }

    private Term whole(Leaf leaf) {
        return leaf(leaf.kind(), leaf.node(), leaf.slot());
    }

    /** Sums over the same images of each round of a run of the batch: one run, in the first round and as far into each other. */
    private boolean inTurn(List<Leaf> shares) {
        Share first = shares.getFirst().along(Axis.BATCH);
        if (first == null || first.parts().size() != 1) {
            return false;
        }
        int run = first.whole().count() / replicas;
        int images = run / rounds;
        return first.part().first() % run + first.part().count() <= images && apartBy(images, shares);
    }

    /** Sums over the same images of each run of the batch: in the first run and as far into each other. */
    private boolean inRuns(List<Leaf> shares) {
        Share first = shares.getFirst().along(Axis.BATCH);
        int images = first == null ? 0 : first.whole().count() / replicas;
        return first != null && first.parts().stream().allMatch(part -> part.end() <= images) && apartBy(images, shares);
    }

    /** Each has the images of the first one, so many further on for each step, and otherwise the same. */
    private static boolean apartBy(int images, List<Leaf> shares) {
        Leaf first = shares.getFirst();
        Share own = first.along(Axis.BATCH);
        return IntStream.range(0, shares.size()).allMatch(i -> {
            List<Range> parts = own.parts().stream().map(part -> new Range(i * images + part.first(), part.count())).toList();
            return shares.get(i).others(Axis.BATCH).equals(first.others(Axis.BATCH))
                    && new Share(Axis.BATCH, parts, own.whole()).equals(shares.get(i).along(Axis.BATCH));
        });
    }

    private Term ofAllImages(List<Leaf> shares) {
        Leaf first = shares.getFirst();
        List<Range> parts = Content.joined(shares.stream().flatMap(leaf -> leaf.along(Axis.BATCH).parts().stream()).toList());
        List<Share> left = new ArrayList<>(List.of(new Share(Axis.BATCH, parts, first.along(Axis.BATCH).whole())));
        left.addAll(first.others(Axis.BATCH));
        return leaf(first.kind(), first.node(), first.slot(), left);
    }

    /** Side by side the whole. Lanes that have images of all runs and rounds are side by side in each of them. */
    private boolean contiguous(List<Leaf> shares) {
        Share first = shares.getFirst().share();
        if (first == null) {
            return false;
        }
        int runs = first.axis() == Axis.BATCH ? rounds * replicas : 1;
        boolean alike = shares.stream().map(Leaf::share).allMatch(
                share -> share != null && share.axis() == first.axis() && share.whole().equals(first.whole())
                        && share.parts().size() == runs);
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
            case Leaf leaf -> words(leaf) + words(leaf.shares());
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

    private static String words(List<Share> shares) {
        return shares.isEmpty() ? "" : " over " + shares.stream().map(share -> Content.words(switch (share.axis()) {
            case BATCH -> "image";
            case CHANNELS -> "channel";
            case ROWS -> "row";
        }, share.parts())).collect(Collectors.joining(" in ")) + " alone";
    }
}
