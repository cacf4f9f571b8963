package duet.data;

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

    /** @param firstBatch number of the first batch that next() returns */
    static BatchLoader training(
            Dataset data, Shape input, int batch, long seed, boolean shuffle, Augmentation augmentation, long firstBatch, int threads) {
        throw new IllegalStateException("replaced by the data package");
    }

    static BatchLoader evaluation(Dataset data, Shape input, int batch, int threads) {
        throw new IllegalStateException("replaced by the data package");
    }
}
