package duet.model;

import java.util.Arrays;

import duet.net.Shape;

/**
 * One level for each channel, or a whole image of levels.
 *
 * @param shape  height and width are 1 for a level for each channel
 * @param values [channels][height][width]
 */
public record MeanLevels(Shape shape, float[] values) {
    /** Throws an {@link IllegalArgumentException} if there are not as many numbers as the shape says. */
    public MeanLevels {
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException("a mean of " + shape + " has " + shape.elements() + " numbers, not " + values.length);
        }
    }

    /**
     * {@return a level for each channel}
     *
     * @param levels 0 to 255, one for each channel
     */
    public static MeanLevels of(float... levels) {
        return new MeanLevels(new Shape(levels.length, 1, 1), levels.clone());
    }

    /** {@return whether it is a whole image of levels} */
    public boolean isImage() {
        return shape.height() > 1 || shape.width() > 1;
    }

    /** {@return a level for each channel where all its pixels have the same one, else this} */
    public MeanLevels flattened() {
        int area = shape.height() * shape.width();
        float[] levels = new float[shape.channels()];
        for (int i = 0; i < values.length; i++) {
            levels[i / area] = values[i / area * area];
            if (values[i] != levels[i / area]) {
                return this;
            }
        }
        return of(levels);
    }

    /**
     * {@return the mean image of stored images of a size, [channels][height][width]}
     *
     * @param stored size of the images
     */
    public float[] over(Shape stored) {
        if (stored.channels() != shape.channels() || isImage() && !stored.equals(shape)) {
            throw new ModelFileException(
                    "a mean image of %s does not fit stored images of %s (channels x height x width)".formatted(shape, stored));
        }
        if (isImage()) {
            return values;
        }
        int area = stored.height() * stored.width();
        float[] image = new float[stored.channels() * area];
        for (int channel = 0; channel < stored.channels(); channel++) {
            Arrays.fill(image, channel * area, (channel + 1) * area, values[channel]);
        }
        return image;
    }

    /**
     * {@return the image in the middle of a larger one, its edges repeated outwards}
     *
     * @param larger a size that is not smaller in any direction
     */
    public MeanLevels extended(Shape larger) {
        float[] image = new float[Math.toIntExact(larger.elements())];
        int top = (larger.height() - shape.height()) / 2;
        int left = (larger.width() - shape.width()) / 2;
        for (int i = 0; i < image.length; i++) {
            int channel = i / (larger.height() * larger.width());
            int row = Math.clamp(i / larger.width() % larger.height() - top, 0, shape.height() - 1);
            int column = Math.clamp(i % larger.width() - left, 0, shape.width() - 1);
            image[i] = values[(channel * shape.height() + row) * shape.width() + column];
        }
        return new MeanLevels(larger, image);
    }

    /**
     * {@return the part in the middle that a network sees of an uncropped image}
     *
     * @param input the network's input
     */
    public MeanLevels centre(Shape input) {
        if (!isImage()) {
            return this;
        }
        int top = (shape.height() - input.height()) / 2;
        int left = (shape.width() - input.width()) / 2;
        float[] part = new float[Math.toIntExact(input.elements())];
        for (int line = 0; line < input.channels() * input.height(); line++) {
            int channel = line / input.height();
            int from = (channel * shape.height() + top + line % input.height()) * shape.width() + left;
            System.arraycopy(values, from, part, line * input.width(), input.width());
        }
        return new MeanLevels(input, part);
    }
}
