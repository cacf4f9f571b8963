package duet.use;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;

/** The part of the network's input that a unit of a layer can see, cut off at the image's edge. */
public record ReceptiveField(int top, int left, int height, int width) {

    public static ReceptiveField of(Network network, String layer, int y, int x) {
        Shape input = network.input();
        int[] rows = interval(network, layer, y, input.height());
        int[] columns = interval(network, layer, x, input.width());
        return new ReceptiveField(rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1);
    }

    /** The longer side of what a unit sees that is not cut off, at most the image's. */
    public static int size(Network network, String layer) {
        int last = network.layers().indexOf(network.layer(layer));
        long size = 1;
        for (int i = last; i >= 0; i--) {
            size = switch (network.layers().get(i)) {
                case Layer.Convolution l -> (size - 1) * l.stride() + l.kernel();
                case Layer.Pooling l -> (size - 1) * l.stride() + l.window();
                case Layer.FullyConnected _ -> Integer.MAX_VALUE;
                default -> size;
            };
        }
        return (int) Math.min(size, Math.max(network.input().height(), network.input().width()));
    }

    /** First and last pixel along one side. */
    private static int[] interval(Network network, String layer, int place, int side) {
        long first = place;
        long last = place;
        for (int i = network.layers().indexOf(network.layer(layer)); i >= 0; i--) {
            switch (network.layers().get(i)) {
                case Layer.Convolution l -> {
                    first = first * l.stride() - l.padding();
                    last = last * l.stride() - l.padding() + l.kernel() - 1;
                }
                case Layer.Pooling l -> {
                    first = first * l.stride() - l.padding();
                    last = last * l.stride() - l.padding() + l.window() - 1;
                }
                case Layer.FullyConnected _ -> {
                    return new int[] {0, side - 1}; // sees all of what lies below
                }
                default -> {}
            }
        }
        return new int[] {(int) Math.max(0, first), (int) Math.min(side - 1, last)};
    }
}
