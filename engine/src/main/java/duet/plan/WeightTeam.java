package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

import duet.plan.Placement.Work;

/**
 * The devices that hold the same part of a layer's parameters, each with a share of its gradient: all of them where each has the whole
 * layer and a share of the images or rows, else those that do a lane's work in all groups.
 *
 * <p>Where a layer has fewer shares than there are devices, the next layer's begin where its end: else the first devices would update, and
 * be sent gradients of, all such layers, and the last ones none.
 *
 * @param lanes  whose gradients are added up
 * @param team   their devices, in all groups
 * @param shares of what they hold, the outputs that one of the devices each updates ({@link Shares}); empty if each updates all
 * @param first  which of the devices has the first share; the next one the next, and after the last the first
 */
record WeightTeam(List<Integer> lanes, Team team, List<Range> shares, int first) {
    /** Copies the lists. */
    WeightTeam {
        lanes = List.copyOf(lanes);
        shares = List.copyOf(shares);
    }

    private static WeightTeam of(List<Integer> lanes, Team team, IntFunction<Shares.Filter> filters, int sharesBefore) {
        int devices = team.devices().size();
        return new WeightTeam(lanes, team, Shares.of(devices, filters.apply(lanes.getFirst())), sharesBefore % devices);
    }

    /**
     * The teams of a layer with parameters.
     *
     * @param groups       one for each group of devices
     * @param filters      what each lane holds
     * @param sharesBefore how many shares the layers before it have
     */
    static List<WeightTeam> of(Division division, List<PlanBuilder> groups, IntFunction<Shares.Filter> filters, int sharesBefore) {
        PlanBuilder first = groups.getFirst();
        if (division.work() == Work.REPLICATED && !division.made().whole()) {
            List<List<Integer>> order = IntStream.range(0, first.devices().size())
                    .mapToObj(place -> groups.stream().map(group -> group.devices().get(place)).toList()).toList();
            return List.of(of(IntStream.range(0, first.lanes()).boxed().toList(), new Team(order), filters, sharesBefore));
        }
        List<WeightTeam> teams = new ArrayList<>();
        for (int lane : division.work() == Work.FIRST_DEVICE ? List.of(0)
                : division.work() == Work.REPLICATED ? first.holders(division.made())
                : IntStream.range(0, first.lanes()).boxed().toList()) {
            teams.add(of(List.of(lane), new Team(List.of(groups.stream().map(group -> group.device(lane)).toList())), filters,
                    sharesBefore));
        }
        return teams;
    }

    /** Who updates a share: a place among the {@link Team#devices}. */
    int owner(int share) {
        return (first + share) % team.devices().size();
    }

    /** The outputs that a device updates, where they are shared out; null for none. */
    Range share(int device) {
        int devices = team.devices().size();
        int share = (team.devices().indexOf(device) - first + devices) % devices;
        return share < shares.size() ? shares.get(share) : null;
    }
}
