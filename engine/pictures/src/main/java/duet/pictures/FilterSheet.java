package duet.pictures;

import java.awt.image.BufferedImage;

import duet.net.Layer;
import duet.net.Network;

/**
 * The filters of a network's first convolution as a picture (the paper's figure 3): each scaled by itself so that its numbers fill
 * the range from black to white, enlarged without smoothing. Three input channels are red, green and blue; else their mean is
 * grey. In a network with two towers the upper half of the picture is the first tower's.
 */
final class FilterSheet {
    private static final int TILE = 48;
    private static final int GAP = 4;
    private static final int TOWER_GAP = 5 * GAP;
    private static final int BACKGROUND = 0xFFFFFF;

    private final int filters;
    private final int channels;
    private final int kernel;
    private final float[] weight;
    private final int scale;
    private final int columns;
    private final int perTower;

    private FilterSheet(int filters, int channels, int kernel, int towers, float[] weight) {
        this.filters = filters;
        this.channels = channels;
        this.kernel = kernel;
        this.weight = weight;
        perTower = filters / towers;
        columns = columns(perTower);
        scale = Math.max(1, Math.round((float) TILE / kernel));
    }

    /** @param weight canonical weight of the network's first layer with parameters; null if the network has no convolution to draw */
    static BufferedImage draw(Network network, float[] weight) {
        for (Layer layer : network.layers()) {
            if (layer instanceof Layer.Convolution c) {
                int channels = weight.length / (c.filters() * c.kernel() * c.kernel());
                return new FilterSheet(c.filters(), channels, c.kernel(), towers(network, c.filters()), weight).draw();
            }
            if (layer instanceof Layer.FullyConnected) {
                break;
            }
        }
        return null;
    }

    /** 2 where the network is cut in two towers (it has a convolution of two groups) and so are these channels, else 1. */
    static int towers(Network network, int channels) {
        boolean two = network.layers().stream().anyMatch(layer -> layer instanceof Layer.Convolution c && c.groups() == 2);
        return two && channels % 2 == 0 ? 2 : 1;
    }

    /** About twice as wide as high, with full rows if the number of filters allows it. */
    static int columns(int filters) {
        int least = (int) Math.ceil(Math.sqrt(2 * filters));
        for (int columns = least; columns <= 2 * least; columns++) {
            if (filters % columns == 0) {
                return columns;
            }
        }
        return Math.min(least, filters);
    }

    private BufferedImage draw() {
        int pitch = kernel * scale + GAP;
        int rows = Math.ceilDiv(perTower, columns);
        int towers = filters / perTower;
        BufferedImage sheet = new BufferedImage(
                columns * pitch + GAP, towers * (rows * pitch + GAP) + (towers - 1) * (TOWER_GAP - GAP), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < sheet.getHeight(); y++) {
            for (int x = 0; x < sheet.getWidth(); x++) {
                sheet.setRGB(x, y, BACKGROUND);
            }
        }
        for (int filter = 0; filter < filters; filter++) {
            int tower = filter / perTower;
            int place = filter % perTower;
            drawFilter(sheet, filter, GAP + place % columns * pitch,
                    GAP + tower * (rows * pitch + TOWER_GAP) + place / columns * pitch);
        }
        return sheet;
    }

    private void drawFilter(BufferedImage sheet, int filter, int left, int top) {
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
        for (int y = 0; y < kernel * scale; y++) {
            for (int x = 0; x < kernel * scale; x++) {
                int colour = 0;
                for (int c = 0; c < 3; c++) {
                    float value = values[c % planes * area + y / scale * kernel + x / scale];
                    colour = colour << 8 | Math.round(255 * (value - lowest) / range);
                }
                sheet.setRGB(left + x, top + y, colour);
            }
        }
    }
}
