package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.plan.PlanSteps.Exchange;
import duet.plan.PlanSteps.Parcel;

/**
 * Filters that several devices have and each updates a share of: a run of their outputs. Gradients go to those who update them, and what
 * they have made of the weights to all: a reduce-scatter and an all-gather (Rajbhandari et al. 2020, "ZeRO"; with momentum alone in
 * shares). Of D devices each receives (D - 1) / D of the filter twice, not D - 1 times, and does 1 / D of the update with 1 / D of the
 * momentum. An update works on each number for itself, and filters are scaled back each for itself, so that bits are those of an update of
 * the whole.
 */
final class Shares {
    /** CPU devices keep filters in blocks of at most so many outputs, which a share must not cut. */
    private static final int BLOCK = 64;
    /** Numbers of a filter below which cutting it costs more than sending it. */
    private static final int LEAST = 1 << 16;

    private final PlanSteps steps;

    Shares(PlanSteps steps) {
        this.steps = steps;
    }

    /**
     * What a device holds of a weight.
     *
     * @param outputs  of them
     * @param groups   that they belong to
     * @param elements for one output
     */
    record Filter(int outputs, int groups, long elements) {}

    /**
     * The outputs that one device each updates: whole blocks; where there are fewer blocks than devices some have none. Empty if every
     * device updates all: small filters, and those in groups that are no whole blocks.
     */
    static List<Range> of(int devices, Filter filter) {
        int outputs = filter.outputs();
        boolean blocks = filter.groups() == 1 || outputs / filter.groups() % BLOCK == 0;
        if (devices == 1 || !blocks || outputs <= BLOCK || outputs * filter.elements() < LEAST) {
            return List.of();
        }
        int each = Math.ceilDiv(Math.ceilDiv(outputs, BLOCK), devices) * BLOCK;
        List<Range> shares = new ArrayList<>();
        for (int first = 0; first < outputs; first += each) {
            shares.add(new Range(first, Math.min(each, outputs - first)));
        }
        return shares;
    }

    /**
     * Adds up the gradients of a team, each share on the device that updates it: each device adds its own first. Copies start at once; the
     * sums are made when the result is asked for.
     *
     * @param gradients for each device of the team, one or several of equal size; they are overwritten
     * @return for each share its sum
     */
    Supplier<List<Tensor>> sums(String layer, List<List<Tensor>> gradients, WeightTeam team) {
        List<Tensor> terms = team.team().own(steps, layer, gradients);
        List<List<Tensor>> cut = new ArrayList<>(); // by place in the team, and by share
        List<Parcel> parcels = new ArrayList<>();
        Map<List<Integer>, Integer> places = new HashMap<>(); // by sender and share, among the parcels
        for (int from = 0; from < terms.size(); from++) {
            Tensor term = terms.get(from);
            List<Tensor> own = team.shares().stream().map(share -> cut(layer, ".gradient.share", term, share, Role.TRANSIENT)).toList();
            for (int share = 0; share < own.size(); share++) {
                int owner = team.owner(share);
                if (owner != from) {
                    places.put(List.of(from, share), parcels.size());
                    parcels.add(new Parcel(own.get(share), layer + ".received.gradient", terms.get(owner).device()));
                }
            }
            cut.add(own);
        }
        Exchange sent = steps.exchange(layer, parcels);
        return () -> {
            steps.await(sent);
            List<Tensor> sums = new ArrayList<>();
            for (int share = 0; share < team.shares().size(); share++) {
                List<Tensor> here = new ArrayList<>();
                for (int from = 0; from < terms.size(); from++) {
                    Integer place = places.get(List.of(from, share));
                    here.add(place == null ? cut.get(from).get(share) : sent.arrived().get(place));
                }
                sums.add(team.team().sum(steps, layer, here, cut.get(team.owner(share)).get(share)));
            }
            return sums;
        };
    }

    /** A device's share of the weights, to be updated. */
    Tensor weights(String layer, Tensor weight, Range share) {
        return cut(layer, ".share", weight, share, Role.SHARE);
    }

    /**
     * Hands updated shares to all devices. Copies start at once; when the result is run they are joined to whole filters.
     *
     * @param updated for each share
     * @param weights for each device; nothing reads the old ones any more
     */
    Runnable handRound(String layer, List<Tensor> updated, List<Tensor> weights) {
        List<Parcel> parcels = new ArrayList<>();
        for (Tensor weight : weights) {
            updated.stream().filter(share -> share.device() != weight.device())
                    .forEach(share -> parcels.add(new Parcel(share, layer + ".received.share", weight.device())));
        }
        Exchange handed = steps.exchange(layer, parcels);
        return () -> {
            steps.await(handed);
            int next = 0;
            for (Tensor weight : weights) {
                List<Tensor> parts = new ArrayList<>();
                for (Tensor share : updated) {
                    parts.add(share.device() == weight.device() ? share : handed.arrived().get(next++));
                }
                steps.launch(weight.device(), new Operation.Gather(layer, Axis.BATCH, parts, weight));
            }
        };
    }

    private Tensor cut(String layer, String name, Tensor filter, Range outputs, Role role) {
        Tensor share = steps.tensor(layer + name, filter.device(), filter.format(), role, outputs.count(), filter.channels(),
                filter.height(), filter.width(), 1);
        steps.launch(filter.device(), new Operation.Slice(layer, Axis.BATCH, filter, outputs.first(), share));
        return share;
    }
}
