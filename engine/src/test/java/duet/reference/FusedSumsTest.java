package duet.reference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.Dropout;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.SgdUpdate;
import duet.device.Precision;
import duet.device.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** The last step of sums that are split, with what it does besides: the same bits as one by one. */
@Tag("sim")
@VirtualOnly("a card's compiler fuses multiply-adds differently in different kernels")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class FusedSumsTest {
    /** In the last step of sums that are split; on some as a tower has it, whose channels are a part of the layer's. */
    @TestFactory
    Stream<DynamicTest> layersWithDropout() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(Precision.FP32, Precision.BF16, Precision.BF16X3, Precision.BF16X6)
                .flatMap(precision -> IntStream.range(0, 12).mapToObj(i -> FusedChain.test(dropped(random, i, precision))));
    }

    /**
     * Sums of two of three layers' gradients: the first two, or, where something looks at the first one's weights before the second is
     * done, the last two; none where the partial sums of one would lie where those of the other come.
     */
    @TestFactory
    Stream<DynamicTest> sumsInPairs() {
        RandomGenerator random = Seed.random(Seed.get());
        return Stream.of(Precision.FP32, Precision.BF16, Precision.BF16X3).flatMap(
                precision -> IntStream.range(0, 8).mapToObj(i -> FusedChain.test(paired(random, i % 4 == 2, i % 4 == 3, precision))));
    }

    /**
     * Long sums of few results, which are split; every third with results that are no whole fours, or whose numbers do not begin at such.
     */
    private static FusedChain dropped(RandomGenerator random, int index, Precision precision) {
        Tensors t = new Tensors();
        int odd = index % 3 == 2 ? random.nextInt(1, 4) : 0;
        boolean wide = random.nextBoolean();
        int outputs = 8 * random.nextInt(1, 12) + (wide ? 0 : odd);
        int before = 4 * random.nextInt(0, 5) + (wide ? odd : 0);
        Tensor input = t.activation(random.nextInt(1, 9), 8 * random.nextInt(100, 200), 1, 1);
        Tensor weight = t.filter(outputs, input.channels(), 1, 1, 1);
        Tensor bias = t.vector(outputs);
        Tensor output = t.activation(input.batch(), outputs, 1, 1);
        Tensor status = t.integers(1, 2);
        Dropout dropout = new Dropout("dropout", output, output, 5, random.nextFloat(0.2f, 0.8f), random.nextBoolean() ? 1 : 1.6f,
                (before + outputs + 3) / 4 * 4 + 4 * random.nextInt(0, 3), before, random.nextInt(0, 3), 0, 1);
        List<Operation> operations = new ArrayList<>(List.of(new FullyConnectedForward("layer", input, weight, bias, output)));
        if (random.nextInt(4) > 0) {
            operations.add(new ActivationForward("activation", Activation.RELU, output, output));
        }
        if (random.nextInt(4) > 0) {
            operations.add(new FiniteCheck("layer", output, status, 1));
        }
        operations.add(dropout);
        operations.add(new FiniteCheck("dropout", output, status, 0));
        Map<Tensor, float[]> operands = new HashMap<>(Map.of(status, new float[2]));
        for (Tensor tensor : List.of(input, weight, bias)) {
            operands.put(tensor, FusedChain.draw(random, tensor));
        }
        if (index % 4 == 1) {
            operands.get(bias)[random.nextInt(outputs)] = random.nextBoolean() ? Float.NaN : Float.NEGATIVE_INFINITY;
        }
        return new FusedChain(precision + ", " + outputs + " outputs behind " + before, operations, operands, List.of(output, status),
                precision,
                odd > 0 ? null : "product_reduce_dropout" + (precision == Precision.BF16 ? "_bf16" : ""));
    }

    /** Few results of many pixels: sums that are split. */
    private static FusedChain paired(RandomGenerator random, boolean looks, boolean shared, Precision precision) {
        Tensors t = new Tensors();
        List<Operation> operations = new ArrayList<>();
        Map<Tensor, float[]> operands = new HashMap<>();
        List<Tensor> results = new ArrayList<>();
        Tensor status = t.integers(1, 1);
        for (int i = 0; i < 3; i++) {
            ConvolutionGeometry g = ProductTrials.geometry(8 * random.nextInt(1, 4), 9, 11, 8 * random.nextInt(1, 4), 3, 1, 1, 1, false);
            Tensor input = t.activation(6, g.channels(), g.height(), g.width());
            Tensor gradient = t.activation(6, g.filters(), g.outputHeight(), g.outputWidth());
            Tensor weight = t.filter(g.filters(), g.channels(), 3, 3, 1);
            Tensor bias = t.vector(g.filters());
            Tensor weightGradient = t.gradient(weight);
            Tensor biasGradient = t.gradient(bias);
            Tensor weightMomentum = t.like(weight);
            Tensor biasMomentum = t.like(bias);
            operations.add(new ConvolutionBackwardWeights("layer" + i, g, input, gradient, weightGradient, biasGradient));
            operations.add(new SgdUpdate("layer" + i, weightGradient, weight, weightMomentum, 0));
            operations.add(new SgdUpdate("layer" + i, biasGradient, bias, biasMomentum, 1));
            if (i == 0 && looks) {
                operations.add(new FiniteCheck("layer0", weight, status, 0));
                operands.put(status, new float[1]);
                results.add(status);
            }
            for (Tensor tensor : List.of(input, gradient, weight, bias, weightMomentum, biasMomentum)) {
                operands.put(tensor, FusedChain.draw(random, tensor));
            }
            results.addAll(List.of(weight, bias, weightMomentum, biasMomentum));
            if (i == 0 && looks) {
                operands.get(weightMomentum)[0] = Float.POSITIVE_INFINITY; // what was updated differs from what was not
            }
        }
        String kernel = "product_reduce" + (precision == Precision.BF16 ? "_planes" : "") + "_pair";
        return new FusedChain(
                precision + (shared ? ", one workspace: " : looks ? ", second and third: " : ", first and second: ") + operations,
                operations, operands, results, precision, kernel, shared);
    }
}
