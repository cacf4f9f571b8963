package duet.plan;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.net.Layer;

/** Dropout on one lane; forward and backward are the same operation. */
final class Dropouts {
    private Dropouts() {}

    /** What kept elements are multiplied by in training. */
    static float scale(Layer.Dropout l) {
        return l.inverted() ? (float) (1 / (1 - l.rate())) : 1;
    }

    static Operation operation(Division division, Layer.Dropout l, int lane, Tensor input, Tensor output) {
        Distribution seen = division.seen();
        return new Operation.Dropout(l.name(), input, output, division.index(), (float) l.rate(), scale(l),
                division.input().channels(), seen.first(Axis.CHANNELS, lane), seen.first(Axis.BATCH, lane), seen.first(Axis.ROWS, lane),
                division.input().height());
    }
}
