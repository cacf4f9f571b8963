package duet.reference;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

import duet.device.Operation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.Add;
import duet.device.Operation.Gather;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.Product;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Operation.Slice;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/** Trials of a backend that stores some tensors in bf16: which ones depends on how long they live, so they live as they do in plans. */
final class StoredTrials {
    private final Map<Integer, Role> roles = new HashMap<>();

    private StoredTrials(Trial trial, RandomGenerator random) {
        for (Operation operation : trial.operations()) {
            operation.reads().forEach(this::usual);
            operation.writes().forEach(this::usual);
        }
        trial.operations().forEach(operation -> special(operation, random));
    }

    private void usual(Tensor tensor) {
        roles.put(tensor.id(), tensor.format() == Format.ACTIVATION && tensor.role() != Role.CONSTANT ? Role.TRANSIENT : tensor.role());
    }

    /** What the host writes or reads, and what an update reads beside the weight. */
    private void special(Operation operation, RandomGenerator random) {
        switch (operation) {
            case PrepareInput o -> put(o.colourShift(), Role.INPUT);
            case SoftmaxCrossEntropy o -> {
                put(o.losses(), Role.OUTPUT);
                put(o.probabilities(), Role.OUTPUT);
            }
            case SgdUpdate o -> {
                put(o.gradient(), Role.TRANSIENT);
                put(o.momentum(), Role.MOMENTUM);
            }
            case Scale o when !o.input().equals(o.output()) -> {
                put(o.input(), random.nextBoolean() ? Role.INPUT : Role.TRANSIENT);
                put(o.output(), random.nextBoolean() ? Role.OUTPUT : Role.TRANSIENT);
            }
            case Slice o when o.part().format() == Tensor.Format.FILTER -> { // gradients, or weights
                boolean weights = random.nextBoolean();
                put(o.whole(), weights ? Role.PARAMETER : Role.TRANSIENT);
                put(o.part(), weights ? Role.SHARE : Role.TRANSIENT);
            }
            case Gather o when o.whole().format() == Tensor.Format.FILTER -> {
                boolean weights = random.nextBoolean();
                o.parts().forEach(part -> put(part, weights ? Role.SHARE : Role.TRANSIENT));
                put(o.whole(), weights ? Role.PARAMETER : Role.TRANSIENT);
            }
            case Slice o -> put(o.part(), random.nextBoolean() ? Role.OUTPUT : Role.TRANSIENT);
            case Add o when random.nextInt(3) == 0 -> { // as of gradients of weights
                put(o.left(), Role.INPUT);
                put(o.right(), Role.INPUT);
                put(o.output(), Role.INPUT);
            }
            default -> {}
        }
    }

    private void put(Tensor tensor, Role role) {
        if (tensor != null) {
            roles.put(tensor.id(), role);
        }
    }

    private Tensor bound(Tensor t) {
        return new Tensor(t.id(), t.name(), t.device(), t.format(), roles.get(t.id()), t.batch(), t.channels(), t.height(), t.width(),
                t.groups());
    }

    /**
     * The trial with tensors that live as they do in plans, and operands that can be stored exactly.
     *
     * @param rounded whether a tensor is stored in bf16
     */
    static Trial of(Trial trial, RandomGenerator random, Predicate<Tensor> rounded) {
        StoredTrials stored = new StoredTrials(trial, random);
        Map<Tensor, Object> operands = new HashMap<>();
        trial.operands().forEach((tensor, values) -> {
            Tensor bound = stored.bound(tensor);
            operands.put(bound, rounded.test(bound) ? rounded((float[]) values) : values);
        });
        return new Trial(trial.name(), trial.operations().stream().map(o -> Rebinding.rebind(o, stored::bound)).toList(), operands,
                trial.parameters());
    }

    private static float[] rounded(float[] values) {
        float[] result = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = (float) Bfloat16.rounded(values[i]);
        }
        return result;
    }

    /**
     * As {@link Trial#expectation}. What one operation leaves to the next is rounded in between; where that makes no difference to rounding
     * the end result instead, it is not.
     */
    static Trial.Expectation expectation(Trial trial, Predicate<Tensor> rounded) {
        Map<Tensor, double[]> values = new HashMap<>();
        trial.operands().forEach((tensor, array) -> values.put(tensor, Trial.doubles(array)));
        Map<Tensor, double[]> allowed = new LinkedHashMap<>();
        for (Operation operation : trial.operations()) {
            if (!keepsOrder(operation)) {
                operation.reads().stream().filter(tensor -> rounded.test(tensor) && allowed.containsKey(tensor)).forEach(tensor -> {
                    double[] error = allowed.get(tensor);
                    for (int i = 0; i < error.length; i++) {
                        error[i] += Bfloat16.ROUNDING * Math.abs(values.get(tensor)[i]);
                    }
                });
            }
            Map<Tensor, double[]> before = new HashMap<>();
            operation.reads().forEach(tensor -> before.put(tensor, values.get(tensor).clone()));
            if (operation instanceof Product product) {
                product(product, before, values, allowed);
                continue;
            }
            Reference.compute(operation, values, trial.parameters());
            allowed.putAll(Tolerance.allowed(operation, before, values, allowed, trial.parameters()));
        }
        return new Trial.Expectation(values, allowed);
    }

    /** On tensor cores, with parameters rounded to bf16; maps have been. */
    private static void product(Product product, Map<Tensor, double[]> before, Map<Tensor, double[]> values,
            Map<Tensor, double[]> allowed) {
        before.replaceAll((tensor, array) -> tensor.format() == Format.FILTER ? Bfloat16.roundedAway(array) : array);
        Map<Tensor, double[]> after = new HashMap<>(before);
        Reference.compute(product, after, RunParameters.NONE);
        product.writes().forEach(tensor -> values.put(tensor, after.get(tensor)));
        // Biases are added up, not multiplied.
        Tolerance.allowed(product, before, values, allowed, RunParameters.NONE).forEach((tensor, differences) -> allowed.put(tensor,
                tensor.format() == Format.VECTOR ? differences : Tolerance.onTensorCores(product, differences)));
    }

    private static boolean keepsOrder(Operation operation) {
        return operation instanceof MaxPoolForward
                || operation instanceof ActivationForward o && o.function() == Operation.Activation.RELU
                || operation instanceof ActivationBackward b && b.function() == Operation.Activation.RELU;
    }

    /** Of a tensor in bf16: each element is what a value within what is allowed is rounded to. */
    static void requireRounded(Tensor tensor, float[] actual, Trial.Expectation expected) {
        double[] wanted = expected.values().get(tensor);
        double[] allowed = expected.allowed().get(tensor);
        for (int i = 0; i < actual.length; i++) {
            double error = allowed[i] == 0 || Double.isInfinite(wanted[i]) ? 0 : allowed[i] + Tolerance.ROUNDING * Math.abs(wanted[i]);
            double low = Bfloat16.rounded(wanted[i] - error);
            double high = Bfloat16.rounded(wanted[i] + error);
            boolean right = Double.isNaN(wanted[i]) ? Float.isNaN(actual[i]) : low <= actual[i] && actual[i] <= high;
            if (!right) {
                throw new AssertionError(tensor + ": element " + i + " is " + actual[i] + ", the reference says " + wanted[i]
                        + ", which is at least " + low + " and at most " + high + " in bf16.");
            }
        }
    }
}
