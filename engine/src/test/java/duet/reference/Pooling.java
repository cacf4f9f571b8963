package duet.reference;

import java.util.Arrays;

import duet.device.PoolingGeometry;

/** Pooling: input [n][c][y][x], output [n][c][oy][ox]; windows are cut to the image. */
final class Pooling {
    private Pooling() {}

    /** A window holds the pixels [top, bottom) x [left, right) of the image; its uncut corner is at (row, column). */
    private record Window(int row, int column, int top, int bottom, int left, int right) {
        int pixels() {
            return (bottom - top) * (right - left);
        }
    }

    private interface Visitor {
        /** @param plane index of the first input pixel of the plane */
        void visit(int plane, Window window, int output);
    }

    private static void visit(PoolingGeometry g, int batch, Visitor visitor) {
        int output = 0;
        for (int plane = 0; plane < batch * g.channels(); plane++) {
            for (int oy = 0; oy < g.outputHeight(); oy++) {
                for (int ox = 0; ox < g.outputWidth(); ox++) {
                    int row = oy * g.stride() - g.paddingTop();
                    int column = ox * g.stride() - g.padding();
                    Window window = new Window(row, column, Math.max(row, 0), Math.min(row + g.window(), g.height()),
                            Math.max(column, 0), Math.min(column + g.window(), g.width()));
                    visitor.visit(plane * g.height() * g.width(), window, output++);
                }
            }
        }
    }

    /** The first largest pixel wins; the first NaN wins over all numbers. */
    static void maxForward(PoolingGeometry g, int batch, double[] input, double[] output, double[] winners) {
        visit(g, batch, (plane, window, o) -> {
            double best = Double.NEGATIVE_INFINITY;
            int winner = -1;
            for (int y = window.top(); y < window.bottom(); y++) {
                for (int x = window.left(); x < window.right(); x++) {
                    double value = input[plane + y * g.width() + x];
                    if (winner < 0 || value > best || Double.isNaN(value) && !Double.isNaN(best)) {
                        best = value;
                        winner = (y - window.row()) * g.window() + x - window.column();
                    }
                }
            }
            output[o] = best;
            if (winners != null) {
                winners[o] = winner;
            }
        });
    }

    static void maxBackward(PoolingGeometry g, int batch, double[] winners, double[] outputGradient, double[] inputGradient) {
        Arrays.fill(inputGradient, 0);
        visit(g, batch, (plane, window, o) -> {
            int y = window.row() + (int) winners[o] / g.window();
            int x = window.column() + (int) winners[o] % g.window();
            inputGradient[plane + y * g.width() + x] += outputGradient[o];
        });
    }

    static void averageForward(PoolingGeometry g, int batch, double[] input, double[] output) {
        visit(g, batch, (plane, window, o) -> {
            double sum = 0;
            for (int y = window.top(); y < window.bottom(); y++) {
                for (int x = window.left(); x < window.right(); x++) {
                    sum += input[plane + y * g.width() + x];
                }
            }
            output[o] = sum / window.pixels();
        });
    }

    static void averageBackward(PoolingGeometry g, int batch, double[] outputGradient, double[] inputGradient) {
        Arrays.fill(inputGradient, 0);
        visit(g, batch, (plane, window, o) -> {
            for (int y = window.top(); y < window.bottom(); y++) {
                for (int x = window.left(); x < window.right(); x++) {
                    inputGradient[plane + y * g.width() + x] += outputGradient[o] / window.pixels();
                }
            }
        });
    }
}
