package duet.use;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.data.source.Datasets;
import duet.device.Backend;
import duet.net.NetworkException;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;
import duet.use.Classifier.Prediction;

/**
 * A trained network that many threads ask at once. Images that come at about the same time go through the network together, which takes far
 * less time than one after the other: the fully connected layers read their weights once for all. Never lets more wait than it is told.
 */
public final class SharedClassifier implements AutoCloseable {
    private final BackendThread thread;
    private final Checkpoint checkpoint;
    private final Classifier classifier;
    private final Limits limits;
    private final Listener listener;
    private final Gathering gathering = new Gathering();
    /** Guarded by the thread's lock. */
    private final Queue<Image> waiting = new ArrayDeque<>();
    /** Not null once this closes; guarded by the thread's lock. */
    private CompletableFuture<Void> ended;

    /**
     * What may be gathered.
     *
     * @param batch   images that go through at once, at most
     * @param waiting images that wait, at most; whoever asks for more is told with a {@link BusyException}
     * @param delay   how long an image waits for others to come, at most, while the devices have nothing else to do; while they are busy,
     *                images gather anyway
     */
    public record Limits(int batch, int waiting, Duration delay) {
        /** Refuses what makes no sense. */
        public Limits {
            if (batch < 1) {
                throw new IllegalArgumentException("the batch must have at least 1 image, not " + batch);
            }
            if (waiting < batch) {
                throw new IllegalArgumentException("at least a batch of " + batch + " image(s) must be let wait, not " + waiting);
            }
            if (delay.isNegative()) {
                throw new IllegalArgumentException("the delay must not be negative: " + delay);
            }
        }
    }

    /** Told of every batch. */
    @FunctionalInterface
    public interface Listener {
        /**
         * A batch has been computed, or could not be; called by the backend's thread before the answers are given.
         *
         * @param images in it
         * @param waited of the image that has waited longest
         * @param took   to compute
         */
        void computed(int images, Duration waited, Duration took);
    }

    /** What somebody has asked for. */
    private static final class Request {
        private final CompletableFuture<List<float[]>> answer = new CompletableFuture<>();
        private final float[][] probabilities;
        private int left;

        Request(int images) {
            probabilities = new float[images][];
            left = images;
        }

        void put(int index, float[] values) {
            probabilities[index] = values;
            if (--left == 0) {
                answer.complete(Arrays.asList(probabilities));
            }
        }
    }

    private record Image(Request request, int index, byte[] pixels, long since) {}

    /** The batches, on the backend's thread. */
    private final class Gathering implements BackendThread.Work {
        @Override
        public long due() {
            if (waiting.isEmpty()) {
                return BackendThread.NEVER;
            }
            long since = waiting.peek().since();
            return waiting.size() >= limits.batch() ? since : since + limits.delay().toNanos();
        }

        @Override
        public void run() {
            List<Image> images = thread.locked(this::take);
            if (!images.isEmpty()) {
                compute(images);
            }
        }

        /** Those whose request was given up meanwhile are left out. */
        private List<Image> take() {
            List<Image> images = new ArrayList<>();
            while (!waiting.isEmpty() && images.size() < limits.batch()) {
                Image image = waiting.remove();
                if (!image.request().answer.isDone()) {
                    images.add(image);
                }
            }
            return images;
        }

        private void compute(List<Image> images) {
            long begun = BackendThread.now();
            List<float[]> all = null;
            Throwable failure = null;
            try {
                all = classifier.probabilities(images.stream().map(Image::pixels).toList());
            } catch (Throwable e) { // whatever it is, those who have asked are told, and the thread goes on
                failure = e;
            }
            if (failure instanceof TrainingException && images.size() > 1) {
                // who has asked about another image has no part in it
                images.stream().filter(image -> !image.request().answer.isDone()).forEach(image -> compute(List.of(image)));
                return;
            }
            listener.computed(images.size(), Duration.ofNanos(begun - images.getFirst().since()),
                    Duration.ofNanos(BackendThread.now() - begun));
            for (int i = 0; i < images.size(); i++) {
                Image image = images.get(i);
                if (failure == null) {
                    image.request().put(image.index(), all.get(i));
                } else {
                    image.request().answer.completeExceptionally(failure);
                }
            }
        }

        @Override
        public void end() {
            while (thread.locked(this::due) != BackendThread.NEVER) {
                run();
            }
            thread.remove(this);
            classifier.close();
        }
    }

    private SharedClassifier(BackendThread thread, Checkpoint checkpoint, Classifier classifier, Limits limits, Listener listener) {
        this.thread = thread;
        this.checkpoint = checkpoint;
        this.classifier = classifier;
        this.limits = limits;
        this.listener = listener;
    }

