package duet.use;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

import duet.data.Batch;
import duet.data.Dataset;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.DataFit;
import duet.train.Evaluator;
import duet.train.Session;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingState;

/** A trained network that classifies. Owns neither the backend nor data. One thread at a time. */
public final class Classifier implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Session session;
    private final int batch;

    private Classifier(Checkpoint checkpoint, Session session, int batch) {
        this.checkpoint = checkpoint;
        this.session = session;
        this.batch = batch;
    }

    /**
     * A class, and how probable the network thinks it.
     *
     * @param label       index of the class
     * @param name        of the class
     * @param probability 0 to 1
     */
    public record Prediction(int label, String name, float probability) {}

    /**
     * Loads a trained network to classify with.
     *
     * @param checkpoint the trained network
     * @param placement  on how many devices, and how
     * @param backend    the devices; stays open
     * @param batch      how many images go through at once
     * @return the classifier; close it
     */
    public static Classifier create(Checkpoint checkpoint, Placement placement, Backend backend, int batch) {
        if (batch < 1) {
            throw new IllegalArgumentException("the batch must have at least 1 image, not " + batch);
        }
        // a network trained without dropout is not scaled for it either
        boolean dropout = checkpoint.state() == null || checkpoint.state().options().dropout();
        Session session = new Session(checkpoint.network(), placement, backend, checkpoint.stored(), batch, false, dropout);
        try {
            session.set(checkpoint.tensors());
            return new Classifier(checkpoint, session, batch);
        } catch (RuntimeException | Error e) {
            session.close();
            throw e;
        }
    }

    /**
     * {@return the classes from the most probable down, for one image file}
     *
     * @param image JPEG, PNG, GIF, BMP or PPM of any size
     * @throws duet.data.DataException naming the file, if it is missing, damaged or no image
     */
    public List<Prediction> classify(Path image) {
        return classify(Datasets.readImage(image, checkpoint.stored()));
    }

    /**
     * {@return the classes from the most probable down, for a stored image}
     *
     * @param pixels a stored image, [height][width][channels]
     */
    public List<Prediction> classify(byte[] pixels) {
        Shape stored = checkpoint.stored();
        if (pixels.length != stored.elements()) {
            throw new IllegalArgumentException("an image of " + stored + " has " + stored.elements() + " bytes, not " + pixels.length);
        }
        byte[] images = Arrays.copyOf(pixels, Math.multiplyExact(batch, pixels.length));
        int[] labels = new int[batch];
        Arrays.fill(labels, 1, batch, -1);
        float[] probabilities = session.evaluate(new Batch(0, images, centreCrops(), labels, 1)).probabilities();
        List<Prediction> predictions = new ArrayList<>();
        for (int label = 0; label < checkpoint.classNames().size(); label++) {
            predictions.add(new Prediction(label, checkpoint.classNames().get(label), probabilities[label]));
        }
        predictions.sort(Comparator.comparingDouble(Prediction::probability).reversed());
        return predictions;
    }

    /** [batch][3]: top, left, not mirrored. */
    private int[] centreCrops() {
        Shape stored = checkpoint.stored();
        Shape input = checkpoint.network().input();
        int[] crops = new int[3 * batch];
        for (int i = 0; i < batch; i++) {
            crops[3 * i] = (stored.height() - input.height()) / 2;
            crops[3 * i + 1] = (stored.width() - input.width()) / 2;
        }
        return crops;
    }

    /**
     * {@return loss, top-1 and top-5 over the images of a data set that can be read; event {@code validation}}
     *
     * @param data     images and labels, of the network's classes
     * @param listener told how far it is
     */
    public Metrics evaluate(Dataset data, TrainingListener listener) {
        return evaluate(data, 1, listener);
    }

    /**
     * {@return loss, top-1 and top-5 over the images of a data set that can be read; event {@code validation}}
     *
     * @param data          images and labels, of the network's classes
     * @param loaderThreads threads that read and decode images
     * @param listener      told how far it is
     */
    public Metrics evaluate(Dataset data, int loaderThreads, TrainingListener listener) {
        requireFit(data);
        TrainingState state = checkpoint.state();
        long step = state == null ? 0 : state.step();
        Evaluator.Result result = new Evaluator(session, checkpoint.network().input(), batch, loaderThreads)
                .evaluate(data, listener, () -> false);
        if (result.notFinite() != null) {
            throw new TrainingException(result.notFinite() + ": gives NaN or infinity with these weights");
        }
        Metrics metrics = result.metrics(step, state == null ? 0 : state.epoch(step),
                state == null ? 0 : state.learningRate(Math.max(0, step - 1)));
        listener.validated(metrics);
        return metrics;
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    Session session() {
        return session;
    }

    /** How many images go through at once. */
    int batch() {
        return batch;
    }

    /** Whether the network can classify these images. */
    void requireFit(Dataset data) {
        DataFit.require(checkpoint.network(), data);
        DataFit.requireStored(checkpoint.stored(), data);
        DataFit.requireClasses(checkpoint.classNames(), data);
    }

    @Override
    public void close() {
        session.close();
    }
}
