package duet.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

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
        final int device;
        final long bytes;
        /** The host writes it before the run or reads it after the run. */
        final boolean wholeRun;
        /** For each stream the places of the first and last step there that uses the block. */
        private final int[] first;
        private final int[] last;
        /** For each stream how many of its steps are over before any step that uses the block, and before the latest such step. */
        private final int[] overBefore;
        private final int[] overAtEnd;

        private Block(Tensor tensor, Point step, int device, long bytes, boolean wholeRun, int streams) {
            this.tensor = tensor;
            this.step = step;
            this.device = device;
            this.bytes = Region.align(bytes);
            this.wholeRun = wholeRun;
            first = filled(streams, Integer.MAX_VALUE);
            last = filled(streams, -1);
            overBefore = filled(streams, Integer.MAX_VALUE);
            overAtEnd = filled(streams, 0);
        }

        private static int[] filled(int length, int value) {
            int[] array = new int[length];
            Arrays.fill(array, value);
            return array;
        }

        /** How many steps of all streams are certainly over before the first use: a rough order in time. */
        int begin() {
            return sum(overBefore);
        }

        /** How many steps of all streams are certainly over after the last use. */
        int end() {
            return sum(overAtEnd);
        }

        private static int sum(int[] counts) { // a stream would take longer than its sum, and orders ask often
            int sum = 0;
            for (int count : counts) {
                sum += count;
            }
            return sum;
        }

        private void use(Point point, int[] clock) {
            first[point.stream()] = Math.min(first[point.stream()], point.step());
            last[point.stream()] = Math.max(last[point.stream()], point.step());
            for (int stream = 0; stream < clock.length; stream++) {
                overBefore[stream] = Math.min(overBefore[stream], stream == point.stream() ? point.step() : clock[stream]);
                overAtEnd[stream] = Math.max(overAtEnd[stream], clock[stream]);
            }
        }

        /** Whether every use of this block is over before any use of the other begins. */
        private boolean before(Block other) {
            for (int stream = 0; stream < last.length; stream++) {
                if (last[stream] >= other.overBefore[stream]) {
                    return false;
                }
            }
            return true;
        }

        /** Whether the two may never lie in the same memory. */
        boolean conflicts(Block other) {
            return wholeRun || other.wholeRun || !(before(other) || other.before(this));
        }

        /** Whether some use is not after a step with this clock. Clocks grow along a stream, so it stays so. */
        private boolean begun(int[] clock) {
            for (int stream = 0; stream < clock.length; stream++) {
                if (first[stream] < clock[stream]) {
                    return true;
                }
            }
            return wholeRun;
        }

        /** The first step of a stream that is not before all uses. From there on to {@link #overAtEnd} the block holds data. */
        private int firstLive(int[][] clocks) {
            int before = 0;
            int end = clocks.length;
            while (before < end) {
                int middle = (before + end) >>> 1;
                if (begun(clocks[middle])) {
                    end = middle;
                } else {
                    before = middle + 1;
                }
            }
            return before;
        }
    }

    private final List<StreamSteps> streams;
    private final HappensBefore order;
    private final List<Block> blocks;

    private Liveness(List<StreamSteps> streams, HappensBefore order, List<Block> blocks) {
        this.streams = streams;
        this.order = order;
        this.blocks = blocks;
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
        Map<Tensor, Block> tensors = new LinkedHashMap<>();
        List<Block> scratch = new ArrayList<>();
        for (int stream = 0; stream < streams.size(); stream++) {
            List<Step> steps = streams.get(stream).steps();
            for (int i = 0; i < steps.size(); i++) {
                Point point = new Point(stream, i);
                for (Tensor tensor : tensors(steps.get(i))) {
                    if (!tensor.role().persistent()) {
                        Block block = tensors.computeIfAbsent(tensor, t -> new Block(t, null, t.device(), bytes.applyAsLong(t),
                                !t.role().passing(), streams.size()));
                        block.use(point, order.clock(point));
                        for (Point other : together(steps, point, fuses)) {
                            block.use(other, order.clock(other));
                        }
                    }
                }
                long workspace = workspaces.applyAsLong(point);
                if (workspace > 0) {
                    Block block = new Block(null, point, streams.get(stream).device(), workspace, false, streams.size());
                    block.use(point, order.clock(point));
                    Point end = heldUntil(steps, point, holds);
                    block.use(end, order.clock(end));
                    scratch.add(block);
                }
            }
        }
        List<Block> blocks = new ArrayList<>(tensors.values());
        blocks.addAll(scratch);
        return new Liveness(streams, order, List.copyOf(blocks));
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
        return Stream.concat(step.reads().stream(), step.writes().stream()).toList();
    }

    List<Block> blocks(int device) {
        return blocks.stream().filter(block -> block.device == device).toList();
    }

    /**
     * The most bytes that are in use at one step. No arrangement of memory can do with less, because any two blocks that are live
     * at the same step conflict.
     */
    long peak(int device) {
        List<Block> own = blocks(device);
        long peak = 0;
        for (int stream = 0; stream < streams.size(); stream++) {
            int[][] clocks = order.clocks(stream);
            long[] changes = new long[clocks.length + 1]; // of the bytes that are in use, at each step
            for (Block block : own) {
                int end = block.wholeRun ? clocks.length : Math.min(clocks.length, block.overAtEnd[stream]);
                int begin = block.firstLive(clocks);
                if (begin < end) {
                    changes[begin] += block.bytes;
                    changes[end] -= block.bytes;
                }
            }
            Arrays.parallelPrefix(changes, Long::sum);
            peak = Math.max(peak, Arrays.stream(changes).max().orElse(0));
        }
        return peak;
    }
}
