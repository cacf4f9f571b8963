package duet.use;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.data.Batch;
import duet.data.Dataset;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.DataFit;
import duet.train.Evaluator;
import duet.train.LoadedPlan;
import duet.train.Session;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingState;

/**
 * A trained network that classifies. Owns neither the backend nor data. One thread at a time; {@link SharedClassifier} is for many threads.
 */
public final class Classifier implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Session session;
    /** From the smallest up. */
    private final List<Integer> batches;
    /** Stored images by the size of the batch. */
    private final Map<Integer, byte[]> buffers = new HashMap<>();

    private Classifier(Checkpoint checkpoint, Session session, List<Integer> batches) {
        this.checkpoint = checkpoint;
        this.session = session;
        this.batches = batches;
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
        return create(checkpoint, placement, backend, List.of(batch));
    }

    /**
     * Loads a trained network to classify different numbers of images with.
     *
     * @param checkpoint the trained network
     * @param placement  on how many devices, and how
     * @param backend    the devices; stays open
     * @param batches    how many images go through at once: the smallest size that holds them is used. Each takes time to plan and memory
     *                   for prepared filters; the weights are there once
     * @return the classifier; close it
     */
    public static Classifier create(Checkpoint checkpoint, Placement placement, Backend backend, List<Integer> batches) {
        List<Integer> sizes = batches.stream().sorted().distinct().toList();
        if (sizes.isEmpty() || sizes.getFirst() < 1) {
            throw new IllegalArgumentException("a batch must have at least 1 image: " + batches);
        }
        // a network trained without dropout is not scaled for it either
        boolean dropout = checkpoint.state() == null || checkpoint.state().options().dropout();
        Session session = new Session(checkpoint.network(), placement, backend, checkpoint.stored(), sizes, dropout);
        try {
            session.set(checkpoint.tensors());
            return new Classifier(checkpoint, session, sizes);
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
     * @throws TrainingException       if what comes out is NaN or infinity
     */
    public List<Prediction> classify(Path image) {
        return classify(Datasets.readImage(image, checkpoint.stored()));
    }

    /**
     * {@return the classes from the most probable down, for a stored image}
     *
     * @param pixels a stored image, [height][width][channels]
     * @throws TrainingException if what comes out is NaN or infinity
     */
    public List<Prediction> classify(byte[] pixels) {
        return ranked(probabilities(List.of(pixels)).getFirst());
    }

    /**
     * {@return of each image the probabilities of the classes, in the classes' order}
     *
     * @param images stored images, [height][width][channels] each; any number
     * @throws TrainingException if what comes out is NaN or infinity
     */
    public List<float[]> probabilities(List<byte[]> images) {
        List<float[]> all = new ArrayList<>(images.size());
        for (int from = 0; from < images.size(); from += batch()) {
            run(images.subList(from, Math.min(images.size(), from + batch())), all);
        }
        return all;
    }

    /** Runs every size once: filters are prepared on the first run. */
    void warmUp() {
        byte[] blank = new byte[Math.toIntExact(checkpoint.stored().elements())];
        batches.forEach(size -> run(Collections.nCopies(size, blank), new ArrayList<>()));
    }

    /** Runs the smallest batch that holds the images. */
    private void run(List<byte[]> images, List<float[]> all) {
        int batch = batches.stream().filter(size -> size >= images.size()).findFirst().orElseThrow();
        Shape stored = checkpoint.stored();
        int length = Math.toIntExact(stored.elements());
        byte[] pixels = buffer(batch);
        int[] labels = new int[batch];
        Arrays.fill(labels, images.size(), batch, -1);
        for (int i = 0; i < images.size(); i++) {
            if (images.get(i).length != length) {
                throw new IllegalArgumentException("an image of " + stored + " has " + length + " bytes, not " + images.get(i).length);
            }
            System.arraycopy(images.get(i), 0, pixels, i * length, length);
        }
        Arrays.fill(pixels, images.size() * length, pixels.length, (byte) 0);
        LoadedPlan results = session.evaluate(new Batch(0, pixels, centreCrops(batch), labels, images.size()));
        requireFinite(results.notFinite());
        float[] probabilities = results.probabilities();
        int classes = checkpoint.network().classes();
        for (int i = 0; i < images.size(); i++) {
            all.add(Arrays.copyOfRange(probabilities, i * classes, (i + 1) * classes));
        }
    }

    /** Of megabytes, which are not asked of Java's heap for every run. */
    private byte[] buffer(int batch) {
        return buffers.computeIfAbsent(batch, size -> Batch.room(size, checkpoint.stored()));
    }

    /** @param layer that gives NaN or infinity; null if none does */
    static void requireFinite(String layer) {
        if (layer != null) {
            throw new TrainingException(layer + ": gives NaN or infinity with these weights");
        }
    }

    /**
     * {@return the classes with their names, from the most probable down}
     *
     * @param probabilities of an image, see {@link #probabilities}
     */
    List<Prediction> ranked(float[] probabilities) {
        List<Prediction> predictions = new ArrayList<>();
        for (int label = 0; label < checkpoint.classNames().size(); label++) {
            predictions.add(new Prediction(label, checkpoint.classNames().get(label), probabilities[label]));
        }
        predictions.sort(Comparator.comparingDouble(Prediction::probability).reversed());
        return predictions;
    }

    /** [batch][3]: top, left, not mirrored. */
    private int[] centreCrops(int batch) {
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
        Evaluator.Result result = new Evaluator(session, checkpoint.network().input(), batch(), loaderThreads)
                .evaluate(data, listener, () -> false);
        requireFinite(result.notFinite());
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

    /** How many images go through at once, at most. */
    int batch() {
        return batches.getLast();
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
