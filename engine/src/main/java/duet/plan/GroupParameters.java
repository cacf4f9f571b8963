package duet.plan;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Tensor;

/** The tensors that hold a network's parameters on the lanes of one group of devices. */
final class GroupParameters {
    /**
     * A layer's parameter, or a lane's part of it.
     *
     * @param momentum  of what the lane's device updates; null if that is nothing
     * @param rateIndex the index of the parameter in the network
     */
    record Held(Tensor tensor, Tensor momentum, int rateIndex) {}

    private final Map<String, List<Held>> held = new HashMap<>();

    /** @param lanes null for a lane that holds none of it */
    void put(String parameter, List<Held> lanes) {
        held.put(parameter, lanes);
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
}
