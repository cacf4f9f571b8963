package duet.plan;

import java.util.List;

import duet.device.Tensor;

/**
 * What a layer makes, as it lies on the devices.
 *
 * @param parts one tensor for each device
 * @param split each device has its share of the channels, in the order of the devices; else each has the same whole
 */
record Value(List<Tensor> parts, boolean split) {
    Value {
        parts = List.copyOf(parts);
    }

    Tensor on(int device) {
        return parts.get(device);
    }
}
