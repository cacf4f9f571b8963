package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.net.Layer;

/** Dropout on each lane; forward and backward are the same operation. */
final class Dropouts {
    private Dropouts() {}

    /** What kept elements are multiplied by in training. */
    static float scale(Layer.Dropout l) {
        return l.inverted() ? (float) (1 / (1 - l.rate())) : 1;
    }

    /** @param output may be the input */
    static void launch(PlanBuilder builder, Division division, Layer.Dropout l, Value input, Value output) {
        for (int lane : builder.holders(division.made())) {
            List<Range> runs = division.seen().ranges(Axis.BATCH, lane, input.images().count());
            if (runs.size() == 1) {
                builder.launch(lane, operation(division, l, lane, input.images().first() + runs.getFirst().first(), input.on(lane),
                        output.on(lane)));
            } else {
                launch(builder, division, l, lane, input, output);
            }
        }
    }

    /** Run by run: an operation numbers its images from a first one on. */
    private static void launch(PlanBuilder builder, Division division, Layer.Dropout l, int lane, Value input, Value output) {
        List<Tensor> parts = new ArrayList<>();
        int offset = 0;
        for (Range run : division.seen().parts().get(lane)) {
            Tensor part = new Moves(builder).part(l.name() + ".run", input, Axis.BATCH, lane, run.count());
            builder.launch(lane, new Operation.Slice(l.name(), Axis.BATCH, input.on(lane), offset, part));
            builder.launch(lane, operation(division, l, lane, input.images().first() + run.first(), part, part));
            parts.add(part);
            offset += run.count();
        }
        builder.launch(lane, new Operation.Gather(l.name(), Axis.BATCH, parts, output.on(lane)));
    }

    private static Operation operation(Division division, Layer.Dropout l, int lane, int firstImage, Tensor input, Tensor output) {
        Distribution seen = division.seen();
        return new Operation.Dropout(l.name(), input, output, division.index(), (float) l.rate(), scale(l),
                division.input().channels(), seen.first(Axis.CHANNELS, lane), firstImage, seen.first(Axis.ROWS, lane),
                division.input().height());
    }
}
