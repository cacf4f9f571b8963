package duet.plan;

import java.util.Collections;

import duet.device.Axis;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.text.Text;

/**
 * Convolutions by images, as {@link Replicas}; fully connected layers, which have most of the weights, by outputs (Krizhevsky 2014,
 * "One weird trick for parallelizing convolutional neural networks"). In one round every device gathers what was made of all images before
 * the first of them: his scheme (a). In several each lane sends its share of a round's images to all, forward and backward for a round
 * follow each other, and the inputs of the next travel meanwhile: his scheme (c), but with one update a step, from the sum of the rounds'
 * gradients. Then what the fully connected layers make needs memory for one round alone; their gradients are kept until the last one.
 *
 * <p>All that is not by images is computed in rounds. A round is a run of the batch, so that its labels, losses and dropout are those of a
 * smaller batch; that convolutions have images from all over the batch for it ({@link Distribution#rounds}) matters to the host alone, and
 * to dropout before the first gathering, which is rare. The other way about, with runs for convolutions, every dropout, loss and gradient
 * of a fully connected layer would be in pieces.
 *
 * @param devices how many
 * @param parts   of the batch, and of the outputs
 * @param rounds  in which fully connected layers are computed
 */
record Hybrid(int devices, int parts, int rounds) implements Group {
    private static final int MOST_ROUNDS = 4096;

    Hybrid {
        Cuts.requireParts("hybrid", devices, "device", parts);
        if (rounds < 1 || rounds > MOST_ROUNDS) {
            throw new NetworkException("hybrid: there are 1 to " + MOST_ROUNDS + " rounds, not " + rounds);
        }
    }

    @Override
    public String label() {
        return "hybrid";
    }

    @Override
    public String words() {
        return "hybrid of images and outputs: " + Text.count(parts, "part") + " on " + Text.count(devices, "device")
                + (rounds == 1 ? "" : ", fully connected layers in " + rounds + " rounds");
    }

    @Override
    public int lanes() {
        return parts;
    }

    @Override
    public Distribution image(int batch) {
        return Cuts.images(batch, parts, rounds);
    }

    @Override
    public Cut cut(Place place) {
        Cut cut = share(place);
        boolean begins = rounds > 1 && !place.inRounds()
                && !(cut.made().along(Axis.BATCH) && cut.seen().stream().allMatch(seen -> seen.along(Axis.BATCH)));
        return begins ? share(place.firstInRounds(rounds)).computedInRounds() : place.inRounds() ? cut.computedInRounds() : cut;
    }

    private Cut share(Place place) {
        boolean images = place.given().stream().allMatch(given -> given.along(Axis.BATCH));
        return switch (place.layer()) {
            case Layer.FullyConnected _ -> Cuts.fullyConnected(place, parts);
            case Layer.Convolution l when images -> new Cut(place.given().getFirst(), place.given().getFirst(), Work.REPLICATED);
            case Layer.Convolution l -> l.groups() == 1 && l.filters() >= parts ? Cuts.outputs(place, parts)
                    : new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.REPLICATED);
            case Layer.LocalResponseNorm l -> Cuts.local(place, parts).made().along(Axis.CHANNELS) && l.groups() % parts != 0
                    ? Cuts.same(Distribution.WHOLE) : Cuts.local(place, parts);
            case Layer.SoftmaxCrossEntropy _ -> new Cut(Collections.nCopies(1, Distribution.WHOLE), Distribution.WHOLE, Work.LOCAL);
            case Layer.Nonlinearity _,Layer.SpatialResponseNorm _,Layer.Pooling _,Layer.Dropout _,Layer.Concatenation _,Layer.Addition _ ->
                Cuts.local(place, parts);
        };
    }
}
