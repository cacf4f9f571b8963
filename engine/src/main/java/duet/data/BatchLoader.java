package duet.data;

import java.util.BitSet;
import java.util.function.DoubleUnaryOperator;

import duet.net.Shape;

/**
 * Makes batches ahead on other threads, in a fixed order. Training: an endless sequence; place i of batch b has position
 * p = b * batch + i, epoch p / size, and image order[epoch][p % size], so that an epoch needs not be a whole number of batches and
 * the state of the loader is the number of the next batch. Evaluation: every image once in order, the last batch filled up with
 * label -1.
 */
public interface BatchLoader extends AutoCloseable {
    /**
     * {@return the next batch, or null after the last one of an evaluation} Arrays are valid until the batch after the next is asked for.
     */
    Batch next();

    @Override
    void close();

    /**
     * Loads training batches without colour noise, without end.
     *
     * @param data         images to learn from
     * @param input        the network's input; same channels as the stored images, not larger
     * @param batch        images in a batch
     * @param seed         of order, crops and mirrors
     * @param shuffle      a new order for each epoch; else always that of the data
     * @param augmentation how windows are chosen and mirrored
     * @param firstBatch   number of the first batch that {@link #next} returns
     * @param threads      how many threads read images; the batches do not depend on it
     * @return the loader; close it to end its threads
     * @throws DataException if the sizes do not fit
     */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, long firstBatch, int threads) {
        return training(data, input, batch, seed, shuffle, augmentation, null, epoch -> 1, firstBatch, threads);
    }

    /**
     * Loads training batches without end. Crops, mirrors and colours are drawn for each image and epoch, see {@link Augmentation}.
     *
     * @param data         images to learn from
     * @param input        the network's input; same channels as the stored images, not larger
     * @param batch        images in a batch
     * @param seed         of order, crops, mirrors and colours
     * @param shuffle      order[epoch] is a permutation drawn from (seed, epoch); else 0, 1, 2, ...
     * @param augmentation what is done to the images
     * @param colours      {@link PrincipalColours#deviations} of the training set; null will do without colour noise
     * @param factor       what the colour noise is multiplied by in a batch that begins at an epoch (passes over the data); 0: none
     * @param firstBatch   number of the first batch that next() returns
     * @param threads      how many threads read images; the batches do not depend on it
     * @return the loader; close it to end its threads
     * @throws DataException sizes that do not fit; from next() also what went wrong on a loader thread
     */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, float[] colours,
            DoubleUnaryOperator factor, long firstBatch, int threads) {
        return training(data, input, batch, seed, shuffle, augmentation, colours, factor, firstBatch, threads, all(batch));
    }

    /**
     * Loads some places of training batches without end, as {@link #training(Dataset, Shape, int, long, boolean, Augmentation, float[],
     * DoubleUnaryOperator, long, int)} loads all of them.
     *
     * @param data         images to learn from
     * @param input        the network's input
     * @param batch        images in a batch
     * @param seed         of order, crops, mirrors and colours
     * @param shuffle      whether each epoch has an order of its own
     * @param augmentation what is done to the images
     * @param colours      of the training set, or null
     * @param factor       what the colour noise is multiplied by in a batch that begins at an epoch
     * @param firstBatch   number of the first batch that next() returns
     * @param threads      how many threads read images
     * @param places       of a batch that are wanted; it has the images of these alone, and no labels for the others
     * @return the loader; close it to end its threads
     */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, float[] colours,
            DoubleUnaryOperator factor, long firstBatch, int threads, BitSet places) {
        int channels = data.stored().channels();
        if (augmentation.colourNoise() > 0 && (colours == null || colours.length != channels * channels)) {
            throw new DataException("colour noise needs the principal colours of images of " + channels + " channel(s)");
        }
        ColourNoise noise = augmentation.colourNoise() == 0 ? null : new ColourNoise(colours, channels, augmentation.colourNoise(), seed);
        return new PrefetchingLoader(data, new Indices.EpochOrders(seed, shuffle, data.size()),
                new Cropping(data.stored(), input, augmentation, seed), noise, factor, batch, firstBatch, Long.MAX_VALUE, threads, places);
    }

    /**
     * Loads every image once, in order, for an evaluation: the window in the centre.
     *
     * @param data    images to evaluate on
     * @param input   the network's input; not larger than the stored images
     * @param batch   images in a batch; the last one may have fewer
     * @param threads how many threads read images
     * @return the loader; {@link #next} gives null after the last batch
     */
    static BatchLoader evaluation(Dataset data, Shape input, int batch, int threads) {
        return evaluation(data, input, batch, threads, all(batch));
    }

    /**
     * Loads some places of the batches of an evaluation.
     *
     * @param data    images to evaluate on
     * @param input   the network's input; not larger than the stored images
     * @param batch   images in a batch; the last one may have fewer
     * @param threads how many threads read images
     * @param places  of a batch that are wanted; it has the images of these alone, and no labels for the others
     * @return the loader; {@link #next} gives null after the last batch
     */
    static BatchLoader evaluation(Dataset data, Shape input, int batch, int threads, BitSet places) {
        return new PrefetchingLoader(data, new Indices.EpochOrders(0, false, data.size()),
                new Cropping(data.stored(), input, Augmentation.NONE, 0), null, epoch -> 0, batch, 0,
                Math.ceilDiv(data.size(), Math.max(1, batch)), threads, places);
    }

    private static BitSet all(int batch) {
        BitSet places = new BitSet(batch);
        places.set(0, Math.max(0, batch)); // a batch of fewer is refused by the loader
        return places;
    }
}
