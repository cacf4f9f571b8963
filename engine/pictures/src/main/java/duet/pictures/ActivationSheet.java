package duet.pictures;

import java.awt.image.BufferedImage;
import java.util.Arrays;

import duet.net.Network;
import duet.net.Shape;

/**
 * What a layer makes of one image as a picture: a tile for each channel, all on one scale from black (0, or the lowest where there are
 * values below) to white (the highest); in a network with two towers one tower's channels above the other's. Channels of one number are
 * squares.
 */
final class ActivationSheet {
    private static final int TILE = 52;
    private static final int SQUARE = 12;
    private static final int GAP = 3;
    private static final int TOWER_GAP = 20;

    private ActivationSheet() {}

    /** @param values [channels][height][width] */
    static BufferedImage draw(Network network, Shape shape, float[] values) {
        int towers = FilterSheet.towers(network, shape.channels());
        int perTower = shape.channels() / towers;
        int columns = FilterSheet.columns(perTower);
        boolean numbers = shape.height() == 1 && shape.width() == 1;
        int scale = numbers ? SQUARE : Math.max(1, Math.round((float) TILE / Math.max(shape.height(), shape.width())));
        int across = shape.width() * scale + GAP;
        int down = shape.height() * scale + GAP;
        int block = Math.ceilDiv(perTower, columns) * down;
        BufferedImage sheet = new BufferedImage(columns * across + GAP, towers * block + (towers - 1) * TOWER_GAP + GAP,
                BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < sheet.getHeight(); y++) {
            for (int x = 0; x < sheet.getWidth(); x++) {
                sheet.setRGB(x, y, 0xFFFFFF);
            }
        }
        float[] range = range(values);
        for (int channel = 0; channel < shape.channels(); channel++) {
            int place = channel % perTower;
            int left = GAP + place % columns * across;
            int top = GAP + channel / perTower * (block + TOWER_GAP) + place / columns * down;
            for (int y = 0; y < shape.height() * scale; y++) {
                for (int x = 0; x < shape.width() * scale; x++) {
                    float value = values[(channel * shape.height() + y / scale) * shape.width() + x / scale];
                    int grey = Math.round(255 * (value - range[0]) / (range[1] - range[0]));
                    sheet.setRGB(left + x, top + y, grey * 0x010101);
                }
            }
        }
        return sheet;
    }

    private static float[] range(float[] values) {
        float lowest = 0;
        float highest = Float.NEGATIVE_INFINITY;
        for (float value : values) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
        }
        return new float[] {lowest, highest > lowest ? highest : lowest + 1};
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
