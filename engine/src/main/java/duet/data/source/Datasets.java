package duet.data.source;

import java.nio.file.Path;

import duet.data.Cropping;
import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.Mean;
import duet.data.PixelSums;
import duet.data.Split;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.data.image.ScaledDataset;
import duet.net.Shape;

/** Opens what the option {@code --data} names. */
public final class Datasets {
    /** How much larger than usual stored images may be before they are reduced. */
    private static final double MOST_ROOM = 1.5;
    /** Of an image file that is read. */
    public static final long MOST_PIXELS = ImageFile.MOST_PIXELS;

    private Datasets() {}

    /**
     * Size and classes of a source, known before a network is chosen.
     *
     * @param channels 3 for colour, 1 for grey
     * @param height   in pixels; 0 where the files have sizes of their own
     * @param width    likewise
     * @param classes  how many
     */
    public record Description(int channels, int height, int width, int classes) {}

    /**
     * {@return size and classes of a source, without opening it for a network} A folder of mixed sizes has channels 3 (it can be read as
     * grey images, too) and height and width 0.
     *
     * @param source as for {@link #open(String, Shape, long, DamageReport)}
     */
    public static Description describe(String source) {
        return DataSource.parse(source).describe();
    }

    /**
     * {@return size and classes of what {@link #look} opens, which may have one class}
     *
     * @param source as for {@link #open(String, Shape, long, DamageReport)}
     */
    public static Description describeLook(String source) {
        return DataSource.parse(source).describeLook();
    }

    /**
     * Opens data for a new training.
     *
     * @param source {@code fashion-mnist}, {@code fashion-mnist:DIR}, {@code mnist:DIR}, {@code idx:DIR}, {@code cifar10:DIR}, {@code
     *               cifar100:DIR}, {@code cifar100-coarse:DIR}, {@code ilsvrc:DIR}, {@code folder:DIR}, {@code shards:DIR}, {@code
     *               synthetic:3x227x227:1000} or {@code synthetic:3x227x227:1000:COUNT} (COUNT training images, by default 10,000, and a
     *               tenth of it to validate)
     * @param input  the network's input; folder images are stored a little larger (256 for 227)
     * @param seed   of the held-out share where a folder has no validation part of its own, and of synthetic images
     * @param damage told of each file that cannot be read
     * @return images to learn from and to validate with; close it
     * @throws DataException naming what is missing, damaged or does not fit the network
     */
    public static Split open(String source, Shape input, long seed, DamageReport damage) {
        return open(source, input, null, seed, damage);
    }

    /**
     * Opens data for a network that has been trained already.
     *
     * @param source as for {@link #open(String, Shape, long, DamageReport)}
     * @param input  the network's input
     * @param stored size of the images that it was trained on; null for a new training
     * @param seed   of the held-out share and of synthetic images
     * @param damage told of each file that cannot be read
     * @return images to learn from and to validate with; close it
     * @throws DataException naming what is missing, damaged or does not fit the network
     */
    public static Split open(String source, Shape input, Shape stored, long seed, DamageReport damage) {
        DataSource opened = DataSource.parse(source);
        Description description = opened.describe();
        if (description.height() > 0) {
            checkFits(source, new Shape(description.channels(), description.height(), description.width()), input);
        }
        Shape wanted = stored == null ? storedFor(input) : stored;
        Split split = opened.open(wanted, seed, damage);
        return new Split(reduced(split.training(), wanted, stored == null), reduced(split.validation(), wanted, stored == null));
    }

    /**
     * Opens images to look at with a trained network.
     *
     * @param source as for {@link #open(String, Shape, long, DamageReport)}; a folder may also hold but a part to validate with, or one
     *               class
     * @param part   which images; null for those to validate with, or all of a folder that has no such part
     * @param input  the network's input
     * @param stored size of the images that it was trained on
     * @param seed   of the held-out share and of synthetic images
     * @param damage told of each file that cannot be read
     * @return the images; close them
     * @throws DataException naming what is missing, damaged or does not fit the network
     */
    public static Dataset look(String source, Part part, Shape input, Shape stored, long seed, DamageReport damage) {
        DataSource opened = DataSource.parse(source);
        Description description = opened.describeLook();
        if (description.height() > 0) {
            checkFits(source, new Shape(description.channels(), description.height(), description.width()), input);
        }
        return reduced(opened.look(part, stored, seed, damage), stored, false);
    }

