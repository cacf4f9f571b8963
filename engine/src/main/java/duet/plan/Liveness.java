package duet.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;

import duet.device.Operation;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.plan.HappensBefore.Point;

/** When each block of transient memory is in use, in the partial order of the steps. */
final class Liveness {
    /** Something that needs memory during a run: a tensor, or the workspace of one step. */
    static final class Block {
        final Tensor tensor;
        final Point step;
        final long bytes;
        /** The host writes it before the run or reads it after the run. */
        final boolean wholeRun;
        /** The streams that use the block, and the places of the first and last step there that do. */
        private final int[] users;
        private final int[] first;
        private final int[] last;
        /** For each stream how many of its steps are over before any step that uses the block, and before the latest such step. */
        private final int[] overBefore;
        private final int[] overAtEnd;
        /** How many steps of all streams are certainly over before the first use: a rough order in time. */
        final int begin;
        /** How many steps of all streams are certainly over after the last use. */
        final int end;

        private Block(Uses uses, HappensBefore order, int streams) {
            tensor = uses.tensor;
            step = uses.step;
            bytes = uses.bytes;
            wholeRun = uses.wholeRun;
            users = uses.points.stream().mapToInt(Point::stream).sorted().distinct().toArray();
            first = filled(users.length, Integer.MAX_VALUE);
            last = filled(users.length, -1);
            overBefore = filled(streams, Integer.MAX_VALUE);
            overAtEnd = filled(streams, 0);
            uses.points.forEach(point -> use(point, order.others(point)));
            begin = Arrays.stream(overBefore).sum();
            end = Arrays.stream(overAtEnd).sum();
        }

        private static int[] filled(int length, int value) {
            int[] array = new int[length];
            Arrays.fill(array, value);
            return array;
        }

        private void use(Point point, int[] others) {
            int user = Arrays.binarySearch(users, point.stream());
            first[user] = Math.min(first[user], point.step());
            last[user] = Math.max(last[user], point.step());
            int ownBefore = Math.min(overBefore[point.stream()], point.step());
            int ownAtEnd = Math.max(overAtEnd[point.stream()], point.step() + 1);
            for (int stream = 0; stream < others.length; stream++) {
                overBefore[stream] = Math.min(overBefore[stream], others[stream]);
                overAtEnd[stream] = Math.max(overAtEnd[stream], others[stream]);
            }
            overBefore[point.stream()] = ownBefore;
            overAtEnd[point.stream()] = ownAtEnd;
        }

        /** Whether every use of this block is over before any use of the other begins. */
        private boolean before(Block other) {
            for (int user = 0; user < users.length; user++) {
                if (last[user] >= other.overBefore[users[user]]) {
                    return false;
                }
            }
            return true;
        }

        /** Whether the two may never lie in the same memory. */
        boolean conflicts(Block other) {
            return wholeRun || other.wholeRun || !(before(other) || other.before(this));
        }

        /** Whether some use is not after a step. Clocks grow along a stream, so it stays so. */
        private boolean begun(HappensBefore order, int stream, int place) {
            for (int user = 0; user < users.length; user++) {
                if (first[user] < order.over(stream, place, users[user])) {
                    return true;
                }
            }
            return wholeRun;
        }

        /** The first step of a stream that is not before all uses. From there on to {@link #overAtEnd} the block holds data. */
        private int firstLive(HappensBefore order, int stream, int steps) {
            int before = 0;
            int after = steps;
            while (before < after) {
                int middle = (before + after) >>> 1;
                if (begun(order, stream, middle)) {
                    after = middle;
                } else {
                    before = middle + 1;
                }
            }
            return before;
        }
    }

    /** Where a tensor, or the workspace of a step, is used. */
    private record Uses(Tensor tensor, Point step, long bytes, boolean wholeRun, List<Point> points) {}

    private final List<StreamSteps> streams;
    private final HappensBefore order;
    /** By device: tensors, then workspaces. */
    private final Map<Integer, List<Uses>> uses = new HashMap<>();

    private Liveness(List<StreamSteps> streams, HappensBefore order) {
        this.streams = streams;
        this.order = order;
    }

    /** Where each workspace is in use during its own launch alone; see the other method. */
    static Liveness of(List<StreamSteps> streams, ToLongFunction<Tensor> bytes, ToLongFunction<Point> workspaces,
            BiPredicate<Operation, Operation> fuses) {
        return of(streams, bytes, workspaces, UnaryOperator.identity(), fuses);
    }

