package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import duet.TestDevices;
import duet.device.Backend;
import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.RunParameters;
import duet.device.SpatialNorm;
import duet.device.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the variants of AlexNet differ in, with numbers that can be worked out on paper. */
@Tag("kernels")
@ResourceLock(TestDevices.LOCK)
class HandWorkedTest {
    private static void check(BackendOpener opener, Operation operation, Map<Tensor, Object> operands, float... expected) {
        try (Backend backend = opener.open()) {
            Operation bound = Rebinding.rebind(operation, tensor -> bound(tensor, operands));
            Map<Tensor, Object> given = operands.entrySet().stream()
                    .collect(Collectors.toMap(e -> bound(e.getKey(), operands), Map.Entry::getValue));
            Trial trial = new Trial(operation.kind(), List.of(bound), given, RunParameters.NONE);
            float[] found = (float[]) TrialRunner.run(backend, trial).get(bound.writes().getFirst());
            assertArrayEquals(expected, found, 2e-6f, operation.kind());
        }
    }

    /** What a host writes and reads must say so. */
    private static Tensor bound(Tensor t, Map<Tensor, Object> operands) {
        Tensor.Role role = t.role().persistent() ? t.role() : operands.containsKey(t) ? Tensor.Role.INPUT : Tensor.Role.OUTPUT;
        return new Tensor(t.id(), t.name(), t.device(), t.format(), role, t.batch(), t.channels(), t.height(), t.width(), t.groups());
    }

    /**
     * 3x3 ones, size 3, alpha = k = beta = 1: a corner sees 4 pixels, an edge 6, the middle 9. Backward with ones: 1/t less 2 times the sum
     * of the 1/t^2 in the window, such as 1/5 - 2 (1/25 + 2/49 + 1/100) in a corner.
     */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void onesWithinAMap(BackendOpener opener) {
        SpatialNorm norm = new SpatialNorm(3, 1, 1, 1);
        Tensors t = new Tensors();
        Tensor input = t.activation(1, 1, 3, 3);
        Tensor gradient = t.like(input);
        float[] ones = {1, 1, 1, 1, 1, 1, 1, 1, 1};
        float corner = 1 / 5f;
        float edge = 1 / 7f;
        check(opener, new Operation.SpatialNormForward("norm", norm, input, t.like(input)), Map.of(input, ones),
                corner, edge, corner, edge, 1 / 10f, edge, corner, edge, corner);
        double c = 1 / 5.0 - 2 * (1 / 25.0 + 2 / 49.0 + 1 / 100.0);
        double e = 1 / 7.0 - 2 * (2 / 25.0 + 3 / 49.0 + 1 / 100.0);
        double m = 1 / 10.0 - 2 * (4 / 25.0 + 4 / 49.0 + 1 / 100.0);
        check(opener, new Operation.SpatialNormBackward("norm", norm, input, gradient, t.like(input)),
                Map.of(input, ones, gradient, ones.clone()),
                (float) c, (float) e, (float) c, (float) e, (float) m, (float) e, (float) c, (float) e, (float) c);
    }

    /** cuda-convnet divides alpha by the pixels of the whole window, also where it is cut: 0.09 / 9 with t = 1 + 0.01 * 4 in a corner. */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void alphaIsDividedByTheWholeWindow(BackendOpener opener) {
        Tensors t = new Tensors();
        Tensor input = t.activation(1, 1, 2, 2);
        check(opener, new Operation.SpatialNormForward("norm", new SpatialNorm(3, 0.09f / 9, 1, 1), input, t.like(input)),
                Map.of(input, new float[] {1, -1, 1, 1}), 1 / 1.04f, -1 / 1.04f, 1 / 1.04f, 1 / 1.04f);
    }

    /** Four maps at one pixel, window 3: across all of them (Caffe), and in two groups (the paper), where maps 1 and 2 do not meet. */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void acrossMapsAndWithinGroups(BackendOpener opener) {
        Tensors t = new Tensors();
        Tensor input = t.activation(1, 4, 1, 1);
        float[] values = {1, 2, 3, 4};
        check(opener, new Operation.ResponseNormForward("norm", new ResponseNorm(3, 1, 1, 1, 1), input, t.like(input)),
                Map.of(input, values), 1 / 6f, 2 / 15f, 3 / 30f, 4 / 26f);
        check(opener, new Operation.ResponseNormForward("norm", new ResponseNorm(3, 1, 1, 1, 2), input, t.like(input)),
                Map.of(input, values.clone()), 1 / 6f, 2 / 6f, 3 / 26f, 4 / 26f);
    }

    /** Negative values count in the norm's base but not after ReLU: the order of 2012 gives 2 / (1 + 9 + 4), the paper's 2 / (1 + 4). */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void normBeforeReluAndAfter(BackendOpener opener) {
        Tensors t = new Tensors();
        Tensor input = t.activation(1, 2, 1, 1);
        ResponseNorm norm = new ResponseNorm(3, 1, 1, 1, 1);
        check(opener, new Operation.ResponseNormForward("norm", norm, input, t.like(input)), Map.of(input, new float[] {-3, 2}), -3 / 14f,
                2 / 14f);
        check(opener, new Operation.ResponseNormForward("norm", norm, input, t.like(input)), Map.of(input, new float[] {0, 2}), 0, 2 / 5f);
    }

    /** Sizes rounded up: of 5 pixels a kernel of 3 at stride 4 sees the first three and, in a second window, the last one alone. */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void theLastWindowReachesOutside(BackendOpener opener) {
        Tensors t = new Tensors();
        Tensor input = t.activation(1, 1, 5, 5);
        float[] values = new float[25];
        for (int i = 0; i < 25; i++) {
            values[i] = i + 1;
        }
        Tensor weight = t.filter(1, 1, 3, 3, 1);
        check(opener, new Operation.ConvolutionForward("conv", new ConvolutionGeometry(1, 5, 5, 1, 3, 4, 0, 1, 2, 2), input, weight, null,
                t.activation(1, 1, 2, 2)), Map.of(input, values, weight, new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1}),
                63, 5 + 10 + 15, 21 + 22 + 23, 25);
        check(opener,
                new Operation.AveragePoolForward("pool", new PoolingGeometry(1, 5, 5, 3, 4, 0, 2, 2), input, t.activation(1, 1, 2, 2)),
                Map.of(input, values.clone()), 7, 10, 22, 25);
    }

    /** 25 against 26, 2 against 1, and 25 against 25: each image for itself, and of equals the left one. */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void theStrongerOfTwo(BackendOpener opener) {
        Tensors t = new Tensors();
        Tensor left = t.activation(3, 2, 1, 1);
        Tensor right = t.like(left);
        check(opener, new Operation.Stronger("join", left, right, t.like(left)),
                Map.of(left, new float[] {3, -4, 1, 1, 4, 3}, right, new float[] {-5, 1, 1, 0, 5, 0}), -5, 1, 1, 1, 4, 3);
    }

    /** (3, 4) has an RMS of 5 / sqrt 2, (0.3, 0.4) a tenth of it. */
    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void filterAboveTheRadius(BackendOpener opener) {
        Tensor weight = new Tensors().filter(2, 2, 1, 1, 1);
        float radius = (float) (1 / Math.sqrt(2));
        check(opener, new Operation.FilterRenormalise("conv", weight, radius), Map.of(weight, new float[] {3, 4, 0.3f, 0.4f}),
                0.6f, 0.8f, 0.3f, 0.4f);
    }
}
