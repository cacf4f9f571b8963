package duet.train;

import java.nio.file.Path;
import java.util.List;

import duet.data.Dataset;
import duet.device.Backend;
import duet.plan.Placement;

/** A trained network that classifies. Owns neither the backend nor data. */
public final class Classifier implements AutoCloseable {
    private Classifier() {}

    /** @param probability 0 to 1 */
    public record Prediction(int label, String name, float probability) {}

    /** @param batch how many images go through at once */
    public static Classifier create(Checkpoint checkpoint, Placement placement, Backend backend, int batch) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** The classes from the most probable down, for one image file. */
    public List<Prediction> classify(Path image) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** @param pixels a stored image, [height][width][channels] */
    public List<Prediction> classify(byte[] pixels) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** Loss, top-1 and top-5 over a data set; event {@code validation}. */
    public Metrics evaluate(Dataset data, TrainingListener listener) {
        throw new IllegalStateException("replaced by the train package");
    }

    @Override
    public void close() {
        throw new IllegalStateException("replaced by the train package");
    }
}
