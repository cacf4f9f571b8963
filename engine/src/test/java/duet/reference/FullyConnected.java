package duet.reference;

import java.util.Arrays;

/** Fully connected layers: input [n][i], weight [o][i], output [n][o]; how the i inputs are cut into planes does not matter. */
final class FullyConnected {
    private FullyConnected() {}

    static void forward(int batch, double[] input, double[] weight, double[] bias, double[] output) {
        int inputs = input.length / batch;
        int outputs = output.length / batch;
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double sum = 0;
                for (int i = 0; i < inputs; i++) {
                    sum += weight[o * inputs + i] * input[n * inputs + i];
                }
                output[n * outputs + o] = sum + (bias == null ? 0 : bias[o]);
            }
        }
    }

    static void backwardData(int batch, double[] outputGradient, double[] weight, double[] inputGradient) {
        int inputs = inputGradient.length / batch;
        int outputs = outputGradient.length / batch;
        Arrays.fill(inputGradient, 0);
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double gradient = outputGradient[n * outputs + o];
                for (int i = 0; i < inputs; i++) {
                    inputGradient[n * inputs + i] += gradient * weight[o * inputs + i];
                }
            }
        }
    }

    static void backwardWeights(int batch, double[] input, double[] outputGradient, double[] weightGradient, double[] biasGradient) {
        int inputs = input.length / batch;
        int outputs = outputGradient.length / batch;
        Arrays.fill(weightGradient, 0);
        if (biasGradient != null) {
            Arrays.fill(biasGradient, 0);
        }
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double gradient = outputGradient[n * outputs + o];
                for (int i = 0; i < inputs; i++) {
                    weightGradient[o * inputs + i] += gradient * input[n * inputs + i];
                }
                if (biasGradient != null) {
                    biasGradient[o] += gradient;
                }
            }
        }
    }
}
