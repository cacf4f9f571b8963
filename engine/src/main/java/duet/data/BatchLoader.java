package duet.data;

import java.util.function.DoubleUnaryOperator;

import duet.net.Shape;

/**
 * Makes batches ahead on other threads, in a fixed order. Training: an endless sequence; place i of batch b has position
 * p = b * batch + i, epoch p / size, and image order[epoch][p % size], so that an epoch needs not be a whole number of batches and
 * the state of the loader is the number of the next batch. Evaluation: every image once in order, the last batch filled up with
 * label -1.
 */
public interface BatchLoader extends AutoCloseable {
    /** The next batch, or null after the last one of an evaluation. Arrays are valid until the batch after the next is asked for. */
    Batch next();

    @Override
    void close();

    /** Without colour noise. */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, long firstBatch, int threads) {
        return training(data, input, batch, seed, shuffle, augmentation, null, epoch -> 1, firstBatch, threads);
    }

    /**
     * Crops, mirrors and colours are drawn for each image and epoch, see {@link Augmentation}.
     *
     * @param colours    {@link PrincipalColours#deviations} of the training set; null will do without colour noise
     * @param factor     what the colour noise is multiplied by in a batch that begins at an epoch (passes over the data); 0: none
     * @param input      the network's input; same channels as the stored images, not larger
     * @param shuffle    order[epoch] is a permutation drawn from (seed, epoch); else 0, 1, 2, ...
     * @param firstBatch number of the first batch that next() returns
     * @param threads    how many threads read images; the batches do not depend on it
     * @throws DataException sizes that do not fit; from next() also what went wrong on a loader thread
     */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, float[] colours,
            DoubleUnaryOperator factor, long firstBatch, int threads) {
        int channels = data.stored().channels();
        if (augmentation.colourNoise() > 0 && (colours == null || colours.length != channels * channels)) {
            throw new DataException("colour noise needs the principal colours of images of " + channels + " channel(s)");
        }
        ColourNoise noise = augmentation.colourNoise() == 0 ? null : new ColourNoise(colours, channels, augmentation.colourNoise(), seed);
        return new PrefetchingLoader(data, new Indices.EpochOrders(seed, shuffle, data.size()),
                new Cropping(data.stored(), input, augmentation, seed), noise, factor, batch, firstBatch, Long.MAX_VALUE, threads);
    }

    /** Centre crops. */
    static BatchLoader evaluation(Dataset data, Shape input, int batch, int threads) {
        return new PrefetchingLoader(data, new Indices.EpochOrders(0, false, data.size()),
                new Cropping(data.stored(), input, Augmentation.NONE, 0), null, epoch -> 0, batch, 0,
                Math.ceilDiv(data.size(), Math.max(1, batch)), threads);
    }
}
