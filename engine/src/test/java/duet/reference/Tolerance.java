package duet.reference;

import java.util.HashMap;
import java.util.Map;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.AveragePoolBackward;
import duet.device.Operation.AveragePoolForward;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.Dropout;
import duet.device.Operation.FilterRenormalise;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.Product;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Operation.SpatialNormForward;
import duet.device.PoolingGeometry;
import duet.device.RunParameters;
import duet.device.Tensor;

/**
 * How far single-precision results may lie from the double-precision reference.
 *
 * <p><b>Sums of K products.</b> Each rounding is off by at most {@link #ROUNDING} times the partial sum, and partial sums are no
 * larger than M = the sum of the products' magnitudes; so no order of summing is off by more than K * ROUNDING * M. Roundings
 * are as good as independent, so that the errors of K steps grow like sqrt(K): in the worst data, all of one sign, the partial
 * sums rise evenly to M and the error has a standard deviation of about ROUNDING * M * sqrt(K) / 3. Allowed is
 * (4 + sqrt(K)) * ROUNDING * M: three standard deviations of the worst data, many of usual data, for any order of summing, while
 * one missing or doubled product of typical size is far outside. M is the reference's result for the absolute values of the operands.
 *
 * <p><b>Formulas</b> (normalisation, tanh, softmax): a number of roundings of each intermediate, each relative to the terms that
 * are added up in the end; the counts are given below.
 *
 * <p><b>Exact</b>: what copies, selects, or rounds once (a product or a sum of two floats is exact enough in double for the float
 * nearest to it to be the right result).
 */
final class Tolerance {
    /** Half the distance from 1 to the next float. */
    static final double ROUNDING = 0x1p-24;
    /** Results this small may be flushed to 0. */
    private static final double TINY = 2 * Float.MIN_NORMAL;

    /** Of so few products one may be the greater part. */
    private static final int FEW = 256;

    private Tolerance() {}

    /**
     * @param before  what the operation read
     * @param after   what the reference made of it
     * @param carried what is allowed for the results of earlier operations
     * @return for each result the largest difference allowed, an element each
     */
    static Map<Tensor, double[]> allowed(Operation operation, Map<Tensor, double[]> before, Map<Tensor, double[]> after,
            Map<Tensor, double[]> carried, RunParameters parameters) {
        return switch (operation) {
            case Product o -> sums(o, terms(o), before);
            case MaxPoolBackward o -> sums(o, windows(o.geometry()), before);
            case AveragePoolForward o -> sums(o, (long) o.geometry().window() * o.geometry().window(), before);
            case AveragePoolBackward o -> sums(o, 2 * windows(o.geometry()), before);
            case ActivationForward o -> plus(o.output(), carried.get(o.input()), switch (o.function()) {
                case RELU -> null;
                case TANH -> scaled(8 * ROUNDING, after.get(o.output()));
            });
            case ActivationBackward o -> switch (o.function()) {
                case RELU -> Map.of(o.inputGradient(), letThrough(carried.get(o.outputGradient()), before.get(o.output())));
                case TANH -> Map.of(o.inputGradient(), scaled(4 * ROUNDING, before.get(o.outputGradient())));
            };
            case Dropout o -> plus(o.output(), scaled(o.scale(), carried.get(o.input())), null);
            case Scale o -> plus(o.output(), scaled(o.factor(), carried.get(o.input())), null);
            case MaxPoolForward o -> Map.of(o.output(), maxPool(o, carried.get(o.input())));
            case PrepareInput o -> Map.of(o.output(), constant(o.output(), 4 * ROUNDING * 2 * 255 * Math.abs(o.scale())));
            case ResponseNormForward o -> Map.of(o.output(), scaled(16 * ROUNDING, after.get(o.output())));
            case ResponseNormBackward o -> Map.of(o.inputGradient(), responseNormBackward(o, before));
            case SpatialNormForward o -> Map.of(o.output(), scaled(16 * ROUNDING, after.get(o.output())));
            case SpatialNormBackward o -> Map.of(o.inputGradient(), spatialNormBackward(o, before));
            case FilterRenormalise o -> Map.of(o.weight(), scaled(
                    (8 + Math.sqrt(o.weight().elements() / (double) o.weight().batch())) * ROUNDING, after.get(o.weight())));
            case SoftmaxCrossEntropy o -> softmax(o, before, after);
            case SgdUpdate o -> sgdUpdate(o, before, after, carried, parameters);
            default -> exact(operation);
        };
    }

