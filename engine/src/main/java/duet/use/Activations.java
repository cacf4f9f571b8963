package duet.use;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.Dataset;
import duet.data.SharedOut;
import duet.data.Views;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Ranks;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Requests;
import duet.train.Agreement;
import duet.train.DataFit;
import duet.train.LoadedPlan;
import duet.train.Session;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/**
 * A trained network that gives out what one of its layers makes. Several processes may share the images, each with a whole network of its
 * own. Owns neither the backend nor data. One thread at a time.
 */
public final class Activations implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Session session;
    private final String layer;
    private final int batch;
    private final Ranks ranks;

    private Activations(Checkpoint checkpoint, Session session, String layer, int batch, Ranks ranks) {
        this.checkpoint = checkpoint;
        this.session = session;
        this.layer = layer;
        this.batch = batch;
        this.ranks = ranks;
    }

    /** Told of each image in turn. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * Takes what the layer makes of one image.
         *
         * @param index  of the image in the data set
         * @param label  its class, or -1 if it could not be read; then the values mean nothing
         * @param values holds the layer's [channels][height][width] of this image from {@code from} on; to be copied
         * @param from   index of its first value
         */
        void image(int index, int label, float[] values, int from);
    }

    /**
     * Loads a trained network so that it gives out what a layer makes.
     *
     * @param checkpoint the trained network
     * @param layer      by name: the layer's own output. {@code fc7} is the output before the ReLU, {@code relu7} the one after it
     * @param placement  on how many devices, and how
     * @param backend    the devices; stays open
     * @param batch      how many images go through at once
     * @return the layer; close it
     * @throws TrainingException if the network has no such layer
     */
    public static Activations create(Checkpoint checkpoint, String layer, Placement placement, Backend backend, int batch) {
        return create(checkpoint, layer, placement, backend, batch, Ranks.ALONE);
    }

    /**
     * Loads a trained network in each of several processes, which share the images: each has the whole network, on devices of its own. All
     * processes call it.
     *
     * @param checkpoint the trained network, the same for all
     * @param layer      by name, see {@link #create(Checkpoint, String, Placement, Backend, int)}
     * @param placement  on how many devices of each process, and how
     * @param backend    this process's devices; stays open
     * @param batch      how many images go through at once in each process
     * @param ranks      the processes
     * @return the layer; close it
     * @throws TrainingException if the network has no such layer
     * @throws duet.device.DeviceException if the processes differ in one of these
     */
    public static Activations create(Checkpoint checkpoint, String layer, Placement placement, Backend backend, int batch, Ranks ranks) {
        Agreement.onCheckpoint(ranks, "the network", checkpoint);
        ranks.requireSame("the layer", layer);
        ranks.requireSame("the batch", Integer.toString(batch));
        ranks.requireSame("the placement", placement.words());
        return create(checkpoint, Requests.layers(List.of(layer)), placement, backend, batch, ranks);
    }

    static Activations create(Checkpoint checkpoint, Requests requests, Placement placement, Backend backend, int batch) {
        return create(checkpoint, requests, placement, backend, batch, Ranks.ALONE);
    }

    private static Activations create(Checkpoint checkpoint, Requests requests, Placement placement, Backend backend, int batch,
            Ranks ranks) {
        if (batch < 1) {
            throw new IllegalArgumentException("the batch must have at least 1 image, not " + batch);
        }
        boolean dropout = checkpoint.state() == null || checkpoint.state().options().dropout();
        Session session = new Session(checkpoint.network(), placement, backend, checkpoint.stored(), batch, dropout, requests);
        try {
            session.set(checkpoint.tensors());
            return new Activations(checkpoint, session, requests.layers().getFirst(), batch, ranks);
        } catch (RuntimeException | Error e) {
            session.close();
            throw e;
        }
    }

    /**
     * {@return the layer whose output the paper compares images by (section 6.1): what the last fully connected layer sees, before any
     * dropout}
     *
     * @param network any
     * @throws TrainingException for a network that has but the scores
     */
    public static String lastHidden(Network network) {
        int hidden = network.inputs(network.layers().indexOf(network.scores())).getFirst();
        while (hidden >= 0 && network.layers().get(hidden) instanceof Layer.Dropout) {
            hidden = network.inputs(hidden).getFirst();
        }
        if (hidden >= 0) {
            return network.layers().get(hidden).name();
        }
        throw new TrainingException(network.name() + ": has no layer below its scores");
    }

    /** {@return the name of the layer} */
    public String layer() {
        return layer;
    }

    /** {@return what the layer makes of one image} */
    public Shape shape() {
        return checkpoint.network().shape(layer);
    }

    /** {@return the trained network} */
    public Checkpoint checkpoint() {
        return checkpoint;
    }

    Session session() {
        return session;
    }

    int batch() {
        return batch;
    }

    /**
     * {@return what the layer makes of the centre of one image file, [channels][height][width]}
     *
     * @param image JPEG, PNG, GIF, BMP or PPM of any size
     */
    public float[] of(Path image) {
        return of(Datasets.readImage(image, checkpoint.stored()));
    }

    /**
     * {@return what the layer makes of the centre of a stored image, [channels][height][width]}
     *
     * @param pixels a stored image, [height][width][channels]
     */
    public float[] of(byte[] pixels) {
        return Arrays.copyOf(run(pixels).layer(layer), Math.toIntExact(shape().elements()));
    }

    /** Looks at the centre of a stored image; other places of the batch are empty. */
    LoadedPlan run(byte[] pixels) {
        int[] crop = Views.centre(checkpoint.stored(), checkpoint.network().input());
        byte[] images = Batch.room(batch, checkpoint.stored());
        System.arraycopy(pixels, 0, images, 0, pixels.length);
        int[] crops = new int[3 * batch];
        int[] labels = new int[batch];
        Arrays.fill(labels, 1, batch, -1);
        System.arraycopy(crop, 0, crops, 0, 3);
        return session.evaluate(new Batch(0, images, crops, labels, 1));
    }

    /** {@return whether this is the process that all images come to} */
    boolean first() {
        return ranks.first();
    }

    /**
     * Looks at the centre of every image of a data set once, in order. Classes need not be the network's own. Several processes take the
     * batches by turns; all of them call it, and what they make comes to the first one.
     *
     * @param data          images of the size that the network was trained on
     * @param loaderThreads threads that read and decode images
     * @param listener      told how far it is
     * @param receiver      told of each image in the first process, and of none in the others
     */
    public void forEach(Dataset data, int loaderThreads, TrainingListener listener, Receiver receiver) {
        DataFit.requireImages(checkpoint.network(), data);
        DataFit.requireStored(checkpoint.stored(), data);
        Agreement.onImages(ranks, "the images", data);
        int length = Math.toIntExact(shape().elements());
        int batches = Math.ceilDiv(data.size(), batch);
        Dataset share = ranks.size() == 1 ? data : new SharedOut(data, batch, ranks.rank(), ranks.size());
        if (!first() && share.size() == 0) {
            return; // there are fewer batches than processes
        }
        try (BatchLoader loader = BatchLoader.evaluation(share, checkpoint.network().input(), batch, loaderThreads);
                Turns turns = new Turns(ranks, batches, batch, length)) {
            for (int b = 0; b < batches; b++) {
                if (!turns.own(b) && !first()) {
                    continue;
                }
                Turns.Made made = turns.own(b) ? made(loader.next()) : turns.received(b);
                int count = Math.min(batch, data.size() - b * batch);
                if (first()) {
                    for (int i = 0; i < count; i++) {
                        receiver.image(b * batch + i, made.labels()[i], made.values(), i * length);
                    }
                } else {
                    turns.send(b, made);
                }
                listener.validating(b * batch + count, data.size());
            }
            turns.finish();
        }
    }

    private Turns.Made made(Batch images) {
        int[] labels = images.labels().clone();
        return new Turns.Made(labels, session.evaluate(known(images)).layer(layer));
    }

    /** Labels that the network has no class for must not reach the devices; they play no part in what a layer makes. */
    private Batch known(Batch images) {
        int classes = checkpoint.network().classes();
        int[] labels = images.labels().clone();
        for (int i = 0; i < labels.length; i++) {
            labels[i] = labels[i] >= classes ? 0 : labels[i];
        }
        return new Batch(images.number(), images.images(), images.places(), images.crops(), null, labels, images.count());
    }

    @Override
    public void close() {
        session.close();
    }
}
