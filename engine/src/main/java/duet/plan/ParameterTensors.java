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
import duet.plan.Placement.Work;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;

/**
 * The parameters of a network and the tensors that hold them for each lane. They are made first of all, so their ids depend on no mode.
 */
final class ParameterTensors {
    /**
     * A layer's parameter, or a lane's part of it.
     *
     * @param momentum  of what the lane's device updates; null if that is nothing
     * @param rateIndex the index of the parameter in the network
     */
    record Held(Tensor tensor, Tensor momentum, int rateIndex) {}

    private final PlanBuilder builder;
    private final List<Parameter> parameters = new ArrayList<>();
    private final Map<String, List<Held>> held = new HashMap<>();
    /** By layer: of a weight that all devices have the outputs that each updates; empty if each updates all. */
    private final Map<String, List<Range>> shares = new HashMap<>();

    ParameterTensors(PlanBuilder builder, List<Division> divisions) {
        this.builder = builder;
        for (Division division : divisions) {
            if (division.layer() instanceof Layer.Weighted layer) {
                add(division, layer);
            }
        }
    }

    List<Parameter> parameters() {
        return List.copyOf(parameters);
    }

    /** null if this lane holds none of it. */
    Held weight(String layer, int lane) {
        return held.get(layer + ".weight").get(lane);
    }

    /** null if the layer has no bias, or this lane does not hold it. */
    Held bias(String layer, int lane) {
        List<Held> biases = held.get(layer + ".bias");
        return biases == null ? null : biases.get(lane);
    }

    /** The outputs of a weight that each device updates ({@link Shares}); empty if each updates all that it has. */
    List<Range> shares(String layer) {
        return shares.get(layer);
    }

    private void add(Division division, Layer.Weighted l) {
        Shape filter = l.filter(division.input());
        Share all = new Share(0, l.outputs(), 0, filter.channels());
        List<Share> weights = builder.each(lane -> switch (division.work()) {
            case OUTPUTS, GROUPS -> outputs(division.made(), lane, all);
            case INPUTS -> inputs(division.seen().range(lane), all);
            case FIRST_DEVICE -> lane == 0 ? all : null;
            case REPLICATED -> all;
            case LOCAL -> throw new IllegalStateException(l.name() + " has parameters that nobody owns");
        });
        // Partial sums: the bias must be added once.
        boolean sums = division.work() == Work.INPUTS;
        List<Share> biases = sums ? builder.each(lane -> lane == 0 ? all : null) : weights;
        boolean replicated = division.work() == Work.REPLICATED;
        shares.put(l.name(), replicated && !division.made().whole() ? Shares.of(builder.devices(), l, filter) : List.of());
        for (ParameterShape parameter : l.parameters(division.input())) {
            if (parameter.bias()) {
                add(parameter, null, lane -> 1, biases, replicated, List.of());
            } else {
                add(parameter, filter, lane -> division.work() != Work.GROUPS ? l.groups()
                        : l.groups() * weights.get(lane).outputs() / l.outputs(), weights, replicated, shares.get(l.name()));
            }
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
        Share only(Range updated) {
            return new Share(updated.first(), updated.count(), firstInput, inputs);
        }
    }

    /**
     * @param filter     what one output is computed from, in whole; null for a bias
     * @param groups     of each lane's part
     * @param shares     for each lane, or null for a lane that holds nothing
     * @param replicated the lanes of a device share what they hold
     * @param updated    the outputs that each device updates; empty for all that it holds
     */
    private void add(ParameterShape parameter, Shape filter, IntUnaryOperator groups, List<Share> shares, boolean replicated,
            List<Range> updated) {
        String name = parameter.name();
        List<Part> parts = new ArrayList<>();
        List<Part> momenta = new ArrayList<>();
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
            Tensor tensor = tensor(name, Role.PARAMETER, device, share, filter, groups.applyAsInt(lane));
            parts.add(new Part(tensor, share.firstOutput(), firstInput));
            Share own = updated.isEmpty() ? share : device < updated.size() ? share.only(updated.get(device)) : null;
            Tensor momentum = own == null ? null
                    : tensor(parameter.momentumName(), Role.MOMENTUM, device, own, filter, updated.isEmpty() ? groups.applyAsInt(lane) : 1);
            if (own != null) {
                momenta.add(new Part(momentum, own.firstOutput(), firstInput));
            }
            holders.add(new Held(tensor, momentum, parameters.size()));
        }
        parameters.add(new Parameter(name, parameter.layer(), parameter.bias(), parameter.sizes(), parts, momenta));
        held.put(name, holders);
    }

    private Tensor tensor(String name, Role role, int device, Share share, Shape filter, int groups) {
        return filter == null
                ? builder.tensor(name, device, Format.VECTOR, role, 1, share.outputs(), 1, 1)
                : builder.tensor(name, device, Format.FILTER, role, share.outputs(), share.inputs(), filter.height(), filter.width(),
                        groups);
    }
}
