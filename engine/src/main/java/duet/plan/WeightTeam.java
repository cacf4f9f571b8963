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
 * @param lanes  whose gradients are added up
 * @param team   their devices, in all groups
 * @param shares of what they hold, the outputs that each of the devices updates ({@link Shares}), the last ones perhaps none; empty if each
 *               updates all
 */
record WeightTeam(List<Integer> lanes, Team team, List<Range> shares) {
    /** Copies the lists. */
    WeightTeam {
        lanes = List.copyOf(lanes);
        shares = List.copyOf(shares);
    }

    private static WeightTeam of(List<Integer> lanes, Team team, IntFunction<Shares.Filter> filters) {
        return new WeightTeam(lanes, team, Shares.of(team.devices().size(), filters.apply(lanes.getFirst())));
    }

    /**
     * The teams of a layer with parameters.
     *
     * @param groups  one for each group of devices
     * @param filters what each lane holds
     */
    static List<WeightTeam> of(Division division, List<PlanBuilder> groups, IntFunction<Shares.Filter> filters) {
        PlanBuilder first = groups.getFirst();
        if (division.work() == Work.REPLICATED && !division.made().whole()) {
            List<List<Integer>> order = IntStream.range(0, first.devices().size())
                    .mapToObj(place -> groups.stream().map(group -> group.devices().get(place)).toList()).toList();
            return List.of(of(IntStream.range(0, first.lanes()).boxed().toList(), new Team(order), filters));
        }
        List<WeightTeam> teams = new ArrayList<>();
        for (int lane : division.work() == Work.FIRST_DEVICE ? List.of(0)
                : division.work() == Work.REPLICATED ? first.holders(division.made())
                : IntStream.range(0, first.lanes()).boxed().toList()) {
            teams.add(of(List.of(lane), new Team(List.of(groups.stream().map(group -> group.device(lane)).toList())), filters));
        }
        return teams;
    }

    /** The outputs that a device updates, where they are shared out; null for none. */
    Range share(int device) {
        int place = team.devices().indexOf(device);
        return place < shares.size() ? shares.get(place) : null;
    }
}
