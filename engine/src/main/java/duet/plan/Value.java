package duet.plan;

import java.util.List;

import duet.device.Tensor;
import duet.net.Shape;

/**
 * What a layer makes, or a gradient of it, as it lies on the lanes.
 *
 * @param parts        one tensor for each lane; where each lane has the whole, those of one device have the same
 * @param images       of the batch: all, or those of a round
 * @param shape        of the whole, for one image
 * @param distribution what of it each lane has; images count from the first of these on
 */
record Value(List<Tensor> parts, Range images, Shape shape, Distribution distribution) {
    Value {
        parts = List.copyOf(parts);
    }

    Tensor on(int lane) {
        return parts.get(lane);
    }
}
