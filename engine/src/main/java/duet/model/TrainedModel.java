package duet.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.net.Network;
import duet.net.Shape;

/**
 * What other programs exchange: a network, its weights, what is taken off the pixels first.
 *
 * @param classNames a label is an index into them
 * @param parameters by name ({@code conv1.weight} [filters][channels / groups][kernel][kernel], {@code fc6.weight} [outputs][inputs],
 *                   {@code conv1.bias}), for pixels in the order red, green, blue
 * @param mean       levels (0 to 255), red first
 */
public record TrainedModel(Network network, List<String> classNames, Map<String, float[]> parameters, Mean mean) {
    public TrainedModel {
        classNames = List.copyOf(classNames);
        if (classNames.size() != network.classes()) {
            throw new ModelFileException(String.format(Locale.ROOT, "there are %d names of classes, but %s has %d classes",
                    classNames.size(), network.name(), network.classes()));
        }
    }

    /**
     * One level for each channel, or a whole image of levels.
     *
     * @param shape  height and width are 1 for a level for each channel
     * @param values [channels][height][width]
     */
    public record Mean(Shape shape, float[] values) {
        public Mean {
            if (values.length != shape.elements()) {
                throw new IllegalArgumentException("a mean of " + shape + " has " + shape.elements() + " numbers, not " + values.length);
            }
        }

        /** A level for each channel. */
        public static Mean of(float... levels) {
            return new Mean(new Shape(levels.length, 1, 1), levels.clone());
        }

        public boolean isImage() {
            return shape.height() > 1 || shape.width() > 1;
        }

        /** The mean image of stored images of a size. */
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

        /** The image in the middle of a larger one, its edges repeated outwards. */
        public Mean extended(Shape larger) {
            float[] image = new float[Math.toIntExact(larger.elements())];
            int top = (larger.height() - shape.height()) / 2;
            int left = (larger.width() - shape.width()) / 2;
            for (int i = 0; i < image.length; i++) {
                int channel = i / (larger.height() * larger.width());
                int row = Math.clamp(i / larger.width() % larger.height() - top, 0, shape.height() - 1);
                int column = Math.clamp(i % larger.width() - left, 0, shape.width() - 1);
                image[i] = values[(channel * shape.height() + row) * shape.width() + column];
            }
            return new Mean(larger, image);
        }

        /** The part in the middle that a network sees of an uncropped image. */
        public Mean centre(Shape input) {
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
            return new Mean(input, part);
        }
    }

    /** What a class is called of which only the label is known. */
    public static String numbered(int label) {
        return "class " + label;
    }
}
