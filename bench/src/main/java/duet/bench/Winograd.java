package duet.bench;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;

/** How many operations Winograd's form takes (native/cpu/winograd/tiling.h says how maps are cut). */
final class Winograd {
    /** Of a tile along an axis. */
    private static final int MOST_OUTPUTS = 4;

    private Winograd() {}

    /** Multiplications and additions of the matrix products of all points. */
    static long flop(Operation operation) {
        return switch (operation) {
            case Operation.ConvolutionForward o ->
                flop(o.geometry(), o.input().batch(), o.geometry().outputHeight(), o.geometry().outputWidth());
            // A forward convolution of the gradient: its outputs are the inputs here.
            case Operation.ConvolutionBackwardData o ->
                flop(o.geometry(), o.outputGradient().batch(), o.geometry().height(), o.geometry().width());
            case Operation.ConvolutionBackwardWeights o ->
                flop(o.geometry(), o.input().batch(), o.geometry().outputHeight(), o.geometry().outputWidth());
            default -> throw new IllegalArgumentException(operation.kind() + " has no such form");
        };
    }

    /** A stride is taken out first: fewer taps, for more channels. */
    private static long flop(ConvolutionGeometry g, int batch, int height, int width) {
        int kernel = (g.kernel() + g.stride() - 1) / g.stride();
        long channels = (long) (g.channels() / g.groups()) * g.stride() * g.stride();
        return 2L * batch * points(height, kernel) * points(width, kernel) * channels * g.filters();
    }

    /** Of all tiles along an axis: each has as many as it has outputs, and kernel - 1 more. */
    private static long points(int outputs, int kernel) {
        int tiles = (outputs + MOST_OUTPUTS - 1) / MOST_OUTPUTS;
        return outputs + (long) tiles * (kernel - 1);
    }
}
