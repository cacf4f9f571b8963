package duet.cli.tensorboard;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import duet.cli.tensorboard.proto.TensorBoard.Summary;
import duet.net.ParameterShape;
import duet.text.Text;
import duet.train.Trainer;

/**
 * How the parameters of a training are spread, and how far they have moved since they were last described. Remembers a copy of all of them,
 * where there is room for one.
 */
final class ParameterHistory {
    /** The copy, what is read of the devices meanwhile, and room for the training itself. */
    private static final int ROOM = 3;

    private final Trainer trainer;
    private final List<ParameterShape> shapes;
    private final Map<String, float[]> before = new HashMap<>();
    private boolean remembering;

    ParameterHistory(Trainer trainer) {
        this.trainer = trainer;
        shapes = trainer.network().parameters();
    }

    /** Remembers the parameters as they are now. */
    void begin(Consumer<String> warning) {
        Runtime runtime = Runtime.getRuntime();
        long room = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
        long bytes = Float.BYTES * shapes.stream().mapToLong(ParameterShape::elements).sum();
        remembering = ROOM * bytes <= room;
        if (!remembering) {
            warning.accept("TensorBoard is shown no updates of the parameters: of Java's memory " + Text.bytes(Math.max(0, room))
                    + " are free, and " + Text.bytes(ROOM * bytes) + " would be safe for a copy");
            return;
        }
        shapes.forEach(shape -> before.put(shape.name(), trainer.parameter(shape.name())));
    }

    /** Adds histograms of all parameters and of what has changed, and for each weight the ratio of the two lengths; remembers them. */
    void describe(List<Summary.Value> values) {
        for (ParameterShape shape : shapes) {
            float[] now = trainer.parameter(shape.name());
            Histogram spread = Histogram.of(now);
            if (spread.isFinite()) {
                values.add(Summaries.histogram("parameters/" + shape.name(), spread));
            }
            if (remembering) {
                Histogram update = Histogram.of(difference(before.put(shape.name(), now), now));
                describe(values, shape, spread, update);
            }
        }
    }

    private static void describe(List<Summary.Value> values, ParameterShape shape, Histogram spread, Histogram update) {
        if (!update.isFinite()) {
            return;
        }
        values.add(Summaries.histogram("updates/" + shape.name(), update));
        if (!shape.bias() && spread.norm() > 0) {
            values.add(Summaries.scalar("update_ratio/" + shape.name(), update.norm() / spread.norm()));
        }
    }

    /** In place of what was before: of large layers there is no room for a third array. */
    private static float[] difference(float[] before, float[] now) {
        for (int i = 0; i < now.length; i++) {
            before[i] = now[i] - before[i];
        }
        return before;
    }
}
