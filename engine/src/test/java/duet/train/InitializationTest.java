package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;

import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Layer;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Rounding;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

class InitializationTest {
    private static List<ParameterShape> parameters(Initialization start) {
        return Network.chain("test", new Shape(4, 8, 8), 1, List.of(
                new Layer.Convolution("conv1", 64, 5, 1, 2, 2, Rounding.FLOOR, true, start),
                new Layer.FullyConnected("fc2", 40, false, start),
                new Layer.SoftmaxCrossEntropy("loss"))).parameters();
    }

    private static double[] meanAndDeviation(float[] values) {
        double mean = 0;
        double square = 0;
        for (float value : values) {
            mean += value;
            square += (double) value * value;
        }
        mean /= values.length;
        return new double[] {mean, Math.sqrt(square / values.length - mean * mean)};
    }

    private static void assertNormal(double deviation, float[] values) {
        double[] found = meanAndDeviation(values);
        double tolerance = 5 / Math.sqrt(values.length); // five times the standard error
        assertEquals(0, found[0], deviation * tolerance);
        assertEquals(deviation, found[1], deviation * tolerance);
        long outside = java.util.stream.IntStream.range(0, values.length).filter(i -> Math.abs(values[i]) > 2 * deviation).count();
        assertEquals(0.0455, (double) outside / values.length, 0.02, "as many beyond two deviations as a normal distribution has");
    }

    @Test
    void namesSizesAndBiases() {
        List<ParameterShape> parameters = parameters(new Initialization(Distribution.NORMAL, 0.01, 0.5));
        assertEquals(List.of("conv1.weight", "conv1.bias", "fc2.weight"), parameters.stream().map(ParameterShape::name).toList());
        assertEquals(List.of(64, 2, 5, 5), parameters.get(0).sizes());
        assertEquals(List.of(64), parameters.get(1).sizes());
        assertEquals(List.of(40, 64 * 8 * 8), parameters.get(2).sizes());
        float[] bias = new float[64];
        Arrays.fill(bias, 0.5f);
        assertArrayEquals(bias, parameters.get(1).initial(1, 1));
    }

    @Test
    void deviations() {
        List<ParameterShape> normal = parameters(new Initialization(Distribution.NORMAL, 0.01, 0));
        assertNormal(0.01, normal.get(0).initial(1, 0));
        assertNormal(0.01, normal.get(2).initial(1, 2));
        List<ParameterShape> he = parameters(new Initialization(Distribution.HE, 0, 0));
        assertNormal(Math.sqrt(2 / 50.0), he.get(0).initial(2, 0));
        assertNormal(Math.sqrt(2 / 4096.0), he.get(2).initial(2, 2));
        List<ParameterShape> xavier = parameters(new Initialization(Distribution.XAVIER, 0, 0));
        assertNormal(Math.sqrt(2 / (50.0 + 800)), xavier.get(0).initial(3, 0)); // each channel has a part in 32 of the 64 filters
        assertNormal(Math.sqrt(2 / (4096.0 + 40)), xavier.get(2).initial(3, 2));
    }

    @Test
    void aFunctionOfSeedAndParameter() {
        ParameterShape weight = parameters(Initialization.PAPER).getFirst();
        assertArrayEquals(weight.initial(5, 0), weight.initial(5, 0));
        assertFalse(Arrays.equals(weight.initial(5, 0), weight.initial(6, 0)));
        assertFalse(Arrays.equals(weight.initial(5, 0), weight.initial(5, 1)));
        assertTrue(Math.abs(correlation(weight.initial(5, 0), weight.initial(5, 1))) < 0.1);
    }

    private static double correlation(float[] left, float[] right) {
        double sum = 0;
        for (int i = 0; i < left.length; i++) {
            sum += left[i] * right[i];
        }
        return sum / left.length / meanAndDeviation(left)[1] / meanAndDeviation(right)[1];
    }
}
