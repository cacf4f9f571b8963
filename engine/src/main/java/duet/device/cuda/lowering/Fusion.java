package duet.device.cuda.lowering;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * Operations of one stream that one kernel does. Which tensors lie between them is never written then, so a fusion is only made
 * where nothing else reads them.
 *
 * @param first  decides the kernel
 * @param others  what its kernel does besides: an activation, the search for NaN and infinity and a dropout in the epilogue of a forward
 *                product; max-pooling right after a response norm; response norm's gradient right after max-pooling's; the gradients of a
 *                dropout and a ReLU in place on the result; the update of the parameters by the gradients that are the results; all of that
 *                and both gradients of a fully connected layer
 * @param cleared by the preparation of an input: the status of searches for NaN and infinity that all come later; else null
 */
public record Fusion(Operation first, List<Operation> others, Tensor cleared) {
    public Fusion {
        others = List.copyOf(others);
    }

    public Fusion(Operation first, List<Operation> others) {
        this(first, others, null);
    }

    public static Fusion of(Operation operation) {
        return new Fusion(operation, List.of());
    }

    /** No fusion at all: each launch by itself. */
    public static List<Fusion> none(List<Step> steps) {
        return steps.stream().map(step -> step instanceof Step.Launch launch ? of(launch.operation()) : null).toList();
    }

    /** In the order in which they are done. */
    public List<Operation> operations() {
        return Stream.concat(Stream.of(first), others.stream()).toList();
    }

    private <T extends Operation> T find(Class<T> kind) {
        return others.stream().filter(kind::isInstance).map(kind::cast).findFirst().orElse(null);
    }

    /** The activation in place on the output, or null. */
    ActivationForward activation() {
        return find(ActivationForward.class);
    }

    /** The search in the output, or null. */
    FiniteCheck check() {
        return find(FiniteCheck.class);
    }

    /** Of a forward product's output, in place; or null. */
    Dropout dropout() {
        return find(Dropout.class);
    }

    MaxPoolForward pool() {
        return find(MaxPoolForward.class);
    }

    ResponseNormBackward normBackward() {
        return find(ResponseNormBackward.class);
    }

    ActivationBackward reluBackward() {
        return find(ActivationBackward.class);
    }

    /** What the gradient is multiplied with where the ReLU lets it through: 1, or the scale of a dropout. */
    float maskScale() {
        Dropout dropout = find(Dropout.class);
        return dropout == null ? 1 : dropout.scale();
    }

    /** The gradients of the same layer's parameters, or null. */
    FullyConnectedBackwardWeights backwardWeights() {
        return find(FullyConnectedBackwardWeights.class);
    }

    /** The update by a gradient, or null. */
    SgdUpdate update(Tensor gradient) {
        return others.stream().filter(SgdUpdate.class::isInstance).map(SgdUpdate.class::cast)
                .filter(update -> update.gradient().equals(gradient)).findFirst().orElse(null);
    }

    /** The layers, for messages, such as {@code norm1 + pool1}. */
    public String label() {
        return operations().stream().map(Operation::layer).distinct().collect(Collectors.joining(" + "));
    }