    /** Of a convolution or fully connected layer: how long its sums are. */
    private static long terms(Product operation) {
        return switch (operation) {
            case ConvolutionForward o -> forwardTerms(o.geometry()) + 1;
            case ConvolutionBackwardData o -> forwardTerms(o.geometry()) * o.geometry().filters() / o.geometry().channels();
            case ConvolutionBackwardWeights o -> (long) o.input().batch() * o.geometry().outputHeight() * o.geometry().outputWidth();
            case FullyConnectedForward o -> o.input().elementsPerImage() + 1;
            case FullyConnectedBackwardData o -> o.weight().batch();
            case FullyConnectedBackwardWeights o -> o.input().batch();
        };
    }

    /**
     * What is allowed where tensor cores add up: they cut off, towards zero, what lies below 24 bits of the largest of some 8 terms and the
     * sum so far, so that errors grow like K.
     *
     * @param allowed for sums in float
     */
    static double[] onTensorCores(Product operation, double[] allowed) {
        double terms = terms(operation);
        return scaled((12 + Math.sqrt(terms) + terms / 4) / (4 + Math.sqrt(terms)), allowed);
    }

    /**
     * What is allowed where each factor is the sum of numbers in bf16. With two, a product of two factors is off by up to 2^-15 (2^-16 for
     * what is left out, 2^-17 for what each factor loses), by a fifth of it in the mean, to either side: of many, 2e-5 of M. With three,
     * what is allowed in float.
     *
     * @param planes  2 or 3
     * @param allowed for sums in float
     */
    static double[] ofPlanes(Product operation, int planes, double[] allowed) {
        double terms = terms(operation);
        return planes == 3 ? allowed : scaled((terms < FEW ? 0x1p-15 : 2e-5) / ((4 + Math.sqrt(terms)) * ROUNDING), allowed);
    }

    private static long forwardTerms(ConvolutionGeometry g) {
        return (long) g.channels() / g.groups() * g.kernel() * g.kernel();
    }

    /** At most that many windows share a pixel. */
    private static long windows(PoolingGeometry g) {
        long along = Math.ceilDiv(g.window(), g.stride());
        return along * along;
    }

    private static Map<Tensor, double[]> sums(Operation operation, long terms, Map<Tensor, double[]> before) {
        Map<Tensor, double[]> magnitudes = new HashMap<>();
        before.forEach((tensor, values) -> magnitudes.put(tensor, scaled(1, values)));
        Reference.compute(operation, magnitudes, RunParameters.NONE);
        Map<Tensor, double[]> allowed = new HashMap<>();
        for (Tensor tensor : operation.writes()) {
            allowed.put(tensor, scaled((4 + Math.sqrt(terms)) * ROUNDING, magnitudes.get(tensor)));
        }
        return allowed;
    }

    /** What is carried moves the largest of a window by no more than the largest of it. */
    private static double[] maxPool(MaxPoolForward o, double[] carried) {
        double[] allowed = zeros(o.output());
        if (carried != null) {
            Pooling.maxForward(o.geometry(), o.input().batch(), carried, allowed, null);
        }
        return allowed;
    }

    /**
     * The gradient is T1 - T2, T1 = gradient b * s^-beta; with absolute values the reference gives |T1| - M2, where M2 bounds what
     * is summed up in T2. 24 roundings: the sums of squares, two powers, the products.
     */
    private static double[] responseNormBackward(ResponseNormBackward o, Map<Tensor, double[]> before) {
        double[] a = scaled(1, before.get(o.input()));
        double[] gradient = scaled(1, before.get(o.outputGradient()));
        double[] first = new double[a.length];
        double[] difference = new double[a.length];
        double[] powers = new double[a.length];
        ResponseNorms.forward(o.norm(), o.input(), a, powers);
        ResponseNorms.backward(o.norm(), o.input(), a, gradient, difference);
        for (int i = 0; i < a.length; i++) {
            first[i] = a[i] == 0 ? difference[i] : gradient[i] * powers[i] / a[i];
            difference[i] = 24 * ROUNDING * (2 * first[i] - difference[i]) + TINY;
        }
        return difference;
    }

