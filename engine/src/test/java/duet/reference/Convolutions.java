package duet.reference;

import java.util.Arrays;

import duet.device.ConvolutionGeometry;

/**
 * Convolution, by its definition. Input [n][c][y][x], filters [f][c within the group][ky][kx], output [n][f][oy][ox]:
 *
 * <pre>output[n][f][oy][ox] = bias[f] + sum over c, ky, kx of weight[f][c][ky][kx]
 *     * input[n][group(f) + c][oy*s - pt + ky][ox*s - p + kx]</pre>
 *
 * The three passes visit the same (output pixel, tap, input pixel) triples, with the channels or filters of a group as rows: Java's
 * compiler makes vectors of sums of rows, and these sums are what the tests of all kernels wait for.
 */
final class Convolutions {
    private Convolutions() {}

    static void forward(ConvolutionGeometry g, int batch, double[] input, double[] weight, double[] bias, double[] output) {
        int pixels = g.height() * g.width();
        int outputPixels = g.outputHeight() * g.outputWidth();
        for (int group = 0; group < g.groups(); group++) {
            double[][] inputs = pixels(input, batch, pixels, g.groups(), group);
            double[][] sums = new double[batch * outputPixels][g.filters() / g.groups()];
            double[][] weights = byInput(g, weight, group);
            visit(g, batch, (in, tap, out) -> addProduct(inputs[in], weights, tap, sums[out]));
            putPixels(sums, output, batch, outputPixels, g.groups(), group);
        }
        for (int i = 0; bias != null && i < output.length; i++) {
            output[i] += bias[i / outputPixels % g.filters()];
        }
    }

    static void backwardData(ConvolutionGeometry g, int batch, double[] outputGradient, double[] weight, double[] inputGradient) {
        int pixels = g.height() * g.width();
        int outputPixels = g.outputHeight() * g.outputWidth();
        for (int group = 0; group < g.groups(); group++) {
            double[][] gradients = pixels(outputGradient, batch, outputPixels, g.groups(), group);
            double[][] sums = new double[batch * pixels][g.channels() / g.groups()];
            double[][] weights = byFilter(g, weight, group);
            visit(g, batch, (in, tap, out) -> addProduct(gradients[out], weights, tap, sums[in]));
            putPixels(sums, inputGradient, batch, pixels, g.groups(), group);
        }
    }

    static void backwardWeights(
            ConvolutionGeometry g, int batch, double[] input, double[] outputGradient, double[] weightGradient, double[] biasGradient) {
        int outputPixels = g.outputHeight() * g.outputWidth();
        int taps = g.kernel() * g.kernel();
        int filters = g.filters() / g.groups();
        int channels = g.channels() / g.groups();
        for (int group = 0; group < g.groups(); group++) {
            double[][] inputs = pixels(input, batch, g.height() * g.width(), g.groups(), group);
            double[][] gradients = pixels(outputGradient, batch, outputPixels, g.groups(), group);
            double[][] sums = new double[channels * taps][filters];
            visit(g, batch, (in, tap, out) -> {
                for (int c = 0; c < channels; c++) {
                    addTimes(inputs[in][c], gradients[out], sums[c * taps + tap]);
                }
            });
            for (int f = 0; f < filters; f++) {
                for (int i = 0; i < channels * taps; i++) {
                    weightGradient[(group * filters + f) * channels * taps + i] = sums[i][f];
                }
            }
        }
        if (biasGradient != null) {
            Arrays.fill(biasGradient, 0);
            for (int i = 0; i < outputGradient.length; i++) {
                biasGradient[i / outputPixels % g.filters()] += outputGradient[i];
            }
        }
    }

    /** @param weights a row for each element of the pixel and each tap */
    private static void addProduct(double[] pixel, double[][] weights, int tap, double[] sums) {
        int taps = weights.length / pixel.length;
        for (int i = 0; i < pixel.length; i++) {
            addTimes(pixel[i], weights[i * taps + tap], sums);
        }
    }

    private static void addTimes(double factor, double[] row, double[] sums) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += factor * row[i];
        }
    }

    /** Pixels are counted over the whole batch. */
    private interface Triple {
        void visit(int input, int tap, int output);
    }

    /** Taps outside the image are left out. */
    private static void visit(ConvolutionGeometry g, int batch, Triple triple) {
        for (int n = 0; n < batch; n++) {
            for (int oy = 0; oy < g.outputHeight(); oy++) {
                for (int ox = 0; ox < g.outputWidth(); ox++) {
                    int output = (n * g.outputHeight() + oy) * g.outputWidth() + ox;
                    for (int tap = 0; tap < g.kernel() * g.kernel(); tap++) {
                        int y = oy * g.stride() - g.paddingTop() + tap / g.kernel();
                        int x = ox * g.stride() - g.padding() + tap % g.kernel();
                        if (y >= 0 && y < g.height() && x >= 0 && x < g.width()) {
                            triple.visit((n * g.height() + y) * g.width() + x, tap, output);
                        }
                    }
                }
            }
        }
    }

    /** [image][channel][pixel] as a row of the group's channels for each pixel. */
    private static double[][] pixels(double[] planes, int batch, int pixels, int groups, int group) {
        int channels = planes.length / batch / pixels / groups;
        double[][] rows = new double[batch * pixels][channels];
        for (int i = 0; i < rows.length; i++) {
            for (int c = 0; c < channels; c++) {
                rows[i][c] = planes[((i / pixels * groups + group) * channels + c) * pixels + i % pixels];
            }
        }
        return rows;
    }

    private static void putPixels(double[][] rows, double[] planes, int batch, int pixels, int groups, int group) {
        int channels = planes.length / batch / pixels / groups;
        for (int i = 0; i < rows.length; i++) {
            for (int c = 0; c < channels; c++) {
                planes[((i / pixels * groups + group) * channels + c) * pixels + i % pixels] = rows[i][c];
            }
        }
    }

    /** A row of the group's filters for each channel and tap. */
    private static double[][] byInput(ConvolutionGeometry g, double[] weight, int group) {
        int inputs = g.channels() / g.groups() * g.kernel() * g.kernel();
        int filters = g.filters() / g.groups();
        double[][] rows = new double[inputs][filters];
        for (int f = 0; f < filters; f++) {
            for (int i = 0; i < inputs; i++) {
                rows[i][f] = weight[(group * filters + f) * inputs + i];
            }
        }
        return rows;
    }

    /** A row of the group's channels for each filter and tap. */
    private static double[][] byFilter(ConvolutionGeometry g, double[] weight, int group) {
        int channels = g.channels() / g.groups();
        int taps = g.kernel() * g.kernel();
        int filters = g.filters() / g.groups();
        double[][] rows = new double[filters * taps][channels];
        for (int f = 0; f < filters; f++) {
            for (int c = 0; c < channels; c++) {
                for (int tap = 0; tap < taps; tap++) {
                    rows[f * taps + tap][c] = weight[((group * filters + f) * channels + c) * taps + tap];
                }
            }
        }
        return rows;
    }
}
