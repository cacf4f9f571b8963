package duet.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.Backend;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.Step;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;

/**
 * The kernels of a training step, out of its plan: what is measured is what training runs, with the same shapes and the same choice of
 * algorithms. Operations that the backend does in one kernel are measured as one.
 */
final class KernelCatalog {
    private KernelCatalog() {}

    /**
     * What one kernel does.
     *
     * @param name       layer and work, such as {@code conv2.backward-data}; of several operations the first one's
     * @param operations in order; those after the first are fused with it
     * @param method     how the backend does the first, see {@link duet.device.Layout#method}
     * @param ownFlop    of the algorithm, see {@link duet.device.Layout#ownFlop}
     */
    record Kernel(String name, List<Operation> operations, String method, long ownFlop) {
        Kernel {
            operations = List.copyOf(operations);
        }

        /** Of the operations themselves, a multiply-add is two: fewer multiplications by another algorithm count as speed. */
        long flop() {
            return operations.stream().mapToLong(Operation::flop).sum();
        }

        /** What the factors of its products are really rounded to. */
        Precision precision() {
            return method.endsWith("bf16") ? Precision.BF16 : Precision.FP32;
        }

        /** What must be read from outside and what is written, each once. */
        long bytes() {
            Set<Tensor> read = new LinkedHashSet<>();
            Set<Tensor> written = new LinkedHashSet<>();
            for (Operation operation : operations) {
                operation.reads().stream().filter(tensor -> !written.contains(tensor)).forEach(read::add);
                written.addAll(operation.writes());
            }
            return sum(read) + sum(written);
        }

        private static long sum(Set<Tensor> tensors) {
            return tensors.stream().mapToLong(Tensor::dataBytes).sum();
        }

        Set<Tensor> tensors() {
            Set<Tensor> all = new LinkedHashSet<>();
            operations.forEach(operation -> {
                all.addAll(operation.reads());
                all.addAll(operation.writes());
            });
            return all;
        }
    }

    /** By name, in the order of the step. Of operations that a step does twice with the same shape, the first; no updates of biases. */
    static Map<String, Kernel> of(String network, int batch, Backend backend) {
        Network net = Networks.create(network);
        Shape input = net.input();
        Plan plan = Planner.plan(net, Placement.ONE_DEVICE, Mode.TRAINING, batch, new StoredImages(input.height(), input.width()), true,
                backend);
        List<List<Operation>> groups = new ArrayList<>();
        Operation before = null;
        for (Step step : plan.streams().getFirst().steps()) {
            Operation operation = ((Step.Launch) step).operation(); // one device neither copies nor waits
            if (before != null && (reluOf(before, operation) || backend.fuses(before, operation))) {
                groups.getLast().add(operation);
            } else {
                groups.add(new ArrayList<>(List.of(operation)));
            }
            before = operation;
        }
        Map<String, Kernel> kernels = new LinkedHashMap<>();
        for (List<Operation> group : groups) {
            boolean bias = group.getFirst() instanceof Operation.SgdUpdate update && update.weight().format() == Tensor.Format.VECTOR;
            if (!bias) {
                kernels.putIfAbsent(name(group.getFirst()), kernel(group, backend));
            }
        }
        return kernels;
    }

    private static Kernel kernel(List<Operation> group, Backend backend) {
        Operation first = group.getFirst();
        long fused = group.stream().skip(1).mapToLong(Operation::flop).sum();
        return new Kernel(name(first), group, backend.method(first), backend.ownFlop(first) + fused);
    }

    /** ReLU in place on what a product has just made: every backend does the two in one. */
    private static boolean reluOf(Operation product, Operation next) {
        return (product instanceof Operation.ConvolutionForward || product instanceof Operation.FullyConnectedForward)
                && next instanceof Operation.ActivationForward relu && relu.function() == Operation.Activation.RELU
                && product.writes().contains(relu.input()) && relu.input().equals(relu.output());
    }

    private static String name(Operation operation) {
        String work = switch (operation) {
            case Operation.ConvolutionBackwardData _,Operation.FullyConnectedBackwardData _ -> "backward-data";
            case Operation.ConvolutionBackwardWeights _,Operation.FullyConnectedBackwardWeights _ -> "backward-weights";
            case Operation.FiniteCheck _ -> "finite-check";
            case Operation.SgdUpdate _ -> "sgd";
            default -> operation.kind().endsWith("Backward") ? "backward" : "forward";
        };
        return operation.layer() + "." + work;
    }
}