    /** How many operations read or copy each tensor in all streams. */
    public static Map<Tensor, Integer> readers(List<StreamSteps> streams) {
        Map<Tensor, Integer> readers = new HashMap<>();
        for (StreamSteps stream : streams) {
            for (Step step : stream.steps()) {
                step.reads().forEach(tensor -> readers.merge(tensor, 1, Integer::sum));
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
        Map<Integer, Tensor> cleared = cleared(steps);
        for (int i = 0; i < steps.size(); i++) {
            if (taken[i] || !(steps.get(i) instanceof Step.Launch launch)) {
                plan.add(null);
                continue;
            }
            Operation first = launch.operation();
            List<Integer> others = switch (first) {
                case ConvolutionForward o -> epilogue(o.output(), i, steps);
                case FullyConnectedForward o -> withDropout(layout, o, epilogue(o.output(), i, steps), i, steps);
                case ResponseNormForward o -> pool(layout, o, i, steps, readers, overlap);
                case MaxPoolBackward o -> norm(layout, o, i, steps, readers, overlap);
                case ResponseNormBackward o -> masks(o.inputGradient(), i, steps, o.input(), false);
                case ConvolutionBackwardData o -> masks(o.inputGradient(), i, steps, null, true);
                case FullyConnectedBackwardData o -> onePass(layout, o, i, steps, readers, overlap);
                case ConvolutionBackwardWeights o -> updates(o.weightGradient(), o.biasGradient(), i, steps, readers);
                case FullyConnectedBackwardWeights o -> updates(o.weightGradient(), o.biasGradient(), i, steps, readers);
                default -> List.of();
            };
            others.forEach(other -> taken[other] = true);
            plan.add(new Fusion(first, others.stream().map(other -> operation(steps, other)).toList(), cleared.get(i)));
        }
        return plan;
    }

    /** By the step that prepares an input: a status that no step before it sets flags of. */
    private static Map<Integer, Tensor> cleared(List<Step> steps) {
        List<Tensor> before = new ArrayList<>();
        Map<Integer, Tensor> cleared = new HashMap<>();
        for (int i = 0; i < steps.size(); i++) {
            if (operation(steps, i) instanceof FiniteCheck check) {
                before.add(check.status());
            } else if (operation(steps, i) instanceof PrepareInput) {
                int place = i;
                steps.subList(i, steps.size()).stream()
                        .map(step -> step instanceof Step.Launch launch && launch.operation() instanceof FiniteCheck c ? c.status() : null)
                        .filter(status -> status != null && !before.contains(status)).findFirst().ifPresent(status -> {
                            cleared.put(place, status);
                            before.add(status);
                        });
            }
        }
        return cleared;
    }

    /** The activation in place and the search for NaN and infinity, right behind a product. */
    private static List<Integer> epilogue(Tensor output, int index, List<Step> steps) {
        List<Integer> others = new ArrayList<>();
        int next = index + 1;
        if (activates(operation(steps, next), output)) {
            others.add(next++);
        }
        if (operation(steps, next) instanceof FiniteCheck check && check.tensor().equals(output)) {
            others.add(next);
        }
        return others;
    }

    /** Besides the epilogue, a dropout in place right behind it. */
    private static List<Integer> withDropout(CudaLayout layout, FullyConnectedForward layer, List<Integer> epilogue, int index,
            List<Step> steps) {
        int next = index + epilogue.size() + 1;
        if (!(operation(steps, next) instanceof Dropout dropout && dropout.input().equals(layer.output())
                && dropout.output().equals(layer.output()) && ProductForm.drops(layout, layer, dropout))) {
            return epilogue;
        }
        return Stream.concat(epilogue.stream(), Stream.of(next)).toList();
    }

    private static List<Integer> pool(CudaLayout layout, ResponseNormForward norm, int index, List<Step> steps,
            Map<Tensor, Integer> readers,
            BiPredicate<Tensor, Tensor> overlap) {
        return operation(steps, index + 1) instanceof MaxPoolForward pool && together(layout, norm, pool)
                && internal(norm.output(), readers)
                && apart(norm, pool, overlap) ? List.of(index + 1) : List.of();
    }

    private static List<Integer> norm(CudaLayout layout, MaxPoolBackward pool, int index, List<Step> steps, Map<Tensor, Integer> readers,
            BiPredicate<Tensor, Tensor> overlap) {
        if (operation(steps, index + 1) instanceof ResponseNormBackward norm && together(layout, pool, norm)
                && internal(pool.inputGradient(), readers) && apart(pool, norm, overlap)) {
            List<Integer> others = new ArrayList<>(List.of(index + 1));
            others.addAll(masks(norm.inputGradient(), index + 1, steps, norm.input(), false));
            return others;
        }
        return masks(pool.inputGradient(), index, steps, null, false);
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
     * The gradient of a ReLU that works in place on {@code gradient} later in the stream, and perhaps that of a dropout before it; empty if
     * there is none. They may move up past launches that have nothing to do with what they read and write, but past no event.
     *
     * @param mask    what the ReLU's output must be, or null for anything
     * @param dropout whether the kernel can scale, too. The ReLU's output is then zero wherever the dropout has dropped: no number of the
     *                gradient needs to know why
     */
    private static List<Integer> masks(Tensor gradient, int index, List<Step> steps, Tensor mask, boolean dropout) {
        int scaling = -1;
        for (int i = index + 1; i < steps.size() && steps.get(i) instanceof Step.Launch launch; i++) {
            Operation operation = launch.operation();
            if (operation instanceof ActivationBackward a && a.function() == Activation.RELU && a.outputGradient().equals(gradient)
                    && a.inputGradient().equals(gradient) && (mask == null || a.output().equals(mask))
                    && steps.subList(index + 1, i).stream().noneMatch(step -> writes(step, a.output()))) {
                return scaling < 0 ? List.of(i) : dropped((Dropout) operation(steps, scaling), a.output(), index, steps)
                        ? List.of(scaling, i) : List.of();
            }
            if (dropout && scaling < 0 && operation instanceof Dropout d && d.input().equals(gradient) && d.output().equals(gradient)) {
                scaling = i;
            } else if (operation.reads().contains(gradient) || operation.writes().contains(gradient)) {
                return List.of();
            }
        }
        return List.of();
    }

    /** Whether the last one to write a tensor, before a step, is the same dropout in place. */
    private static boolean dropped(Dropout backward, Tensor output, int before, List<Step> steps) {
        for (int i = before - 1; i >= 0; i--) {
            if (writes(steps.get(i), output)) {
                return operation(steps, i) instanceof Dropout forward && forward.output().equals(output) && forward.input().equals(output)
                        && forward.layer().equals(backward.layer()) && forward.purpose() == backward.purpose()
                        && forward.rate() == backward.rate();
            }
        }
        return false;
    }

    /**
     * The updates of the parameters by the gradients that a product makes, where nothing else reads those. They may move up past launches
     * that have nothing to do with the parameters, but past no event.
     */
    static List<Integer> updates(Tensor weight, Tensor bias, int index, List<Step> steps, Map<Tensor, Integer> readers) {
        List<Integer> updates = new ArrayList<>();
        for (Tensor gradient : new Tensor[] {weight, bias}) {
            int update = gradient == null || !internal(gradient, readers) ? -1 : update(gradient, index, steps);
            if (update < 0 && gradient != null) {
                return List.of();
            }
            if (update >= 0) {
                updates.add(update);
            }
        }
        return updates;
    }

    /**
     * What is done in place on the input's gradient, and right behind it the gradients of the parameters with their updates, if one pass
     * over the parameters can do all. Past no event: what waits for the input's gradient would wait for the updates, too.
     */
    private static List<Integer> onePass(CudaLayout layout, FullyConnectedBackwardData data, int index, List<Step> steps,
            Map<Tensor, Integer> readers, BiPredicate<Tensor, Tensor> overlap) {
        List<Integer> masks = masks(data.inputGradient(), index, steps, null, true);
        if (operation(steps, index + 1) instanceof FullyConnectedBackwardWeights weights && OnePassLowering.serves(layout, data, weights)
                && weights.reads().stream().noneMatch(read -> overlap.test(read, data.inputGradient()))) {
            List<Integer> updates = updates(weights.weightGradient(), weights.biasGradient(), index + 1, steps, readers);
            if (!updates.isEmpty() && ((SgdUpdate) operation(steps, updates.getFirst())).weight().equals(data.weight())) {
                return Stream.of(masks, List.of(index + 1), updates).flatMap(List::stream).toList();
            }
        }
        return masks;
    }

    private static int update(Tensor gradient, int index, List<Step> steps) {
        for (int i = index + 1; i < steps.size() && steps.get(i) instanceof Step.Launch launch; i++) {
            if (launch.operation() instanceof SgdUpdate update && update.gradient().equals(gradient)) {
                return steps.subList(index + 1, i).stream().map(step -> ((Step.Launch) step).operation()).noneMatch(
                        other -> update.writes().stream().anyMatch(
                                changed -> other.reads().contains(changed) || other.writes().contains(changed))) ? i : -1;
            }
        }
        return -1;
    }

    private static boolean writes(Step step, Tensor tensor) {
        return step.writes().contains(tensor);
    }
}
