package duet.data.source;

import java.util.List;
import java.util.stream.IntStream;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.Split;
import duet.device.Philox;
import duet.net.Shape;

/**
 * Made-up images that a network can tell apart: each class has a pattern of two plane waves a channel, each image shows it shifted
 * a little and under noise. Image i has label i % classes. A function of (seed, image) alone, on every machine: sines by StrictMath.
 *
 * @param part       for people: what the images are for
 * @param stored     size of each image
 * @param classCount number of classes
 * @param size       number of images
 * @param seed       of patterns, shifts and noise
 * @param firstImage number of the first image, so that training and validation images differ
 */
public record SyntheticImages(String part, Shape stored, int classCount, int size, long seed,
        long firstImage) implements Dataset, Fingerprinted {
    static final int DEFAULT_COUNT = 10_000;
    private static final String EXAMPLE = "such as synthetic:3x227x227:1000 or, with the number of training images, "
            + "synthetic:1x28x28:10:5000";
    private static final int WAVES = 2;
    private static final double AMPLITUDE = 40;
    /** Of the image's side. */
    private static final double LARGEST_SHIFT = 0.1;
    private static final int NOISE = 64;
    /** Steps of Philox below these belong to images. */
    private static final long VALIDATION_STEP = 1L << 40;
    private static final long CLASS_STEP = 1L << 41;

    /** Shape, classes and number of training images; a tenth as many validate. */
    record Specification(Shape shape, int classes, int count) {
        static Specification parse(String source) {
            String[] parts = source.split(":", -1);
            String[] sides = parts.length > 1 ? parts[1].split("x", -1) : new String[0];
            if (parts.length < 3 || parts.length > 4 || sides.length != 3) {
                throw new DataException(source + " is not of the form synthetic:CHANNELSxHEIGHTxWIDTH:CLASSES[:COUNT], " + EXAMPLE);
            }
            Shape shape = new Shape(number(source, "channels", sides[0], 1, 1024),
                    number(source, "height", sides[1], 1, 8192), number(source, "width", sides[2], 1, 8192));
            if (shape.elements() > 1 << 28) {
                throw new DataException(source + ": an image of " + shape + " is larger than 256 MiB; give a smaller one, " + EXAMPLE);
            }
            return new Specification(shape, number(source, "classes", parts[2], 2, 1_000_000),
                    parts.length == 4 ? number(source, "count", parts[3], 1, 1_000_000_000) : DEFAULT_COUNT);
        }

        private static int number(String source, String what, String text, int least, int most) {
            if (text.matches("[0-9]{1,10}") && Long.parseLong(text) >= least && Long.parseLong(text) <= most) {
                return Integer.parseInt(text);
            }
            throw new DataException("%s: \"%s\" is not a number of %s from %d to %d; give a source %s".formatted(
                    source, text, what, least, most, EXAMPLE));
        }

        Split open(long seed) {
            return new Split(
                    new SyntheticImages("training", shape, classes, count, seed, 0),
                    new SyntheticImages("validation", shape, classes, Math.max(1, count / 10), seed, VALIDATION_STEP));
        }
    }

    @Override
    public String description() {
        return "synthetic %s images %s, %d classes, %d images".formatted(part, stored, classCount, size);
    }

    @Override
    public List<String> classNames() {
        return IntStream.range(0, classCount).mapToObj(i -> "class-" + i).toList();
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int label = index % classCount;
        long step = firstImage + index;
        double shiftY = LARGEST_SHIFT * (2 * Philox.uniform(seed, Philox.SYNTHETIC, step, 0) - 1);
        double shiftX = LARGEST_SHIFT * (2 * Philox.uniform(seed, Philox.SYNTHETIC, step, 1) - 1);
        float[] rows = new float[2 * WAVES * stored.height()];
        float[] columns = new float[2 * WAVES * stored.width()];
        for (int c = 0; c < stored.channels(); c++) {
            for (int wave = 0; wave < WAVES; wave++) {
                long element = 3L * (c * WAVES + wave);
                // The lowest frequencies survive cropping and pooling; 0 to 4 waves over the image either way.
                double fy = Math.floor(5 * Philox.uniform(seed, Philox.SYNTHETIC, CLASS_STEP + label, element));
                double fx = Math.floor(9 * Philox.uniform(seed, Philox.SYNTHETIC, CLASS_STEP + label, element + 1)) - 4;
                double phase = Philox.uniform(seed, Philox.SYNTHETIC, CLASS_STEP + label, element + 2);
                tabulate(rows, wave, stored.height(), fy, phase + fy * shiftY + fx * shiftX);
                tabulate(columns, wave, stored.width(), fx, 0);
            }
            paint(step, c, rows, columns, target, offset);
        }
        return label;
    }

    /** table[(2 * wave) * length + i] = cos, table[(2 * wave + 1) * length + i] = sin of 2 pi (frequency * i / length + phase). */
    private static void tabulate(float[] table, int wave, int length, double frequency, double phase) {
        for (int i = 0; i < length; i++) {
            double angle = 2 * Math.PI * (frequency * i / length + phase);
            table[2 * wave * length + i] = (float) StrictMath.cos(angle);
            table[(2 * wave + 1) * length + i] = (float) StrictMath.sin(angle);
        }
    }

    /** cos(a + b) = cos a cos b - sin a sin b makes a plane wave of one table for the rows and one for the columns. */
    private void paint(long step, int channel, float[] rows, float[] columns, byte[] target, int offset) {
        int height = stored.height();
        int width = stored.width();
        long pixel = 4 + (long) channel * height * width;
        int noise = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++, pixel++) {
                float value = 0;
                for (int wave = 0; wave < WAVES; wave++) {
                    int cosine = 2 * wave;
                    value += rows[cosine * height + y] * columns[cosine * width + x]
                            - rows[(cosine + 1) * height + y] * columns[(cosine + 1) * width + x];
                }
                // One draw of 32 bits is noise for four pixels.
                noise = (pixel & 3) == 0 || (y | x) == 0 ? Philox.bits(seed, Philox.SYNTHETIC, step, pixel) : noise >>> 8;
                int level = Math.round(128 + (float) AMPLITUDE * value) + (noise & NOISE - 1) - NOISE / 2;
                target[offset + (y * width + x) * stored.channels() + channel] = (byte) Math.clamp(level, 0, 255);
            }
        }
    }

    @Override
    public int fingerprint() {
        return hashCode();
    }

    @Override
    public void close() {}
}
