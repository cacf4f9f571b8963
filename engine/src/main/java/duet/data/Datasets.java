package duet.data;

import java.nio.file.Path;

import duet.net.Shape;

/** Opens what the option {@code --data} names. */
public final class Datasets {
    private Datasets() {}

    /** Size and classes of a source, known before a network is chosen. */
    public record Description(int channels, int height, int width, int classes) {}

    /** What there is, without opening it for a network; a folder of mixed sizes has height and width 0. */
    public static Description describe(String source) {
        throw new IllegalStateException("replaced by the data package");
    }

    /**
     * @param source  {@code fashion-mnist}, {@code fashion-mnist:DIR}, {@code folder:DIR}, {@code synthetic:3x227x227:1000}
     * @param input   the network's input; folder images are stored a little larger (256 for 227)
     * @param seed    of the held-out share where a folder has no validation part of its own, and of synthetic images
     */
    public static Split open(String source, Shape input, long seed, DamageReport damage) {
        throw new IllegalStateException("replaced by the data package");
    }

    /** One image file as a stored image for a network, ready for a centre crop. */
    public static byte[] readImage(Path file, Shape stored) {
        throw new IllegalStateException("replaced by the data package");
    }

    /** The stored size that goes with a network's input for images of any size: 256 for 227. */
    public static Shape storedFor(Shape input) {
        throw new IllegalStateException("replaced by the data package");
    }

    /** Mean over at most {@code limit} images spread evenly over the data, canonical order [channels][height][width]. */
    public static float[] meanImage(Dataset data, int limit) {
        throw new IllegalStateException("replaced by the data package");
    }
}
