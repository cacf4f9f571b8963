package duet.reference;

import duet.device.Operation.Activation;
import duet.device.Operation.Dropout;
import duet.device.Philox;
import duet.device.RunParameters;
import duet.device.Tensor;

/** Operations that treat each element by itself; outputs may be inputs. */
final class Elementwise {
    private Elementwise() {}

    static void activationForward(Activation function, double[] input, double[] output) {
        for (int i = 0; i < input.length; i++) {
            output[i] = switch (function) {
                case RELU -> input[i] < 0 ? 0 : input[i];
                case TANH -> Math.tanh(input[i]);
            };
        }
    }

    /** @param output y, what the forward pass made */
    static void activationBackward(Activation function, double[] output, double[] outputGradient, double[] inputGradient) {
        for (int i = 0; i < output.length; i++) {
            inputGradient[i] = switch (function) {
                case RELU -> output[i] > 0 ? outputGradient[i] : 0;
                case TANH -> outputGradient[i] * (1 - output[i] * output[i]);
            };
        }
    }

    static void dropout(Dropout o, RunParameters parameters, double[] input, double[] output) {
        Tensor t = o.input();
        int threshold = Philox.threshold(o.rate());
        int i = 0;
        for (int n = 0; n < t.batch(); n++) {
            for (int c = 0; c < t.channels(); c++) {
                for (int y = 0; y < t.height(); y++) {
                    for (int x = 0; x < t.width(); x++) {
                        long map = ((long) o.firstImage() + n) * o.totalChannels() + o.firstChannel() + c;
                        long element = (map * o.totalHeight() + o.firstRow() + y) * t.width() + x;
                        int bits = Philox.bits(parameters.seed(), o.purpose(), parameters.step(), element);
                        output[i] = Integer.compareUnsigned(bits, threshold) >= 0 ? input[i] * o.scale() : 0;
                        i++;
                    }
                }
            }
        }
    }

    static void scale(double[] input, double factor, double[] output) {
        for (int i = 0; i < input.length; i++) {
            output[i] = input[i] * factor;
        }
    }

    static void add(double[] left, double[] right, double[] output) {
        for (int i = 0; i < output.length; i++) {
            output[i] = left[i] + right[i];
        }
    }

    /** [batch][rest]. */
    static void stronger(int batch, double[] left, double[] right, double[] output) {
        int size = output.length / batch;
        for (int n = 0; n < batch; n++) {
            double own = 0;
            double other = 0;
            for (int i = n * size; i < (n + 1) * size; i++) {
                own += left[i] * left[i];
                other += right[i] * right[i];
            }
            boolean takesRight = other > own || Double.isNaN(other) && !Double.isNaN(own);
            System.arraycopy(takesRight ? right : left, n * size, output, n * size, size);
        }
    }

    static void finiteCheck(double[] values, double[] status, int index) {
        status[index] = 0;
        for (double value : values) {
            if (!Double.isFinite(value)) {
                status[index] = 1;
            }
        }
    }

    static void sgdUpdate(double[] gradient, double[] weight, double[] momentum, double rate, double decay, double mu) {
        for (int i = 0; i < weight.length; i++) {
            momentum[i] = mu * momentum[i] - decay * rate * weight[i] - rate * gradient[i];
            weight[i] += momentum[i];
        }
    }

    /** [filters][rest] in canonical order: a filter's numbers lie together. */
    static void filterRenormalise(int filters, double radius, double[] weight) {
        int size = weight.length / filters;
        for (int f = 0; f < filters; f++) {
            double squares = 0;
            for (int i = f * size; i < (f + 1) * size; i++) {
                squares += weight[i] * weight[i];
            }
            double rms = Math.sqrt(squares / size);
            for (int i = f * size; rms > radius && i < (f + 1) * size; i++) {
                weight[i] *= radius / rms;
            }
        }
    }
}
