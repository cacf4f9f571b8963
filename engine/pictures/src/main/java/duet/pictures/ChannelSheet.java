package duet.pictures;

import java.awt.Color;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleToIntFunction;

import duet.net.Layer;
import duet.net.Network;
import duet.pictures.Canvas.Anchor;

/**
 * Where the channels of a layer lie in a picture, a tile for each: words above, then a block for each tower, with numbers by which a
 * channel is found. The number stands below its tile, or where tiles are too narrow at the row's left and the column's top.
 */
final class ChannelSheet {
    static final int MARGIN = 8;
    private static final int GAP = 4;
    private static final int TOWER_GAP = 12;
    private static final Color EDGE = new Color(0xD0D0D0);
    private static final int NARROWEST = 300;
    private static final int BAR = 120;
    private static final int BAR_HEIGHT = 9;
    /** Of the number below a tile, pixels. */
    private static final int NUMBER = 11;

    private final Canvas canvas;
    private final int channels;
    private final int perTower;
    private final int columns;
    private final int across;
    private final int down;
    private final int left;
    private final int top;
    private final int block;
    /** Where the words of the scale stand. */
    private final int scale;

    /**
     * @param heading   a sentence or two
     * @param noun      what is numbered, such as channel
     * @param towers    1, or 2 for a half of the channels each
     * @param width     of a tile, pixels
     * @param height    likewise
     */
    ChannelSheet(String heading, String noun, int channels, int towers, int width, int height) {
        this.channels = channels;
        perTower = channels / towers;
        columns = columns(perTower);
        int number = Canvas.width(Integer.toString(channels - 1), Canvas.SMALL);
        boolean single = number <= width;
        across = width + GAP;
        down = height + GAP + (single ? NUMBER : 0);
        left = MARGIN + (single ? 0 : number + GAP);
        int rows = Math.ceilDiv(perTower, columns);
        int sheet = Math.max(NARROWEST, left + columns * across - GAP + MARGIN);
        List<String> lines = Canvas.wrapped(heading, sheet - 2 * MARGIN);
        scale = MARGIN + (lines.size() + 1) * Canvas.LINE - 5;
        int words = scale + 5 + GAP;
        int label = towers > 1 ? Canvas.LINE : 0;
        top = words + label + (single ? 0 : NUMBER);
        block = label + rows * down + TOWER_GAP + (single ? 0 : NUMBER);
        canvas = new Canvas(sheet, top + (towers - 1) * block + rows * down - GAP + MARGIN);
        canvas.write(lines, MARGIN, MARGIN + Canvas.LINE - 5);
        for (int tower = 0; tower < towers && towers > 1; tower++) {
            canvas.write(
                    String.format(Locale.ROOT, "tower %d: %ss %d to %d", tower + 1, noun, tower * perTower, (tower + 1) * perTower - 1),
                    Anchor.LEFT, MARGIN, words + tower * block + Canvas.LINE - 5);
        }
        for (int channel = 0; channel < channels; channel++) { // an edge, so that white is seen on white
            canvas.fill(left(channel) - 1, top(channel) - 1, width + 2, height + 2, EDGE);
        }
        if (single) {
            numberTiles(width, height);
        } else {
            numberRowsAndColumns(height, towers);
        }
    }

    private void numberTiles(int width, int height) {
        for (int channel = 0; channel < channels; channel++) {
            canvas.write(Integer.toString(channel), Canvas.SMALL, Canvas.TEXT, Anchor.MIDDLE, left(channel) + width / 2,
                    top(channel) + height + NUMBER - 2);
        }
    }

    /** The first channel of each row, and what is added to it in some of the columns. */
    private void numberRowsAndColumns(int height, int towers) {
        for (int tower = 0; tower < towers; tower++) {
            for (int place = 0; place < perTower; place += columns) {
                int channel = tower * perTower + place;
                canvas.write(Integer.toString(channel), Canvas.SMALL, Canvas.TEXT, Anchor.RIGHT, left - GAP, top(channel) + height - 2);
            }
            int first = tower * perTower;
            int every = Math.ceilDiv(3 * Canvas.width("+" + columns, Canvas.SMALL) / 2, across);
            for (int column = 0; column < columns; column += every) {
                canvas.write("+" + column, Canvas.SMALL, Canvas.TEXT, Anchor.LEFT, left(first + column), top(first) - 2);
            }
        }
    }

    /**
     * Draws the scale below the heading.
     *
     * @param lowest  what the bar begins with
     * @param highest what it ends with
     * @param colour  at a share of its length
     */
    void scale(String lowest, String highest, DoubleToIntFunction colour) {
        int bar = MARGIN + Canvas.width(lowest, Canvas.FONT) + GAP + 2;
        canvas.write(lowest, Anchor.LEFT, MARGIN, scale);
        canvas.scale(bar, scale - BAR_HEIGHT, BAR, BAR_HEIGHT, x -> colour.applyAsInt(x / (BAR - 1.0)));
        canvas.write(highest, Anchor.LEFT, bar + BAR + GAP + 2, scale);
    }

    Canvas canvas() {
        return canvas;
    }

    /** 2 where the network is cut in two towers (it has a convolution of two groups) and so are the channels of this layer, else 1. */
    static int towers(Network network, String layer) {
        boolean two = network.layers().stream().anyMatch(other -> other instanceof Layer.Convolution c && c.groups() == 2);
        boolean scores = network.scores().name().equals(layer); // both devices make all of them
        return two && !scores && network.shape(layer).channels() % 2 == 0 ? 2 : 1;
    }

    /** About twice as wide as high, with full rows if the number of channels allows it. */
    private static int columns(int channels) {
        int least = (int) Math.ceil(Math.sqrt(2 * channels));
        for (int columns = least; columns <= 2 * least; columns++) {
            if (channels % columns == 0) {
                return columns;
            }
        }
        return Math.min(least, channels);
    }

    int left(int channel) {
        return left + channel % perTower % columns * across;
    }

    int top(int channel) {
        return top + channel / perTower * block + channel % perTower / columns * down;
    }
}
