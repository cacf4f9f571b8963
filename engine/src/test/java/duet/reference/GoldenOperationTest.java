package duet.reference;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.TestDevices;
import duet.device.Backend;
import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Single operations, forward and backward, against PyTorch. */
@Tag("kernels")
@ResourceLock(TestDevices.LOCK)
class GoldenOperationTest {
    private final Golden golden = Golden.read("operations.safetensors");

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void convolution(BackendOpener opener) {
        // channels, height, width, filters, kernel, stride, padding, groups
        int[][] cases = {{6, 9, 8, 8, 3, 1, 1, 2}, {3, 19, 19, 5, 5, 2, 0, 1}, {12, 7, 7, 9, 3, 2, 2, 3}, {3, 23, 23, 4, 11, 4, 2, 1}};
        for (int i = 0; i < cases.length; i++) {
            int[] c = cases[i];
            ConvolutionGeometry g = ProductTrials.geometry(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], false);
            String name = "convolution." + i;
            Tensor weight = tensor(name + ".weight", Format.FILTER, Role.PARAMETER, g.groups());
            Tensor weightGradient = tensor(name + ".weight.gradient", Format.FILTER, Role.OUTPUT, g.groups());
            check(opener, new Operation.ConvolutionForward(
                    name, g, input(name + ".input"), weight, vector(name + ".bias", Role.PARAMETER), output(name + ".output")));
            check(opener, new Operation.ConvolutionBackwardData(
                    name, g, input(name + ".output.gradient"), weight, output(name + ".input.gradient")));
            check(opener, new Operation.ConvolutionBackwardWeights(name, g, input(name + ".input"), input(name + ".output.gradient"),
                    weightGradient, vector(name + ".bias.gradient", Role.OUTPUT)));
        }
    }

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void fullyConnected(BackendOpener opener) {
        String name = "fullyConnected";
        Tensor input = input(name + ".input");
        Tensor weight = new Tensor(1, name + ".weight", 0, Format.FILTER, Role.PARAMETER, 7, 4, 2, 3);
        Tensor weightGradient = new Tensor(2, name + ".weight.gradient", 0, Format.FILTER, Role.OUTPUT, 7, 4, 2, 3);
        check(opener, new Operation.FullyConnectedForward(
                name, input, weight, vector(name + ".bias", Role.PARAMETER), output(name + ".output")));
        check(opener, new Operation.FullyConnectedBackwardData(
                name, input(name + ".output.gradient"), weight, output(name + ".input.gradient")));
        check(opener, new Operation.FullyConnectedBackwardWeights(
                name, input, input(name + ".output.gradient"), weightGradient, vector(name + ".bias.gradient", Role.OUTPUT)));
    }

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void localResponseNorm(BackendOpener opener) {
        List<ResponseNorm> norms = List.of(new ResponseNorm(5, 1e-4f, 0.75f, 2, 1), new ResponseNorm(5, 0.5f, 0.75f, 2, 2),
                new ResponseNorm(3, 0.25f, 0.5f, 1, 3));
        for (int i = 0; i < norms.size(); i++) {
            String name = "norm." + i;
            check(opener, new Operation.ResponseNormForward(name, norms.get(i), input(name + ".input"), output(name + ".output")));
            check(opener, new Operation.ResponseNormBackward(
                    name, norms.get(i), input(name + ".input"), input(name + ".output.gradient"), output(name + ".input.gradient")));
        }
    }

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void pooling(BackendOpener opener) {
        // window, stride, padding; the rounding shows in the shapes
        int[][] cases = {{3, 2, 0}, {3, 2, 0}, {3, 2, 1}, {2, 3, 1}, {2, 1, 0}};
        for (int i = 0; i < cases.length; i++) {
            for (String kind : List.of("max.", "average.")) {
                String name = kind + i;
                Tensor input = input(name + ".input");
                Tensor output = output(name + ".output");
                Tensor gradient = input(name + ".output.gradient");
                Tensor inputGradient = output(name + ".input.gradient");
                PoolingGeometry g = new PoolingGeometry(input.channels(), input.height(), input.width(), cases[i][0], cases[i][1],
                        cases[i][2], output.height(), output.width());
                if (kind.equals("max.")) {
                    Tensor winners = new Tensor(1000, name + ".winners", 0, Format.WINNERS, Role.TRANSIENT, output.batch(),
                            output.channels(), output.height(), output.width());
                    check(opener, new Operation.MaxPoolForward(name, g, input, output, winners),
                            new Operation.MaxPoolBackward(name, g, winners, gradient, inputGradient));
                } else {
                    check(opener, new Operation.AveragePoolForward(name, g, input, output));
                    check(opener, new Operation.AveragePoolBackward(name, g, gradient, inputGradient));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void activations(BackendOpener opener) {
        for (Activation function : Activation.values()) {
            String name = function.name().toLowerCase(Locale.ROOT);
            check(opener, new Operation.ActivationForward(name, function, input(name + ".input"), output(name + ".output")));
            check(opener, new Operation.ActivationBackward(
                    name, function, input(name + ".output"), input(name + ".output.gradient"), output(name + ".input.gradient")));
        }
    }

    @ParameterizedTest
    @MethodSource("duet.reference.BackendOpener#all")
    void softmaxCrossEntropy(BackendOpener opener) {
        int batch = golden.size("softmax.logits", 0);
        Tensor labels = new Tensor(1, "softmax.labels", 0, Format.INTEGERS, Role.INPUT, batch, 1, 1, 1);
        Tensor ranks = new Tensor(2, "softmax.ranks", 0, Format.INTEGERS, Role.OUTPUT, batch, 1, 1, 1);
        check(opener, new Operation.SoftmaxCrossEntropy("softmax", input("softmax.logits"), labels, output("softmax.losses"), ranks,
                output("softmax.probabilities"), output("softmax.gradient")));
    }

    private Tensor input(String name) {
        return tensor(name, Format.ACTIVATION, Role.INPUT, 1);
    }

    private Tensor output(String name) {
        return tensor(name, Format.ACTIVATION, Role.OUTPUT, 1);
    }

    private Tensor vector(String name, Role role) {
        return new Tensor(id(name), name, 0, Format.VECTOR, role, 1, golden.size(name, 0), 1, 1);
    }

    private Tensor tensor(String name, Format format, Role role, int groups) {
        int rank = golden.shapes().get(name).size();
        return new Tensor(id(name), name, 0, format, role, golden.size(name, 0), rank < 2 ? 1 : golden.size(name, 1),
                rank < 4 ? 1 : golden.size(name, 2), rank < 4 ? 1 : golden.size(name, 3), groups);
    }

    private int id(String name) {
        return 10 + golden.values().keySet().stream().sorted().toList().indexOf(name);
    }

    /** What the operations read comes from the file, and so does what they must make. */
    private void check(BackendOpener opener, Operation... operations) {
        Map<Tensor, Object> operands = new HashMap<>();
        for (Operation operation : operations) {
            for (Tensor tensor : operation.reads()) {
                if (tensor.format() == Format.INTEGERS) {
                    operands.put(tensor, golden.integers(tensor.name()));
                } else if (tensor.format() != Format.WINNERS) {
                    operands.put(tensor, golden.floats(tensor.name()));
                }
            }
        }
        try (Backend backend = opener.open()) {
            Trial trial = new Trial(operations[0].layer(), List.of(operations), operands, RunParameters.NONE);
            TrialRunner.run(backend, trial).forEach((tensor, values) -> golden.assertClose(tensor.name(), Trial.doubles(values)));
        }
    }
}
