package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;

import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.GroupParameters.Held;
import duet.plan.Placement.Work;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;

/**
 * The parameters of a network and the tensors that hold them for each lane. They are made first of all, so their ids depend on no mode.
 */
final class ParameterTensors {
    private final List<PlanBuilder> builders;
    private final List<Parameter> parameters = new ArrayList<>();
    private final List<GroupParameters> groups;
    private final Map<String, List<WeightTeam>> teams = new HashMap<>();
    /** How many shares the layers so far have. */
    private int sharesBefore;

    /** @param builders one for each group of devices */
    ParameterTensors(List<PlanBuilder> builders, List<Division> divisions) {
        this.builders = builders;
        groups = builders.stream().map(_ -> new GroupParameters()).toList();
        for (Division division : divisions) {
            if (division.layer() instanceof Layer.Weighted layer) {
                add(division, layer);
            }
        }
    }

    List<Parameter> parameters() {
        return List.copyOf(parameters);
    }

    /** What a group of devices has of them. */
    GroupParameters of(PlanBuilder builder) {
        return groups.get(builder.groupNumber());
    }

    /** Of a layer: who adds up its gradients. */
    List<WeightTeam> teams(String layer) {
        return teams.get(layer);
    }

    private void add(Division division, Layer.Weighted l) {
        Shape filter = l.filter(division.input());
        Share all = new Share(0, l.outputs(), 0, filter.channels());
        PlanBuilder first = builders.getFirst();
        List<Share> weights = first.each(lane -> switch (division.work()) {
            case OUTPUTS, GROUPS -> outputs(division.made(), lane, all);
            case INPUTS -> inputs(division.seen().range(lane), all);
            case FIRST_DEVICE -> lane == 0 ? all : null;
            case REPLICATED -> all;
            case LOCAL -> throw new IllegalStateException(l.name() + " has parameters that nobody owns");
        });
        // Partial sums: the bias must be added once.
        boolean sums = division.work() == Work.INPUTS;
        List<Share> biases = sums ? first.each(lane -> lane == 0 ? all : null) : weights;
        boolean replicated = division.work() == Work.REPLICATED;
        IntUnaryOperator groupsOf = lane -> division.work() != Work.GROUPS ? l.groups()
                : l.groups() * weights.get(lane).outputs() / l.outputs();
        List<WeightTeam> own = WeightTeam.of(division, builders, lane -> weights.get(lane).filter(filter, groupsOf.applyAsInt(lane)),
                sharesBefore);
        teams.put(l.name(), own);
        sharesBefore += own.getFirst().shares().size();
        for (ParameterShape parameter : l.parameters(division.input())) {
            add(parameter, parameter.bias() ? null : filter, parameter.bias() ? lane -> 1 : groupsOf,
                    parameter.bias() ? biases : weights, replicated);
        }
    }

    private static Share outputs(Distribution made, int lane, Share all) {
        return made.whole() ? all : new Share(made.range(lane).first(), made.range(lane).count(), 0, all.inputs());
    }

    private static Share inputs(Range range, Share all) {
        return new Share(0, all.outputs(), range.first(), range.count());
    }

    /** A lane's part of a weight; a bias has the same outputs. */
    private record Share(int firstOutput, int outputs, int firstInput, int inputs) {
        /** The run of its own outputs that a device updates. */
        Share only(Range updated) {
            return new Share(firstOutput + updated.first(), updated.count(), firstInput, inputs);
        }

        /** @param whole what one output is computed from */
        Shares.Filter filter(Shape whole, int groups) {
            return new Shares.Filter(outputs, groups, (long) inputs * whole.height() * whole.width());
        }
    }

    /**
     * @param filter     what one output is computed from, in whole; null for a bias
     * @param filters    groups of each lane's part
     * @param shares     for each lane, or null for a lane that holds nothing
     * @param replicated the lanes of a device share what they hold
     */
    private void add(ParameterShape parameter, Shape filter, IntUnaryOperator filters, List<Share> shares, boolean replicated) {
        String name = parameter.name();
        List<Part> parts = new ArrayList<>();
        List<Part> momenta = new ArrayList<>();
        for (PlanBuilder builder : builders) {
            List<Held> holders = new ArrayList<>();
            for (int lane = 0; lane < shares.size(); lane++) {
                Share share = shares.get(lane);
                int device = builder.device(lane);
                if (replicated && builder.lane(device) != lane) {
                    holders.add(holders.getLast());
                    continue;
                }
                if (share == null) {
                    holders.add(null);
                    continue;
                }
                int firstInput = parameter.bias() ? 0 : share.firstInput();
                Tensor tensor = tensor(name, Role.PARAMETER, device, share, filter, filters.applyAsInt(lane));
                parts.add(new Part(tensor, share.firstOutput(), firstInput));
                WeightTeam team = team(parameter.layer(), lane);
                boolean shared = !parameter.bias() && !team.shares().isEmpty();
                Share own = !shared ? share : team.share(device) == null ? null : share.only(team.share(device));
                Tensor momentum = own == null ? null
                        : tensor(parameter.momentumName(), Role.MOMENTUM, device, own, filter, shared ? 1 : filters.applyAsInt(lane));
                if (own != null) {
                    momenta.add(new Part(momentum, own.firstOutput(), firstInput));
                }
                holders.add(new Held(tensor, momentum, parameters.size()));
            }
            of(builder).put(name, holders);
        }
        parameters.add(new Parameter(name, parameter.layer(), parameter.bias(), parameter.sizes(), parts, momenta));
    }

    private WeightTeam team(String layer, int lane) {
        return teams.get(layer).stream().filter(team -> team.lanes().contains(lane)).findFirst().orElseThrow();
    }

    private Tensor tensor(String name, Role role, int device, Share share, Shape filter, int groups) {
        return filter == null
                ? builders.getFirst().tensor(name, device, Format.VECTOR, role, 1, share.outputs(), 1, 1)
                : builders.getFirst().steps().tensor(name, device, Format.FILTER, role, share.outputs(), share.inputs(), filter.height(),
                        filter.width(),
                        groups);
    }
}