    /** Shards of 256 pixels hold more than the centre that a network of 28 would see of them; a little room is for crops. */
    private static Dataset reduced(Dataset data, Shape wanted, boolean roomForCrops) {
        Shape stored = data.stored();
        double ratio = Math.min((double) stored.height() / wanted.height(), (double) stored.width() / wanted.width());
        boolean larger = roomForCrops ? ratio > MOST_ROOM : ratio >= 1 && !stored.equals(wanted);
        return larger ? new ScaledDataset(data, new Shape(stored.channels(), wanted.height(), wanted.width())) : data;
    }

    private static void checkFits(String source, Shape stored, Shape input) {
        try {
            Cropping.check(stored, input);
        } catch (DataException e) {
            throw new DataException(source + ": " + e.getMessage(), e);
        }
    }

    /**
     * Reads one image file as a stored image for a network, ready for a centre crop.
     *
     * @param file   JPEG, PNG, GIF, BMP or PPM
     * @param stored 1 channel (grey) or 3 (red, green, blue)
     * @return [height][width][channels]
     * @throws DataException naming the file, if it is missing, damaged or no image
     */
    public static byte[] readImage(Path file, Shape stored) {
        ImageFile.checkChannels(file.toString(), stored);
        try {
            return ImageFile.read(file, stored);
        } catch (DamagedImage e) {
            throw new DataException(file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Reads one image, such as from standard input, as a stored image for a network, ready for a centre crop.
     *
     * @param name   for messages
     * @param file   the bytes of a JPEG, PNG, GIF or BMP file
     * @param stored 1 channel (grey) or 3 (red, green, blue)
     * @return [height][width][channels]
     * @throws DataException with the name, if it is damaged or no image
     */
    public static byte[] readImage(String name, byte[] file, Shape stored) {
        return readImage(name, file, stored, MOST_PIXELS);
    }

    /**
     * Reads one image that has a bounded number of pixels.
     *
     * @param name       for messages
     * @param file       the bytes of a JPEG, PNG, GIF or BMP file
     * @param stored     1 channel (grey) or 3 (red, green, blue)
     * @param mostPixels found from the file's head, before room is made for them; at most {@link #MOST_PIXELS}
     * @return [height][width][channels]
     * @throws DataException with the name, if it is damaged, no image or too large
     */
    public static byte[] readImage(String name, byte[] file, Shape stored, long mostPixels) {
        ImageFile.checkChannels(name, stored);
        try {
            ImageFile.checkSize(file.length);
            return ImageFile.decode(file, stored, ImageFile.Jpegs.FASTEST, mostPixels);
        } catch (DamagedImage e) {
            throw new DataException(name + ": " + e.getMessage(), e);
        }
    }

    /**
     * {@return the stored size that goes with a network's input for images of any size: 256 for 224 to 227, as in the sources}
     *
     * @param input the network's input
     */
    public static Shape storedFor(Shape input) {
        return new Shape(input.channels(), enlarged(input.height()), enlarged(input.width()));
    }

    private static int enlarged(int side) {
        return side >= 224 && side <= 227 ? 256 : Math.toIntExact(Math.round(side * 256.0 / 227));
    }

    /**
     * {@return mean image, mean colour and covariance of the colours} Those that were stored when the data were prepared, over all images,
     * or taken now over at most {@code limit} images spread evenly over the data. Damaged images are left out. Sums are whole numbers, so
     * the result does not depend on how the work is shared.
     *
     * @param data  the training images
     * @param limit at most so many are read
     */
    public static ImageStatistics statistics(Dataset data, int limit) {
        ImageStatistics prepared = data.statistics();
        return prepared != null ? prepared : PixelSums.over(data, limit).statistics(data.stored());
    }

    /**
     * {@return the mean image of {@link #statistics}, [channels][height][width], in levels (0 to 255)}
     *
     * @param data  the training images
     * @param limit at most so many are read
     */
    public static float[] meanImage(Dataset data, int limit) {
        return statistics(data, limit).mean(Mean.IMAGE);
    }
}
