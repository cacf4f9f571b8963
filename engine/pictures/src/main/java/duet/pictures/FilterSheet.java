package duet.pictures;

import java.util.Locale;

import duet.net.Layer;
import duet.net.Network;

/**
 * The filters of a network's first convolution as a picture (the paper's figure 3): each scaled by itself so that its numbers fill
 * the range from black to white, enlarged without smoothing. Three input channels are red, green and blue; else their mean is
 * grey. In a network with two towers the upper half of the picture is the first tower's.
 */
final class FilterSheet {
    private static final int TILE = 48;

    private final Layer.Convolution layer;
    private final int channels;
    private final int kernel;
    private final float[] weight;
    private final int scale;

    private FilterSheet(Layer.Convolution layer, float[] weight) {
        this.layer = layer;
        this.weight = weight;
        kernel = layer.kernel();
        channels = weight.length / (layer.filters() * kernel * kernel);
        scale = Math.max(1, Math.round((float) TILE / kernel));
    }

    /** @param weight canonical weight of the network's first layer with parameters; null if the network has no convolution to draw */
    static Canvas draw(Network network, float[] weight) {
        for (Layer layer : network.layers()) {
            if (layer instanceof Layer.Convolution convolution) {
                return new FilterSheet(convolution, weight).draw(ChannelSheet.towers(network, layer.name()));
            }
            if (layer instanceof Layer.FullyConnected) {
                break;
            }
        }
        return null;
    }

    private Canvas draw(int towers) {
        ChannelSheet sheet = new ChannelSheet(heading(), "filter", layer.filters(), towers, kernel * scale, kernel * scale);
        sheet.scale("lowest", "highest", share -> (int) Math.round(255 * share) * 0x010101);
        for (int filter = 0; filter < layer.filters(); filter++) {
            sheet.canvas().paste(Tiles.filter(layer, weight, filter), sheet.left(filter), sheet.top(filter), scale);
        }
        return sheet.canvas();
    }

    private String heading() {
        float lowest = Float.POSITIVE_INFINITY;
        float highest = Float.NEGATIVE_INFINITY;
        for (float value : weight) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
        }
        String colours = switch (channels) {
            case 1 -> "";
            case 3 -> "; red, green and blue";
            default -> "; the mean of " + channels + " input channels";
        };
        return String.format(Locale.ROOT, "%s: %d filters of %dx%d%s; each scaled by itself; weights from %.2g to %.2g", layer.name(),
                layer.filters(), kernel,
                kernel, colours, lowest, highest);
    }
}
