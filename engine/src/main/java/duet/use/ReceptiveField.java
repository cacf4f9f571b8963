package duet.use;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

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
     * {@return the part of the input that a unit sees; where branches meet, all that any of them sees}
     *
     * @param network any
     * @param layer   the unit's layer, by name
     * @param y       its row in the layer's output
     * @param x       its column in the layer's output
     */
    public static ReceptiveField of(Network network, String layer, int y, int x) {
        Shape input = network.input();
        List<List<Integer>> inputs = inputs(network, layer);
        Interval rows = interval(network, inputs, y).within(input.height());
        Interval columns = interval(network, inputs, x).within(input.width());
        return new ReceptiveField((int) rows.first(), (int) columns.first(), (int) rows.length(), (int) columns.length());
    }

    /**
     * {@return the longer side of what a unit sees that is not cut off, at most the image's; of the unit that sees most, where branches of
     * different strides meet}
     *
     * @param network any
     * @param layer   its name
     */
    public static int size(Network network, String layer) {
        List<List<Integer>> inputs = inputs(network, layer);
        Shape output = network.shape(layer);
        long most = IntStream.range(0, Math.max(output.height(), output.width()))
                .mapToLong(place -> interval(network, inputs, place).length()).max().orElseThrow();
        return (int) Math.min(most, Math.max(network.input().height(), network.input().width()));
    }

    /** Of each layer up to this one where its inputs come from. */
    private static List<List<Integer>> inputs(Network network, String layer) {
        return IntStream.rangeClosed(0, network.layers().indexOf(network.layer(layer))).mapToObj(network::inputs).toList();
    }

    /** What a unit of the last layer sees along one side of the image. */
    private static Interval interval(Network network, List<List<Integer>> inputs, int place) {
        Map<Integer, Interval> seen = new HashMap<>(Map.of(inputs.size() - 1, new Interval(place, place)));
        for (int i = inputs.size() - 1; i >= 0; i--) {
            Interval interval = seen.remove(i);
            if (interval != null) {
                Interval below = interval.below(network.nodes().get(i).layer().receptiveWindow());
                inputs.get(i).forEach(input -> seen.merge(input, below, Interval::and));
            }
        }
        return seen.get(-1);
    }

    /** First and last pixel along one side of a map, also outside of it. */
    private record Interval(long first, long last) {
        long length() {
            return last - first + 1;
        }

        Interval below(Window window) {
            long end = last * window.stride() - window.padding() + window.size() - 1;
            return new Interval(first * window.stride() - window.padding(), Math.min(Integer.MAX_VALUE, end));
        }

        Interval and(Interval other) {
            return new Interval(Math.min(first, other.first), Math.max(last, other.last));
        }

        Interval within(int side) {
            return new Interval(Math.max(0, first), Math.min(side - 1, last));
        }
    }
}
