package duet.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.net.Shape;
import duet.net.Window;
import duet.plan.Placement.Cut;
import duet.plan.Placement.Place;
import duet.plan.Placement.Work;
import duet.text.Text;

/** What placements have in common: how to cut a layer in a usual way. */
final class Cuts {
    private static final int MOST_PARTS = 65_536;

    private Cuts() {}

    /** Layers without parameters where each lane goes on with what it has. */
    static Cut local(Place place, int lanes) {
        Distribution given = place.given().getFirst();
        return switch (place.layer()) {
            case Layer.Concatenation _ -> concatenation(place, lanes);
            case Layer.Addition _ -> addition(place);
            // these look at the number of a channel
            case Layer.LocalResponseNorm _,Layer.Dropout _ -> same(inRuns(given, place.inputs().getFirst(), lanes));
            case Layer.Nonlinearity _,Layer.SpatialResponseNorm _,Layer.Pooling _ -> same(given);
            case Layer.SoftmaxCrossEntropy _ -> same(given.along(Axis.BATCH) ? given : Distribution.WHOLE);
            case Layer.Weighted l -> throw new IllegalStateException(l.name() + " has parameters");
        };
    }

    static Cut same(Distribution distribution) {
        return new Cut(distribution, distribution, Work.LOCAL);
    }

    /** Channels in one run for each lane. */
    private static Distribution inRuns(Distribution given, Shape shape, int lanes) {
        return given.along(Axis.CHANNELS) && !given.runs() ? Distribution.even(Axis.CHANNELS, shape.channels(), lanes) : given;
    }

    /** Cut by channels each lane joins what it has of each input; cut otherwise all inputs are cut alike. */
    private static Cut concatenation(Place place, int lanes) {
        Distribution common = common(place.given());
        if (!common.along(Axis.CHANNELS)) {
            return new Cut(Collections.nCopies(place.given().size(), common), common, Work.LOCAL);
        }
        if (place.inputs().stream().anyMatch(input -> input.channels() < lanes)) {
            return new Cut(Collections.nCopies(place.given().size(), Distribution.WHOLE), Distribution.WHOLE, Work.LOCAL);
        }
        List<Distribution> seen = new ArrayList<>();
        List<List<Range>> made = new ArrayList<>();
        for (int lane = 0; lane < lanes; lane++) {
            made.add(new ArrayList<>());
        }
        int first = 0;
        for (int i = 0; i < place.given().size(); i++) {
            int channels = place.inputs().get(i).channels();
            Distribution given = place.given().get(i);
            Distribution cut = given.whole() ? Distribution.even(Axis.CHANNELS, channels, lanes) : given;
            for (int lane = 0; lane < lanes; lane++) {
                for (Range range : cut.parts().get(lane)) {
                    made.get(lane).add(new Range(first + range.first(), range.count()));
                }
            }
            seen.add(cut);
            first += channels;
        }
        return new Cut(seen, new Distribution(Axis.CHANNELS, made), Work.LOCAL);
    }

    private static Cut addition(Place place) {
        Distribution common = common(place.given());
        return new Cut(Collections.nCopies(place.given().size(), common), common, Work.LOCAL);
    }

    /** The first cut there is, if all are along one axis; else all inputs are gathered. */
    private static Distribution common(List<Distribution> given) {
        List<Distribution> cuts = given.stream().filter(distribution -> !distribution.whole()).toList();
        Set<Axis> axes = cuts.stream().map(Distribution::axis).collect(Collectors.toSet());
        return axes.size() == 1 ? cuts.getFirst() : Distribution.WHOLE;
    }

    /** Each lane makes its share of the outputs from all inputs. */
    static Cut outputs(Place place, int lanes) {
        return new Cut(Distribution.WHOLE, Distribution.even(Axis.CHANNELS, place.output().channels(), lanes), Work.OUTPUTS);
    }

    /**
     * A fully connected layer: cut by its outputs, or the scores by their inputs, so that all devices go on with the same scores. What is
     * too small to be cut is computed on each device alike.
     */
    static Cut fullyConnected(Place place, int lanes) {
        int channels = place.inputs().getFirst().channels();
        boolean cut = place.scores() ? channels >= lanes : place.output().channels() >= lanes;
        if (!cut) {
            return new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.REPLICATED);
        }
        return place.scores() ? new Cut(Distribution.even(Axis.CHANNELS, channels, lanes), Distribution.WHOLE, Work.INPUTS)
                : outputs(place, lanes);
    }

    static void checkShares(String layer, int outputs, String what, int lanes) {
        if (outputs % lanes != 0) {
            throw new NetworkException(layer + ": " + lanes + " towers do not divide " + outputs + " " + what + "; use one device");
        }
    }

    /**
     * Rows that windows see.
     *
     * @param made  rows of the output
     * @param given how the input lies
     */
    static Distribution windows(Window window, Distribution made, Distribution given, int height, int lanes) {
        return Distribution.of(Axis.ROWS, IntStream.range(0, lanes).mapToObj(lane -> {
            Range rows = made.range(lane);
            int first = Math.max(0, rows.first() * window.stride() - window.padding());
            int end = Math.min(height, (rows.end() - 1) * window.stride() - window.padding() + window.size());
            return new Range(first, Math.max(end, given.along(Axis.ROWS) ? given.range(lane).end() : end) - first);
        }).toList());
    }

    /** Parts that can be shared out so that sums are the same on any allowed number of devices: see {@link Sums}. */
    static void requireParts(String what, int devices, String unit, int parts) {
        if (parts < 1 || parts > MOST_PARTS) {
            throw new NetworkException(what + ": there are 1 to " + MOST_PARTS + " parts, not " + parts);
        }
        List<Integer> allowed = Sums.devices(parts);
        if (!allowed.contains(devices)) {
            throw new NetworkException(
                    what + ": " + Text.count(parts, "part") + " cannot be shared out among " + Text.count(devices, unit)
                            + " in the one order in which sums are added; they go on " + allowed.stream().map(String::valueOf)
                                    .collect(Collectors.joining(" or "))
                            + " " + unit + (allowed.equals(List.of(1)) ? "" : "s"));
        }
    }

    /** Images cut evenly into rounds, and each of them evenly. */
    static Distribution images(int batch, int lanes, int rounds) {
        if (batch % ((long) lanes * rounds) != 0) {
            throw new NetworkException("a batch of " + Text.count(batch, "image") + " cannot be cut into " + lanes + " equal parts"
                    + (rounds == 1 ? "" : " in each of " + rounds + " rounds") + "; use a multiple of "
                    + (long) lanes * rounds
                    + (rounds == 1 ? " or another placement" : " or other rounds"));
        }
        return Distribution.rounds(batch, lanes, rounds);
    }
}
