package duet.reference;

import java.util.Arrays;

import duet.device.ConvolutionGeometry;

/**
 * Convolution, by its definition. Input [n][c][y][x], filters [f][c within the group][ky][kx], output [n][f][oy][ox]:
 *
 * <pre>output[n][f][oy][ox] = bias[f] + sum over c, ky, kx of weight[f][c][ky][kx]
 *     * input[n][group(f) + c][oy*s - pt + ky][ox*s - p + kx]</pre>
 *
 * The three passes visit the same (input, weight, output) triples; the innermost loop runs along ox.
 */
final class Convolutions {
    private Convolutions() {}

    static void forward(ConvolutionGeometry g, int batch, double[] input, double[] weight, double[] bias, double[] output) {
        int outputPlane = g.outputHeight() * g.outputWidth();
        for (int i = 0; i < batch * g.filters(); i++) {
            Arrays.fill(output, i * outputPlane, (i + 1) * outputPlane, bias == null ? 0 : bias[i % g.filters()]);
        }
        visit(g, batch, (inputRow, weightIndex, outputRow, count) -> {
            double w = weight[weightIndex];
            for (int i = 0; i < count; i++) {
                output[outputRow + i] += w * input[inputRow + i * g.stride()];
            }
        });
    }

    static void backwardData(ConvolutionGeometry g, int batch, double[] outputGradient, double[] weight, double[] inputGradient) {
        Arrays.fill(inputGradient, 0);
        visit(g, batch, (inputRow, weightIndex, outputRow, count) -> {
            double w = weight[weightIndex];
            for (int i = 0; i < count; i++) {
                inputGradient[inputRow + i * g.stride()] += w * outputGradient[outputRow + i];
            }
        });
    }

    static void backwardWeights(
            ConvolutionGeometry g, int batch, double[] input, double[] outputGradient, double[] weightGradient, double[] biasGradient) {
        Arrays.fill(weightGradient, 0);
        visit(g, batch, (inputRow, weightIndex, outputRow, count) -> {
            double sum = 0;
            for (int i = 0; i < count; i++) {
                sum += input[inputRow + i * g.stride()] * outputGradient[outputRow + i];
            }
            weightGradient[weightIndex] += sum;
        });
        if (biasGradient != null) {
            Arrays.fill(biasGradient, 0);
            int outputPlane = g.outputHeight() * g.outputWidth();
            for (int i = 0; i < batch * g.filters() * outputPlane; i++) {
                biasGradient[i / outputPlane % g.filters()] += outputGradient[i];
            }
        }
    }

    /** Row of outputs that one weight reaches: output + i meets input + i * stride for i below count. */
    private interface Row {
        void visit(int input, int weight, int output, int count);
    }

    private static void visit(ConvolutionGeometry g, int batch, Row row) {
        int groupChannels = g.channels() / g.groups();
        int groupFilters = g.filters() / g.groups();
        for (int n = 0; n < batch; n++) {
            for (int f = 0; f < g.filters(); f++) {
                for (int c = 0; c < groupChannels; c++) {
                    int channel = f / groupFilters * groupChannels + c;
                    for (int ky = 0; ky < g.kernel(); ky++) {
                        for (int kx = 0; kx < g.kernel(); kx++) {
                            int weight = ((f * groupChannels + c) * g.kernel() + ky) * g.kernel() + kx;
                            visitPlane(g, n * g.channels() + channel, n * g.filters() + f, weight, ky, kx, row);
                        }
                    }
                }
            }
        }
    }

    /** Every row of one output plane for one weight; taps outside the image are left out. */
    private static void visitPlane(ConvolutionGeometry g, int inputPlane, int outputPlane, int weight, int ky, int kx, Row row) {
        int first = 0;
        while (first < g.outputWidth() && first * g.stride() - g.padding() + kx < 0) {
            first++;
        }
        int end = g.outputWidth();
        while (end > first && (end - 1) * g.stride() - g.padding() + kx >= g.width()) {
            end--;
        }
        for (int oy = 0; oy < g.outputHeight(); oy++) {
            int iy = oy * g.stride() - g.paddingTop() + ky;
            if (iy >= 0 && iy < g.height() && end > first) {
                int input = (inputPlane * g.height() + iy) * g.width() + first * g.stride() - g.padding() + kx;
                row.visit(input, weight, (outputPlane * g.outputHeight() + oy) * g.outputWidth() + first, end - first);
            }
        }
    }
}