    /**
     * Loads a trained network and runs it once, so that the first answer takes no longer than others.
     *
     * @param thread     owns the devices; stays open
     * @param checkpoint the trained network
     * @param placement  on how many devices, and how
     * @param limits     what may be gathered
     * @return the classifier; close it
     */
    public static SharedClassifier create(BackendThread thread, Checkpoint checkpoint, Placement placement, Limits limits) {
        return create(thread, checkpoint, placement, limits, (images, waited, took) -> {});
    }

    /**
     * Loads a trained network.
     *
     * @param thread     owns the devices; stays open
     * @param checkpoint the trained network
     * @param placement  on how many devices, and how
     * @param limits     what may be gathered
     * @param listener   told of every batch
     * @return the classifier; close it
     */
    public static SharedClassifier create(BackendThread thread, Checkpoint checkpoint, Placement placement, Limits limits,
            Listener listener) {
        return thread.call(backend -> {
            SharedClassifier shared = new SharedClassifier(thread, checkpoint, load(checkpoint, placement, backend, limits), limits,
                    listener);
            thread.add(shared.gathering);
            return shared;
        });
    }

    /**
     * Few images must not cost as much as many: sizes that double, from the smallest that the placement can cut. The first client waits for
     * nothing that could be done before.
     */
    private static Classifier load(Checkpoint checkpoint, Placement placement, Backend backend, Limits limits) {
        int most = limits.batch();
        int smallest = IntStream.rangeClosed(1, most).filter(size -> canCut(placement, size)).findFirst().orElse(most);
        IntStream doubled = IntStream.iterate(smallest, size -> size < most, size -> 2 * size);
        Classifier classifier = Classifier.create(checkpoint, placement, backend, Stream.concat(doubled.boxed(), Stream.of(most)).toList());
        try {
            classifier.warmUp();
            return classifier;
        } catch (RuntimeException | Error e) {
            classifier.close();
            throw e;
        }
    }

    private static boolean canCut(Placement placement, int batch) {
        try {
            Planner.checkBatch(placement, batch);
            return true;
        } catch (NetworkException e) {
            return false;
        }
    }

    /** {@return what it has been made from} */
    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /** {@return how many images wait for their turn} */
    public int waiting() {
        return thread.locked(waiting::size);
    }

    /**
     * Asks about images and does not wait. All of them are accepted, or none. Cancelling the answer takes those that still wait out. The
     * answer comes on the backend's thread: what follows from it and takes time goes elsewhere ({@code thenApplyAsync}).
     *
     * @param images stored images, [height][width][channels] each; at most as many as may wait
     * @return of each image the probabilities of the classes, in the classes' order; fails if the devices fail
     * @throws BusyException         if more would wait than is let
     * @throws IllegalStateException if this or the backend's thread is closed
     */
    public CompletableFuture<List<float[]>> probabilities(List<byte[]> images) {
        long length = checkpoint.stored().elements();
        if (images.stream().anyMatch(pixels -> pixels.length != length)) {
            throw new IllegalArgumentException("each image must be one of " + checkpoint.stored() + ", " + length + " bytes");
        }
        Request request = new Request(images.size());
        if (images.isEmpty()) {
            request.answer.complete(List.of());
        }
        return thread.locked(() -> {
            thread.requireOpen();
            if (ended != null) {
                throw new IllegalStateException("already closed");
            }
            if (waiting.size() + images.size() > limits.waiting()) {
                throw new BusyException(waiting.size() + " image(s) wait already, and at most " + limits.waiting() + " may");
            }
            long now = BackendThread.now();
            IntStream.range(0, images.size()).forEach(i -> waiting.add(new Image(request, i, images.get(i), now)));
            thread.changed();
            return request.answer;
        });
    }

    /**
     * {@return the classes from the most probable down, for a stored image}
     *
     * @param pixels a stored image, [height][width][channels]
     * @throws BusyException if too many images wait already
     */
    public List<Prediction> classify(byte[] pixels) {
        thread.requireElsewhere();
        return ranked(BackendThread.join(probabilities(List.of(pixels))).getFirst());
    }

    /**
     * {@return the classes from the most probable down, for one image file; it is read by the calling thread}
     *
     * @param image JPEG, PNG, GIF, BMP or PPM of any size
     * @throws duet.data.DataException naming the file, if it is missing, damaged or no image
     * @throws BusyException           if too many images wait already
     */
    public List<Prediction> classify(Path image) {
        return classify(Datasets.readImage(image, checkpoint.stored()));
    }

    /**
     * {@return the classes with their names, from the most probable down}
     *
     * @param probabilities of an image, see {@link #probabilities}
     */
    public List<Prediction> ranked(float[] probabilities) {
        return classifier.ranked(probabilities);
    }

    /** Answers what it has accepted, then gives the memory back; not to be called by the backend's thread. */
    @Override
    public void close() {
        BackendThread.join(thread.locked(() -> {
            if (ended == null) {
                ended = thread.running() ? thread.submit(backend -> {
                    gathering.end();
                    return null;
                }) : CompletableFuture.completedFuture(null);
            }
            return ended;
        }));
    }
}
