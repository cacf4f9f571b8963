package duet.device.cuda.lowering;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Stream;

import duet.bindings.cuda.kernels.duet_reduction_pair;
import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.SgdUpdate;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/**
 * Sums of the splits of two convolutions' weight gradients in one launch: that of the first waits for the second, later in the stream, and
 * its partial sums stay in its workspace until then. Only where the sums update the parameters, which nothing in between looks at, and
 * where no event lies in between.
 */
public final class PairedSums {
    private static final Set<String> PAIRED = Set.of("product_reduce", "product_reduce_planes");

    private PairedSums() {}

    /** {@return by the operation whose sum waits the one for which it waits} */
    static Map<Operation, Operation> of(List<StreamSteps> streams, CudaLayout layout) {
        Map<Tensor, Integer> readers = Fusion.readers(streams);
        Map<Operation, Operation> pairs = new HashMap<>();
        for (StreamSteps stream : streams) {
            int first = -1;
            for (int i = 0; i < stream.steps().size(); i++) {
                if (!(stream.steps().get(i) instanceof Step.Launch launch)) {
                    first = -1;
                } else if (launch.operation() instanceof ConvolutionBackwardWeights o) {
                    boolean sums = sums(o, layout, stream.steps(), i, readers);
                    if (sums && first >= 0 && apart(stream.steps(), first, i, readers)) {
                        pairs.put(operation(stream.steps(), first), o);
                        first = -1;
                    } else {
                        first = sums ? i : -1;
                    }
                }
            }
        }
        return pairs;
    }

    private static Operation operation(List<Step> steps, int index) {
        return ((Step.Launch) steps.get(index)).operation();
    }

    private static boolean sums(ConvolutionBackwardWeights o, CudaLayout layout, List<Step> steps, int index,
            Map<Tensor, Integer> readers) {
        ProductForm form = ProductForm.of(o, layout.multiprocessors(o.weightGradient().device()), layout);
        return form.packed() == null && !form.direct() && !updates(steps, index, readers).isEmpty();
    }

    private static List<Integer> updates(List<Step> steps, int index, Map<Tensor, Integer> readers) {
        ConvolutionBackwardWeights o = (ConvolutionBackwardWeights) operation(steps, index);
        return Fusion.updates(o.weightGradient(), o.biasGradient(), index, steps, readers);
    }

    /** Whether nothing up to the second and its updates has to do with what the first one's sum reads and writes, but its own updates. */
    private static boolean apart(List<Step> steps, int first, int second, Map<Tensor, Integer> readers) {
        List<Integer> updates = updates(steps, first, readers);
        int end = updates(steps, second, readers).stream().mapToInt(Integer::intValue).max().orElse(second);
        Set<Tensor> tensors = new HashSet<>();
        updates.forEach(update -> {
            SgdUpdate change = (SgdUpdate) operation(steps, update);
            tensors.addAll(change.reads());
            tensors.addAll(change.writes());
        });
        for (int i = first + 1; i <= end; i++) {
            Operation other = operation(steps, i);
            if (!updates.contains(i) && Stream.concat(other.reads().stream(), other.writes().stream()).anyMatch(tensors::contains)) {
                return false;
            }
        }
        return true;
    }

    /** Of pairs those whose first workspace is left alone until the second sum; plans made with the pairs see to it. */
    static Map<Operation, Operation> within(Map<Operation, Operation> pairs, List<StreamSteps> streams, Map<Tensor, Region> regions) {
        Map<Operation, Operation> safe = new HashMap<>();
        for (StreamSteps stream : streams) {
            List<Step> steps = stream.steps();
            for (int i = 0; i < steps.size(); i++) {
                if (steps.get(i) instanceof Step.Launch launch && pairs.containsKey(launch.operation()) && launch.workspace() != null) {
                    Operation second = pairs.get(launch.operation());
                    int end = i + 1;
                    while (!operation(steps, end).equals(second)) {
                        end++;
                    }
                    boolean kept = steps.subList(i + 1, end + 1).stream().flatMap(step -> regions((Step.Launch) step, regions))
                            .noneMatch(launch.workspace()::overlaps);
                    if (kept) {
                        safe.put(launch.operation(), second);
                    }
                }
            }
        }
        return safe;
    }

    private static Stream<Region> regions(Step.Launch launch, Map<Tensor, Region> regions) {
        Stream<Region> tensors = Stream.concat(launch.operation().reads().stream(), launch.operation().writes().stream()).map(regions::get);
        return launch.workspace() == null ? tensors : Stream.concat(tensors, Stream.of(launch.workspace()));
    }

    /**
     * The launches of a stream, operation by operation.
     *
     * @param <T> a launch
     */
    public static final class Sequence<T> {
        private final CudaLayout layout;
        private final BiFunction<T, T, List<T>> join;
        private T waiting;

        /** @param join of two sums what they are together */
        public Sequence(CudaLayout layout, BiFunction<T, T, List<T>> join) {
            this.layout = layout;
            this.join = join;
        }

        /** {@return an operation's launches, without its sum where that waits for another's, and with one that has waited for its own} */
        public List<T> next(Operation operation, List<T> launches) {
            boolean waits = layout.waits(operation);
            if (!waits && (waiting == null || !layout.ends(operation))) {
                return launches;
            }
            List<T> next = new ArrayList<>(launches);
            T sum = next.removeLast();
            if (!waits) {
                next.addAll(join.apply(waiting, sum));
            }
            waiting = waits ? sum : null;
            return next;
        }
    }

    /** {@return the kernel that does what two do; null for none} */
    public static String kernel(String first, String second) {
        return first.equals(second) && PAIRED.contains(first) ? first + "_pair" : null;
    }

    /** Two sums in one launch, where they have a kernel for two; else one after the other. */
    public static List<KernelCall> join(Arena arena, KernelCall first, KernelCall second) {
        String kernel = kernel(first.kernel(), second.kernel());
        if (kernel == null) {
            return List.of(first, second);
        }
        MemorySegment p = duet_reduction_pair.allocate(arena);
        p.fill((byte) 0);
        duet_reduction_pair.first(p, first.arguments());
        duet_reduction_pair.second(p, second.arguments());
        duet_reduction_pair.first_blocks(p, first.gridX());
        return List.of(new KernelCall(kernel, first.gridX() + second.gridX(), 1, 1, first.blockX(), 0, p));
    }
}
