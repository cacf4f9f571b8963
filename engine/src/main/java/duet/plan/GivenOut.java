package duet.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/**
 * Copies of what requested layers make, for the host: the layers above may work in place on the original. Of what the devices share out
 * each copies its own channels, and the host puts them together; of what all have the first device does.
 */
final class GivenOut {
    private final PlanBuilder builder;
    private final List<String> requested;
    private final List<Map<String, Tensor>> copies = new ArrayList<>();

    GivenOut(PlanBuilder builder, List<String> requested) {
        this.builder = builder;
        this.requested = requested;
        copies.addAll(builder.each(_ -> new LinkedHashMap<>()));
    }

    /** Told what each layer has made, right after its launches. */
    void made(Division division, Value value) {
        if (!requested.contains(division.name())) {
            return;
        }
        for (int device = 0; device < (value.split() ? builder.devices() : 1); device++) {
            Tensor made = value.on(device);
            Tensor copy = builder.tensor(division.name() + ".copy", device, Format.ACTIVATION, Role.OUTPUT, made.batch(), made.channels(),
                    made.height(), made.width());
            builder.launch(device, new Operation.Scale(division.name(), made, copy, 1));
            copies.get(device).put(division.name(), copy);
        }
    }

    /** By layer, on one device. */
    Map<String, Tensor> on(int device) {
        return copies.get(device);
    }
}
