package duet.data;

import java.util.List;

import duet.net.Shape;

/** Labelled images of one size, stored as bytes. Reading is thread-safe: loader threads read different images at once. */
public interface Dataset extends AutoCloseable {
    /** For people, such as {@code Fashion-MNIST training set, 60000 images}. */
    String description();

    /** Names of the classes; a label is an index into them. */
    List<String> classNames();

    /** Size of every stored image. */
    Shape stored();

    /** Number of images. */
    int size();

    /**
     * Copies image {@code index} to {@code target} from {@code offset} on, in the order height, width, channels.
     *
     * @return its label, or -1 if the file turned out to be damaged (the pixels are then zero); each damaged file is reported once
     *         to the {@link DamageReport} that the data set was opened with
     */
    int read(int index, byte[] target, int offset);

    /**
     * What is known of the images since they were prepared, or null: then it is computed, see {@link duet.data.source.Datasets#statistics}.
     */
    default ImageStatistics statistics() {
        return null;
    }

    @Override
    void close();
}
