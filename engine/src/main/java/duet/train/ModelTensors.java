package duet.train;

import java.util.LinkedHashMap;
import java.util.Map;

import duet.train.output.Checkpoint;

/**
 * What a checkpoint holds of a training, by its name there: parameters and momentum from the devices, and what was measured on the images.
 *
 * @param mean    {@link Checkpoint#MEAN}
 * @param colours {@link Checkpoint#COLOURS}; null without colour noise
 */
record ModelTensors(Session session, float[] mean, float[] colours) {
    float[] get(String name) {
        return switch (name) {
            case Checkpoint.MEAN -> mean;
            case Checkpoint.COLOURS -> colours;
            default -> session.tensor(name);
        };
    }

    /** Copies of all of them as they are now. */
    Map<String, float[]> all() {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        session.shapes().forEach(shape -> tensors.put(shape.name(), get(shape.name())));
        session.shapes().forEach(shape -> tensors.put(shape.momentumName(), get(shape.momentumName())));
        tensors.put(Checkpoint.MEAN, mean.clone());
        if (colours != null) {
            tensors.put(Checkpoint.COLOURS, colours.clone());
        }
        return tensors;
    }
}
