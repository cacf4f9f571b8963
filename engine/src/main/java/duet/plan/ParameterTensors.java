package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;

/**
 * The parameters of a network and the tensors that hold them on each device. They are made first of all, so their ids depend on no mode.
 */
final class ParameterTensors {
    /**
     * A layer's parameter on one device.
     *
     * @param rateIndex the index of the parameter in the network
     */
    record Held(Tensor tensor, Tensor momentum, int rateIndex) {}

    private final PlanBuilder builder;
    private final List<Parameter> parameters = new ArrayList<>();
    private final Map<String, List<Held>> held = new HashMap<>();

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

    /** null if this device holds none of it. */
    Held weight(String layer, int device) {
        return held.get(layer + ".weight").get(device);
    }

    /** null if the layer has no bias, or this device does not hold it. */
    Held bias(String layer, int device) {
        List<Held> biases = held.get(layer + ".bias");
        return biases == null ? null : biases.get(device);
    }

    private void add(Division division, Layer.Weighted l) {
        int devices = builder.devices();
        Shape filter = l.filter(division.input());
        int channels = filter.channels();
        int all = l.outputs();
        List<Share> weights = switch (division.work()) {
            case OUTPUTS, GROUPS -> builder.each(device -> new Share(device * (all / devices), all / devices, 0, channels));
            case INPUTS -> builder.each(device -> new Share(0, all, device * (channels / devices), channels / devices));
            case FIRST_DEVICE -> builder.each(device -> device == 0 ? new Share(0, all, 0, channels) : null);
            case LOCAL -> throw new IllegalStateException(l.name() + " has parameters that nobody owns");
        };
        // Partial sums: the bias must be added once.
        boolean sums = division.work() == Division.Work.INPUTS;
        List<Share> biases = sums ? builder.each(device -> device == 0 ? weights.getFirst() : null) : weights;
        for (ParameterShape parameter : l.parameters(division.input())) {
            if (parameter.bias()) {
                add(parameter, null, 1, biases);
            } else {
                add(parameter, filter, division.groups(devices), weights);
            }
        }
    }

    /** A device's part of a weight; a bias has the same outputs. */
    private record Share(int firstOutput, int outputs, int firstInput, int inputs) {}

    /**
     * @param filter what one output is computed from, in whole; null for a bias
     * @param shares for each device, or null for a device that holds nothing
     */
    private void add(ParameterShape parameter, Shape filter, int groups, List<Share> shares) {
        String name = parameter.name();
        List<Part> parts = new ArrayList<>();
        List<Held> holders = new ArrayList<>();
        for (int device = 0; device < shares.size(); device++) {
            Share share = shares.get(device);
            if (share == null) {
                holders.add(null);
                continue;
            }
            Tensor tensor = tensor(name, Role.PARAMETER, device, share, filter, groups);
            Tensor momentum = tensor(parameter.momentumName(), Role.MOMENTUM, device, share, filter, groups);
            parts.add(new Part(tensor, momentum, share.firstOutput(), parameter.bias() ? 0 : share.firstInput()));
            holders.add(new Held(tensor, momentum, parameters.size()));
        }
        parameters.add(new Parameter(name, parameter.layer(), parameter.bias(), parameter.sizes(), parts));
        held.put(name, holders);
    }

    private Tensor tensor(String name, Role role, int device, Share share, Shape filter, int groups) {
        return filter == null
                ? builder.tensor(name, device, Format.VECTOR, role, 1, share.outputs(), 1, 1)
                : builder.tensor(name, device, Format.FILTER, role, share.outputs(), share.inputs(), filter.height(), filter.width(),
                        groups);
    }
}
