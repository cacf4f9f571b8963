package duet.data.prepare;

import duet.data.DataException;

/**
 * How a source is prepared. Values that make no sense are a {@link DataException}.
 *
 * @param size        height and width of the images; 0: 256, or the source's own where all its images have one size
 * @param quality     0 stores bytes, 1 to 100 JPEG of this quality
 * @param shardImages images in a shard; 0: about 256 MiB
 * @param threads     threads that read and decode
 * @param seed        of the held-out share of sources without a validation part
 */
public record PreparationOptions(int size, int quality, int shardImages, int threads, long seed) {
    public static final PreparationOptions DEFAULTS = new PreparationOptions(0, 0, 0, Runtime.getRuntime().availableProcessors(), 1);
    private static final int LARGEST = 4096;

    /** Throws a {@link DataException} with the range that makes sense. */
    public PreparationOptions {
        require(size >= 0 && size <= LARGEST, "images are prepared in sizes from 1 to " + LARGEST + ", not " + size);
        require(quality >= 0 && quality <= 100, "JPEG quality is from 1 to 100, not " + quality);
        require(shardImages >= 0 && shardImages <= 1 << 20, "a shard has from 1 to " + (1 << 20) + " images, not " + shardImages);
        require(threads > 0, "there must be at least 1 thread, not " + threads);
    }

    /**
     * {@return the same with other threads}
     *
     * @param count threads that read and decode
     */
    public PreparationOptions withThreads(int count) {
        return new PreparationOptions(size, quality, shardImages, count, seed);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new DataException(message);
        }
    }
}
