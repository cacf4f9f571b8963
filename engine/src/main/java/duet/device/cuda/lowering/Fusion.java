package duet.device.cuda.lowering;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;

import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * Operations of one stream that one kernel does. Which tensors lie between them is never written then, so a fusion is only made
 * where nothing else reads them.
 *
 * @param first        decides the kernel
 * @param activation   done in the epilogue of a convolution or fully connected layer, or null
 * @param pool         max-pooling right after a response norm, or null
 * @param normBackward response norm's gradient right after max-pooling's, or null
 * @param reluBackward the gradient of a ReLU in place on the result, or null
 */
public record Fusion(
        Operation first, ActivationForward activation, MaxPoolForward pool, ResponseNormBackward normBackward,
        ActivationBackward reluBackward) {

    private static Fusion of(Operation operation) {
        return new Fusion(operation, null, null, null, null);
    }

    /** No fusion at all: each launch by itself. */
    public static List<Fusion> none(List<Step> steps) {
        return steps.stream().map(step -> step instanceof Step.Launch launch ? of(launch.operation()) : null).toList();
    }

    /** The layers, for messages, such as {@code norm1 + pool1}. */
    public String label() {
        StringBuilder text = new StringBuilder(first.layer());
        for (Operation other : new Operation[] {activation, pool, normBackward, reluBackward}) {
            if (other != null) {
                text.append(" + ").append(other.layer());
            }
        }
        return text.toString();
    }

    /** How many operations read or copy each tensor in all streams. */
    public static Map<Tensor, Integer> readers(List<StreamSteps> streams) {
        Map<Tensor, Integer> readers = new HashMap<>();
        for (StreamSteps stream : streams) {
            for (Step step : stream.steps()) {
                switch (step) {
                    case Step.Launch launch -> launch.operation().reads().forEach(tensor -> readers.merge(tensor, 1, Integer::sum));
                    case Step.Copy copy -> readers.merge(copy.from(), 1, Integer::sum);
                    case Step.Record r -> {}
                    case Step.Wait w -> {}
                }
            }
        }
        return readers;
    }

    /**
     * Fuses the operations of a stream, in order; each entry is the fusion that begins at that step, or null where the step has been
     * taken into an earlier one or is no launch.
     *
     * @param layout  how tensors are stored
     * @param readers see {@link #readers}
     * @param overlap whether two tensors share memory
     */
    public static List<Fusion> plan(CudaLayout layout, List<Step> steps, Map<Tensor, Integer> readers,
            BiPredicate<Tensor, Tensor> overlap) {
        List<Fusion> plan = new ArrayList<>();
        boolean[] taken = new boolean[steps.size()];
        for (int i = 0; i < steps.size(); i++) {
            plan.add(taken[i] || !(steps.get(i) instanceof Step.Launch launch) ? null
                    : begin(layout, launch.operation(), i, steps, taken, readers, overlap));
        }
        return plan;
    }

    private static Fusion begin(CudaLayout layout, Operation first, int index, List<Step> steps, boolean[] taken,
            Map<Tensor, Integer> readers, BiPredicate<Tensor, Tensor> overlap) {
        Operation next = operation(steps, index + 1);
        return switch (first) {
            case ConvolutionForward o when activates(next, o.output()) -> {
                taken[index + 1] = true;
                yield new Fusion(first, (ActivationForward) next, null, null, null);
            }
            case FullyConnectedForward o when activates(next, o.output()) -> {
                taken[index + 1] = true;
                yield new Fusion(first, (ActivationForward) next, null, null, null);
            }
            case ResponseNormForward o when next instanceof MaxPoolForward pool && together(layout, o, pool)
                    && internal(o.output(), readers)
                    && apart(o, pool, overlap) -> {
                taken[index + 1] = true;
                yield new Fusion(first, null, pool, null, null);
            }
            case MaxPoolBackward o when next instanceof ResponseNormBackward norm && together(layout, o, norm)
                    && internal(o.inputGradient(), readers)
                    && apart(o, norm, overlap) -> {
                taken[index + 1] = true;
                ActivationBackward relu = relu(norm.inputGradient(), index + 1, steps, taken, norm.input());
                yield new Fusion(first, null, null, norm, relu);
            }
            case ResponseNormBackward o -> new Fusion(first, null, null, null, relu(o.inputGradient(), index, steps, taken, o.input()));
            case MaxPoolBackward o -> new Fusion(first, null, null, null, relu(o.inputGradient(), index, steps, taken, null));
            case ConvolutionBackwardData o -> new Fusion(first, null, null, null, relu(o.inputGradient(), index, steps, taken, null));
            case FullyConnectedBackwardData o -> new Fusion(first, null, null, null, relu(o.inputGradient(), index, steps, taken, null));
            default -> of(first);
        };
    }

    private static Operation operation(List<Step> steps, int index) {
        return index < steps.size() && steps.get(index) instanceof Step.Launch launch ? launch.operation() : null;
    }

    /** Whether one kernel can do both, with a tensor in between that is never stored. */
    static boolean together(CudaLayout layout, Operation first, Operation second) {
        return switch (first) {
            case ResponseNormForward norm when second instanceof MaxPoolForward pool -> NormLowering.fuses(layout, norm, pool);
            case MaxPoolBackward pool when second instanceof ResponseNormBackward norm ->
                NormLowering.fuses(layout, pool, norm) && !norm.inputGradient().equals(pool.inputGradient());
            default -> false;
        };
    }

    /** The fused kernel reads and writes at the same time. The memory planner keeps such tensors apart; this makes sure. */
    private static boolean apart(Operation first, Operation second, BiPredicate<Tensor, Tensor> overlap) {
        return first.reads().stream().noneMatch(read -> second.writes().stream().anyMatch(write -> overlap.test(read, write)))
                && second.reads().stream().noneMatch(read -> second.writes().stream().anyMatch(write -> overlap.test(read, write)));
    }

    private static boolean activates(Operation next, Tensor output) {
        return next instanceof ActivationForward a && a.input().equals(output) && a.output().equals(output);
    }

    /** Lives within a run and is read once: by the operation that is fused. */
    private static boolean internal(Tensor tensor, Map<Tensor, Integer> readers) {
        return tensor.role() == Tensor.Role.TRANSIENT && readers.getOrDefault(tensor, 0) == 1;
    }

    /**
     * The gradient of a ReLU that works in place on {@code gradient} later in the stream, marked as taken; null if there is none. It may
     * move up past launches that have nothing to do with what it reads and writes, but past no event.
     *
     * @param mask what the ReLU's output must be, or null for anything
     */
    private static ActivationBackward relu(Tensor gradient, int index, List<Step> steps, boolean[] taken, Tensor mask) {
        for (int i = index + 1; i < steps.size() && steps.get(i) instanceof Step.Launch launch; i++) {
            Operation operation = launch.operation();
            if (operation instanceof ActivationBackward a && a.function() == Activation.RELU && a.outputGradient().equals(gradient)
                    && a.inputGradient().equals(gradient) && (mask == null || a.output().equals(mask))
                    && steps.subList(index + 1, i).stream().noneMatch(step -> writes(step, a.output()))) {
                taken[i] = true;
                return a;
            }
            if (operation.reads().contains(gradient) || operation.writes().contains(gradient)) {
                return null;
            }
        }
        return null;
    }

    private static boolean writes(Step step, Tensor tensor) {
        return step instanceof Step.Launch launch && launch.operation().writes().contains(tensor);
    }
}
