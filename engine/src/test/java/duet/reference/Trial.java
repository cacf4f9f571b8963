package duet.reference;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.Operation;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.Tensor.Format;

/**
 * A few operations on one device, what they read, and what they must make of it.
 *
 * @param operands a float[], int[] or byte[] for each tensor that the host fills; the other tensors are results
 */
record Trial(String name, List<Operation> operations, Map<Tensor, Object> operands, RunParameters parameters) {

    /** What the reference says, and how far from it each element may lie. */
    record Expectation(Map<Tensor, double[]> values, Map<Tensor, double[]> allowed) {}

    Set<Tensor> tensors() {
        Set<Tensor> tensors = new LinkedHashSet<>();
        for (Operation operation : operations) {
            tensors.addAll(operation.reads());
            tensors.addAll(operation.writes());
        }
        return tensors;
    }

    /** What the operations write and a host can read, each in float or int. */
    List<Tensor> results() {
        return operations.stream().flatMap(o -> o.writes().stream()).distinct().filter(t -> t.format() != Format.WINNERS).toList();
    }

    Expectation expectation() {
        Map<Tensor, double[]> values = new HashMap<>();
        operands.forEach((tensor, array) -> values.put(tensor, doubles(array)));
        Map<Tensor, double[]> allowed = new LinkedHashMap<>();
        for (Operation operation : operations) {
            Map<Tensor, double[]> before = new HashMap<>();
            operation.reads().forEach(tensor -> before.put(tensor, values.get(tensor).clone()));
            Reference.compute(operation, values, parameters);
            allowed.putAll(Tolerance.allowed(operation, before, values, allowed, parameters));
        }
        return new Expectation(values, allowed);
    }

    static double[] doubles(Object array) {
        double[] result;
        switch (array) {
            case float[] floats -> {
                result = new double[floats.length];
                for (int i = 0; i < floats.length; i++) {
                    result[i] = floats[i];
                }
            }
            case int[] ints -> {
                result = new double[ints.length];
                for (int i = 0; i < ints.length; i++) {
                    result[i] = ints[i];
                }
            }
            case byte[] bytes -> {
                result = new double[bytes.length];
                for (int i = 0; i < bytes.length; i++) {
                    result[i] = bytes[i] & 0xFF;
                }
            }
            default -> throw new IllegalArgumentException(array.toString());
        }
        return result;
    }

    @Override
    public String toString() {
        return name;
    }
}
