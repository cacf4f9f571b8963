package duet.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.plan.Plan.Piece;

/**
 * Copies of what requested layers make, for the host: the layers above may work in place on the original. Of what is shared out each lane
 * copies its own, and the host puts the pieces together; of what all have the first lane does.
 */
final class GivenOut {
    private final PlanBuilder builder;
    private final List<String> requested;
    private final List<Map<String, List<Piece>>> copies;

    GivenOut(PlanBuilder builder, List<String> requested) {
        this.builder = builder;
        this.requested = requested;
        copies = builder.each(_ -> new LinkedHashMap<>());
    }

    /** Told what each layer has made, right after its launches. */
    void made(Division division, Value value) {
        if (!requested.contains(division.name())) {
            return;
        }
        Distribution distribution = value.distribution();
        for (int lane = 0; lane < (distribution.whole() ? 1 : builder.lanes()); lane++) {
            Axis axis = distribution.along(Axis.BATCH) ? Axis.BATCH : Axis.CHANNELS;
            int length = Distribution.length(axis, value.images().count(), value.shape());
            List<Piece> pieces = copies.get(lane).computeIfAbsent(division.name(), _ -> new ArrayList<>());
            int offset = 0;
            for (Range run : distribution.ranges(axis, lane, length)) {
                Tensor made = value.on(lane);
                boolean images = axis == Axis.BATCH;
                Tensor copy = builder.tensor(division.name() + ".copy", made.device(), Format.ACTIVATION, Role.OUTPUT,
                        images ? run.count() : made.batch(), images ? made.channels() : run.count(), made.height(), made.width());
                builder.launch(lane, copy.sizes().equals(made.sizes()) ? new Operation.Scale(division.name(), made, copy, 1)
                        : new Operation.Slice(division.name(), axis, made, offset, copy));
                pieces.add(new Piece(copy, value.images().first() + (images ? run.first() : 0), images ? 0 : run.first(),
                        distribution.first(Axis.ROWS, lane)));
                offset += run.count();
            }
        }
    }

    /** By layer, on one lane. */
    Map<String, List<Piece>> on(int lane) {
        return copies.get(lane);
    }
}