    /** As for the other norm. */
    private static double[] spatialNormBackward(SpatialNormBackward o, Map<Tensor, double[]> before) {
        double[] a = scaled(1, before.get(o.input()));
        double[] gradient = scaled(1, before.get(o.outputGradient()));
        double[] difference = new double[a.length];
        double[] powers = new double[a.length];
        SpatialNorms.forward(o.norm(), o.input(), a, powers);
        SpatialNorms.backward(o.norm(), o.input(), a, gradient, difference);
        for (int i = 0; i < a.length; i++) {
            double first = a[i] == 0 ? difference[i] : gradient[i] * powers[i] / a[i];
            difference[i] = 24 * ROUNDING * (2 * first - difference[i]) + TINY;
        }
        return difference;
    }

    /** Logits less the largest are rounded, so e^ of them is off by ROUNDING * spread; 16 roundings for exponential, sum, logarithm. */
    private static Map<Tensor, double[]> softmax(SoftmaxCrossEntropy o, Map<Tensor, double[]> before, Map<Tensor, double[]> after) {
        Map<Tensor, double[]> allowed = new HashMap<>(exact(o));
        double[] logits = before.get(o.logits());
        int classes = logits.length / o.logits().batch();
        for (int n = 0; n < o.logits().batch(); n++) {
            double smallest = Double.POSITIVE_INFINITY;
            double largest = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < classes; c++) {
                smallest = Math.min(smallest, logits[n * classes + c]);
                largest = Math.max(largest, logits[n * classes + c]);
            }
            double roundings = (16 + largest - smallest) * ROUNDING;
            allowed.get(o.losses())[n] = roundings * (1 + after.get(o.losses())[n]);
            for (int i = n * classes; i < (n + 1) * classes; i++) {
                if (o.probabilities() != null) {
                    allowed.get(o.probabilities())[i] = roundings * after.get(o.probabilities())[i] + TINY;
                }
                if (o.inputGradient() != null) {
                    boolean label = i - n * classes == (int) before.get(o.labels())[n];
                    allowed.get(o.inputGradient())[i] = roundings
                            * (Math.abs(after.get(o.inputGradient())[i]) + (label ? 2 / o.divisor() : 0))
                            + TINY;
                }
            }
        }
        return allowed;
    }

    /** Four roundings of each of the terms that are added up. */
    private static Map<Tensor, double[]> sgdUpdate(SgdUpdate o, Map<Tensor, double[]> before, Map<Tensor, double[]> after,
            Map<Tensor, double[]> carried, RunParameters parameters) {
        double rate = parameters.learningRates()[o.rateIndex()];
        double decay = parameters.weightDecays()[o.rateIndex()];
        double[] gradient = before.get(o.gradient());
        double[] weight = before.get(o.weight());
        double[] momentum = before.get(o.momentum());
        double[] forMomentum = scaled(rate, carried.getOrDefault(o.gradient(), zeros(o.gradient())));
        double[] forWeight = new double[weight.length];
        for (int i = 0; i < weight.length; i++) {
            forMomentum[i] += 4 * ROUNDING * (Math.abs(parameters.momentum() * momentum[i]) + Math.abs(decay * rate * weight[i])
                    + Math.abs(rate * gradient[i])) + TINY;
            forWeight[i] = forMomentum[i] + ROUNDING * Math.abs(after.get(o.weight())[i]);
        }
        return Map.of(o.momentum(), forMomentum, o.weight(), forWeight);
    }

    /** What is carried, where a ReLU's output lets it through. */
    private static double[] letThrough(double[] carried, double[] output) {
        double[] allowed = new double[output.length];
        for (int i = 0; carried != null && i < allowed.length; i++) {
            allowed[i] = output[i] > 0 ? carried[i] : 0;
        }
        return allowed;
    }

    private static Map<Tensor, double[]> exact(Operation operation) {
        Map<Tensor, double[]> allowed = new HashMap<>();
        operation.writes().forEach(tensor -> allowed.put(tensor, zeros(tensor)));
        return allowed;
    }

    private static Map<Tensor, double[]> plus(Tensor tensor, double[] carried, double[] own) {
        double[] sum = zeros(tensor);
        for (int i = 0; i < sum.length; i++) {
            sum[i] = (carried == null ? 0 : carried[i]) + (own == null ? 0 : own[i]);
        }
        return Map.of(tensor, sum);
    }

    private static double[] zeros(Tensor tensor) {
        return new double[(int) tensor.elements()];
    }

    private static double[] constant(Tensor tensor, double value) {
        double[] values = zeros(tensor);
        java.util.Arrays.fill(values, value);
        return values;
    }

    /** factor * |values|; null stays null. */
    private static double[] scaled(double factor, double[] values) {
        if (values == null) {
            return null;
        }
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = Math.abs(factor * values[i]);
        }
        return result;
    }
}
