package duet.data;

import java.util.List;

import duet.net.Shape;

/** Labelled images of one size, stored as bytes. Reading is thread-safe: loader threads read different images at once. */
public interface Dataset extends AutoCloseable {
    /** {@return what the data are, for people, such as {@code Fashion-MNIST training set, 60000 images}} */
    String description();

    /** {@return names of the classes; a label is an index into them} */
    List<String> classNames();

    /** {@return the size of every stored image} */
    Shape stored();

    /** {@return the number of images} */
    int size();

    /**
     * Copies image {@code index} to {@code target} from {@code offset} on, in the order height, width, channels.
     *
     * @param index  from 0 to {@link #size} - 1
     * @param target takes channels x height x width bytes
     * @param offset where they begin in {@code target}
     * @return its label, or -1 if the file turned out to be damaged (the pixels are then zero); each damaged file is reported once to the
     *         {@link DamageReport} that the data set was opened with
     */
    int read(int index, byte[] target, int offset);

    /**
     * {@return what is known of the images since they were prepared, or null; then {@link duet.data.source.Datasets#statistics} computes
     * it}
     */
    default ImageStatistics statistics() {
        return null;
    }

    @Override
    void close();
}
