package duet.use;

import java.util.List;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.net.Window;

/**
 * The part of the network's input that a unit of a layer can see, cut off at the image's edge.
 *
 * @param top    first row
 * @param left   first column
 * @param height rows
 * @param width  columns
 */
public record ReceptiveField(int top, int left, int height, int width) {

    /**
     * {@return the part of the input that a unit sees}
     *
     * @param network any
     * @param layer   the unit's layer, by name
     * @param y       its row in the layer's output
     * @param x       its column in the layer's output
     */
    public static ReceptiveField of(Network network, String layer, int y, int x) {
        Shape input = network.input();
        int[] rows = interval(network, layer, y, input.height());
        int[] columns = interval(network, layer, x, input.width());
        return new ReceptiveField(rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1);
    }

    /**
     * {@return the longer side of what a unit sees that is not cut off, at most the image's}
     *
     * @param network any
     * @param layer   its name
     */
    public static int size(Network network, String layer) {
        long most = Math.max(network.input().height(), network.input().width());
        long size = 1;
        for (Window window : windows(network, layer)) {
            size = Math.min(most, (size - 1) * window.stride() + window.size());
        }
        return (int) size;
    }

    /** First and last pixel along one side. */
    private static int[] interval(Network network, String layer, int place, int side) {
        long first = place;
        long last = place;
        for (Window window : windows(network, layer)) {
            first = first * window.stride() - window.padding();
            last = Math.min(Integer.MAX_VALUE, last * window.stride() - window.padding() + window.size() - 1);
        }
        return new int[] {(int) Math.max(0, first), (int) Math.min(side - 1, last)};
    }

    /** Of the layers from this one down to the image. */
    private static List<Window> windows(Network network, String layer) {
        List<Layer> layers = network.layers();
        return layers.subList(0, layers.indexOf(network.layer(layer)) + 1).reversed().stream().map(Layer::receptiveWindow).toList();
    }
}
