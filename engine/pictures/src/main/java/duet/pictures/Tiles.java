package duet.pictures;

import java.awt.image.BufferedImage;

import duet.data.Views;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.train.output.Checkpoint;
import duet.use.ReceptiveField;

/** What the sheets are put together from, as pictures of their own: one pixel for each number, to be enlarged without smoothing. */
public final class Tiles {
    /** Of the strongest value below 0, a share of white's each. */
    private static final double[] BELOW = {0.2, 0.55, 1};

    private Tiles() {}

    /**
     * {@return 2 where the network is cut in two towers and so are the channels of this layer, a half of them each; else 1}
     *
     * @param network any
     * @param layer   its name
     */
    public static int towers(Network network, String layer) {
        return ChannelSheet.towers(network, layer);
    }

    /**
     * {@return a filter, [kernel][kernel] pixels, scaled so that its numbers fill the range from black to white; three input channels are
     * red, green and blue, of other numbers of channels the mean is grey}
     *
     * @param layer  whose filter it is
     * @param weight all of the layer's, in canonical order
     * @param filter which
     */
    public static BufferedImage filter(Layer.Convolution layer, float[] weight, int filter) {
        int kernel = layer.kernel();
        int channels = weight.length / (layer.filters() * kernel * kernel);
        int area = kernel * kernel;
        int planes = channels == 3 ? 3 : 1;
        float[] values = new float[planes * area];
        float lowest = Float.POSITIVE_INFINITY;
        float highest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < channels * area; i++) {
            values[i % values.length] += weight[filter * channels * area + i] * planes / channels;
        }
        for (float value : values) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
        }
        float range = highest > lowest ? highest - lowest : 1;
        BufferedImage picture = new BufferedImage(kernel, kernel, BufferedImage.TYPE_INT_RGB);
        for (int place = 0; place < area; place++) {
            int colour = 0;
            for (int c = 0; c < 3; c++) {
                colour = colour << 8 | Math.round(255 * (values[c % planes * area + place] - lowest) / range);
            }
            picture.setRGB(place % kernel, place / kernel, colour);
        }
        return picture;
    }

    /**
     * {@return what a channel of a layer makes, [height][width] pixels: black is 0, white the strongest value; values below 0 are blue, as
     * bright as their opposite would be}
     *
     * @param shape     of the layer
     * @param values    of all its channels, [channels][height][width]
     * @param channel   which
     * @param strongest what is white, see {@link #strongest}
     */
    public static BufferedImage channel(Shape shape, float[] values, int channel, float strongest) {
        BufferedImage picture = new BufferedImage(shape.width(), shape.height(), BufferedImage.TYPE_INT_RGB);
        int area = shape.height() * shape.width();
        for (int place = 0; place < area; place++) {
            picture.setRGB(place % shape.width(), place / shape.width(), colour(values[channel * area + place] / strongest));
        }
        return picture;
    }

    /**
     * {@return the absolute value that is the largest; above 0 in any case}
     *
     * @param values any
     */
    public static float strongest(float[] values) {
        float strongest = Float.MIN_NORMAL;
        for (float value : values) {
            strongest = Math.max(strongest, Math.abs(value));
        }
        return strongest;
    }

    /** @param strength -1 to 1, black is 0 */
    static int colour(double strength) {
        int colour = 0;
        for (double part : BELOW) {
            colour = colour << 8 | (int) Math.round(255 * (strength < 0 ? -strength * part : strength));
        }
        return colour;
    }

    /**
     * {@return what {@link duet.use.Deconvolution} projects back to the pixels: 0 is grey, the strongest value of either sign black or
     * white}
     *
     * @param input  the network's input
     * @param values [channels][height][width] of it
     */
    public static BufferedImage projection(Shape input, float[] values) {
        float strongest = strongest(values);
        byte[] pixels = new byte[values.length];
        int area = input.height() * input.width();
        for (int i = 0; i < values.length; i++) {
            pixels[i % area * input.channels() + i / area] = (byte) Math.round(127.5f + 127.5f * values[i] / strongest);
        }
        return ImageSheet.image(pixels, input);
    }

    /**
     * {@return what a network sees of a stored image: its centre}
     *
     * @param checkpoint the network
     * @param pixels     [height][width][channels], grey or red, green, blue; of other numbers of channels the first is shown
     */
    public static BufferedImage seen(Checkpoint checkpoint, byte[] pixels) {
        Shape input = checkpoint.network().input();
        int[] crop = Views.centre(checkpoint.stored(), input);
        return ImageSheet.image(pixels, checkpoint.stored()).getSubimage(crop[1], crop[0], input.width(), input.height());
    }

    /**
     * {@return the part of a picture of the network's input that a unit sees}
     *
     * @param picture of the size of the input
     * @param field   the part
     */
    public static BufferedImage cut(BufferedImage picture, ReceptiveField field) {
        return picture.getSubimage(field.left(), field.top(), field.width(), field.height());
    }
}
