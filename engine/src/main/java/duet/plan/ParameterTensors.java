package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;

/** The parameters of a network and the tensors that hold them on each device. They are made first of all, so their ids depend on no mode. */
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
            switch (division.layer()) {
                case Layer.Convolution l -> convolution(division, l);
                case Layer.FullyConnected l -> fullyConnected(division, l);
                default -> {}
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

    private void convolution(Division division, Layer.Convolution l) {
        int devices = builder.devices();
        int filters = l.filters() / devices;
        int groups = division.work() == Division.Work.GROUPS ? l.groups() / devices : l.groups();
        int channels = division.input().channels() / l.groups();
        List<Share> weights = builder.each(device -> new Share(device * filters, filters, 0, channels));
        add(l.name(), List.of(l.filters(), channels, l.kernel(), l.kernel()), new Shape(channels, l.kernel(), l.kernel()), groups, weights);
        if (l.bias()) {
            add(l.name(), List.of(l.filters()), null, 1, weights);
        }
    }

    private void fullyConnected(Division division, Layer.FullyConnected l) {
        int devices = builder.devices();
        int channels = division.input().channels();
        int all = l.outputs();
        List<Share> weights = switch (division.work()) {
            case INPUTS -> builder.each(device -> new Share(0, all, device * (channels / devices), channels / devices));
            case FIRST_DEVICE -> builder.each(device -> device == 0 ? new Share(0, all, 0, channels) : null);
            default -> builder.each(device -> new Share(device * (all / devices), all / devices, 0, channels));
        };
        boolean sums = division.work() == Division.Work.INPUTS;
        add(l.name(), List.of(all, Math.toIntExact(division.input().elements())), division.input(), 1, weights);
        if (l.bias()) {
            add(l.name(), List.of(all), null, 1, sums ? builder.each(device -> device == 0 ? weights.get(0) : null) : weights);
        }
    }

    /** A device's part of a weight; a bias has the same outputs. */
    private record Share(int firstOutput, int outputs, int firstInput, int inputs) {}

    /**
     * @param sizes  canonical
     * @param inputs of one output, in whole; null for a bias
     * @param shares for each device, or null for a device that holds nothing
     */
    private void add(String layer, List<Integer> sizes, Shape inputs, int groups, List<Share> shares) {
        boolean bias = inputs == null;
        String name = layer + (bias ? ".bias" : ".weight");
        List<Part> parts = new ArrayList<>();
        List<Held> holders = new ArrayList<>();
        for (int device = 0; device < shares.size(); device++) {
            Share share = shares.get(device);
            if (share == null) {
                holders.add(null);
                continue;
            }
            Tensor tensor = tensor(name, Role.PARAMETER, device, share, inputs, groups);
            Tensor momentum = tensor("momentum." + name, Role.MOMENTUM, device, share, inputs, groups);
            parts.add(new Part(tensor, momentum, share.firstOutput(), bias ? 0 : share.firstInput()));
            holders.add(new Held(tensor, momentum, parameters.size()));
        }
        parameters.add(new Parameter(name, layer, bias, sizes, parts));
        held.put(name, holders);
    }

    private Tensor tensor(String name, Role role, int device, Share share, Shape inputs, int groups) {
        return inputs == null
                ? builder.tensor(name, device, Format.VECTOR, role, 1, share.outputs(), 1, 1)
                : builder.tensor(name, device, Format.FILTER, role, share.outputs(), share.inputs(), inputs.height(), inputs.width(),
                        groups);
    }
}
