package duet.pictures;

import java.util.Arrays;
import java.util.Locale;

import duet.net.Network;
import duet.net.Shape;

/**
 * What a layer makes of one image as a picture: a tile for each channel, all on one scale. Black is 0, white the highest value; values
 * below 0 are blue, as bright as their opposite would be. In a network with two towers one tower's channels are above the other's.
 * Channels of one number are squares.
 */
final class ActivationSheet {
    private static final int TILE = 52;
    private static final int SQUARE = 12;

    private ActivationSheet() {}

    /** @param values [channels][height][width] */
    static Canvas draw(Network network, String layer, float[] values) {
        Shape shape = network.shape(layer);
        boolean numbers = shape.height() == 1 && shape.width() == 1;
        int scale = numbers ? SQUARE : Math.max(1, Math.round((float) TILE / Math.max(shape.height(), shape.width())));
        float lowest = 0;
        float highest = 0;
        for (float value : values) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
        }
        String heading = String.format(Locale.ROOT, "%s: %,d channels of %s; black is 0%s", layer, shape.channels(),
                numbers ? "one number" : shape.height() + "x" + shape.width(), lowest < 0 ? ", blue is below" : "");
        ChannelSheet sheet = new ChannelSheet(heading, "channel", shape.channels(), ChannelSheet.towers(network, layer),
                shape.width() * scale, shape.height() * scale);
        float strongest = Tiles.strongest(values);
        float from = lowest;
        float range = highest - lowest;
        sheet.scale(words(lowest), words(highest), share -> Tiles.colour((from + share * range) / strongest));
        for (int channel = 0; channel < shape.channels(); channel++) {
            sheet.canvas().paste(Tiles.channel(shape, values, channel, strongest), sheet.left(channel), sheet.top(channel), scale);
        }
        return sheet.canvas();
    }

    private static String words(float value) {
        return value == 0 ? "0" : String.format(Locale.ROOT, "%.3g", value);
    }

    /** The channels with the highest values, the highest first. */
    static int[] strongest(Shape shape, float[] values, int count) {
        int area = shape.height() * shape.width();
        float[] highest = new float[shape.channels()];
        for (int c = 0; c < highest.length; c++) {
            highest[c] = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < area; i++) {
                highest[c] = Math.max(highest[c], values[c * area + i]);
            }
        }
        Integer[] order = new Integer[highest.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Float.compare(highest[b], highest[a]));
        return Arrays.stream(order).limit(count).mapToInt(Integer::intValue).toArray();
    }
}