    /**
     * @param bytes      of a tensor
     * @param workspaces bytes of the workspace of a launch at a step, or 0
     * @param holds      the operation of a stream until which the workspace of one before is in use
     * @param fuses      whether a launch may be done together with the one right after it: their tensors are in use at the same time
     */
    static Liveness of(List<StreamSteps> streams, ToLongFunction<Tensor> bytes, ToLongFunction<Point> workspaces,
            UnaryOperator<Operation> holds, BiPredicate<Operation, Operation> fuses) {
        HappensBefore order = HappensBefore.of(streams);
        if (!order.faults().isEmpty()) {
            throw new IllegalStateException("a plan that cannot run: " + order.faults());
        }
        Liveness liveness = new Liveness(streams, order);
        liveness.collect(bytes, workspaces, holds, fuses);
        return liveness;
    }

    private void collect(ToLongFunction<Tensor> bytes, ToLongFunction<Point> workspaces, UnaryOperator<Operation> holds,
            BiPredicate<Operation, Operation> fuses) {
        Map<Tensor, Uses> tensors = new LinkedHashMap<>();
        List<Uses> scratch = new ArrayList<>();
        for (int stream = 0; stream < streams.size(); stream++) {
            List<Step> steps = streams.get(stream).steps();
            for (int i = 0; i < steps.size(); i++) {
                Point point = new Point(stream, i);
                for (Tensor tensor : tensors(steps.get(i))) {
                    if (!tensor.role().persistent()) {
                        List<Point> points = tensors.computeIfAbsent(tensor, t -> new Uses(t, null, Region.align(bytes.applyAsLong(t)),
                                !t.role().passing(), new ArrayList<>())).points();
                        points.add(point);
                        points.addAll(together(steps, point, fuses));
                    }
                }
                long workspace = workspaces.applyAsLong(point);
                if (workspace > 0) {
                    scratch.add(new Uses(null, point, Region.align(workspace), false, List.of(point, heldUntil(steps, point, holds))));
                }
            }
        }
        tensors.values().forEach(used -> add(used.tensor().device(), used));
        scratch.forEach(used -> add(streams.get(used.step().stream()).device(), used));
    }

    private void add(int device, Uses used) {
        uses.computeIfAbsent(device, _ -> new ArrayList<>()).add(used);
    }

    /** The step at whose end the workspace of a launch is no longer in use. */
    static Point heldUntil(List<Step> steps, Point point, UnaryOperator<Operation> holds) {
        Operation operation = steps.get(point.step()) instanceof Step.Launch launch ? launch.operation() : null;
        Operation last = operation == null ? null : holds.apply(operation);
        for (int i = point.step(); i < steps.size(); i++) {
            if (steps.get(i) instanceof Step.Launch launch && launch.operation().equals(last)) {
                return new Point(point.stream(), i);
            }
        }
        return point;
    }

    /** The steps right before and after a launch that one kernel may do together with it. */
    private static List<Point> together(List<Step> steps, Point point, BiPredicate<Operation, Operation> fuses) {
        List<Point> points = new ArrayList<>();
        for (int i = point.step(); i > 0 && fused(steps, i - 1, fuses); i--) {
            points.add(new Point(point.stream(), i - 1));
        }
        for (int i = point.step(); i + 1 < steps.size() && fused(steps, i, fuses); i++) {
            points.add(new Point(point.stream(), i + 1));
        }
        return points;
    }

    private static boolean fused(List<Step> steps, int first, BiPredicate<Operation, Operation> fuses) {
        return steps.get(first) instanceof Step.Launch a && steps.get(first + 1) instanceof Step.Launch b
                && fuses.test(a.operation(), b.operation());
    }

    /** Everything that a step reads or writes. */
    static List<Tensor> tensors(Step step) {
        List<Tensor> tensors = new ArrayList<>(step.reads());
        tensors.addAll(step.writes());
        return tensors;
    }

    /** What needs memory on a device. Made anew at each call: what a block knows of all streams would add up to gigabytes. */
    List<Block> blocks(int device) {
        return uses.getOrDefault(device, List.of()).stream().map(used -> new Block(used, order, streams.size())).toList();
    }

    /**
     * The most bytes that are in use at one step of the device. No arrangement of memory can do with less, because any two blocks that are
     * live at the same step conflict.
     */
    long peak(int device) {
        List<Block> own = blocks(device);
        long peak = 0;
        for (int stream = 0; stream < streams.size(); stream++) {
            if (streams.get(stream).device() == device) {
                peak = Math.max(peak, peak(own, stream, streams.get(stream).steps().size()));
            }
        }
        return peak;
    }

    private long peak(List<Block> blocks, int stream, int steps) {
        long[] changes = new long[steps + 1]; // of the bytes that are in use, at each step
        for (Block block : blocks) {
            int end = block.wholeRun ? steps : Math.min(steps, block.overAtEnd[stream]);
            int begin = block.firstLive(order, stream, steps);
            if (begin < end) {
                changes[begin] += block.bytes;
                changes[end] -= block.bytes;
            }
        }
        Arrays.parallelPrefix(changes, Long::sum);
        return Arrays.stream(changes).max().orElse(0);
    }
}
