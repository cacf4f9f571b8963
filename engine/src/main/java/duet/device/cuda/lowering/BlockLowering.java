package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.bindings.cuda.kernels.duet_copy_block;
import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.AddToSlice;
import duet.device.Operation.Gather;
import duet.device.Operation.Slice;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches for ranges along an axis. None needs scratch memory. */
final class BlockLowering {
    private BlockLowering() {}

    /** Bytes that a copy can move at a time. */
    private static final int[] WORDS = {16, 4, 2};

    static List<KernelCall> slice(Site site, Slice o) {
        return Range.of(o.axis(), o.whole(), o.first(), o.part(), 0, o.axis().length(o.part())).flatMap(range -> copy(site, o, range))
                .toList();
    }

    static List<KernelCall> gather(Site site, Gather o) {
        List<KernelCall> launches = new ArrayList<>();
        int first = 0;
        for (Tensor part : o.parts()) {
            int length = o.axis().length(part);
            Range.of(o.axis(), part, 0, o.whole(), first, length).flatMap(range -> copy(site, o, range)).forEach(launches::add);
            first += length;
        }
        return launches;
    }

    /** A range of one tensor goes to a range of another. */
    private record Range(Axis axis, Tensor from, int fromFirst, Tensor to, int toFirst, int length) {
        /** Of filters in groups a range for each group. */
        static Stream<Range> of(Axis axis, Tensor from, int fromFirst, Tensor to, int toFirst, int length) {
            List<Range> ranges = new ArrayList<>();
            int next;
            for (int done = 0; done < length; done += next) {
                next = Math.min(length - done, Math.min(rest(axis, from, fromFirst + done), rest(axis, to, toFirst + done)));
                ranges.add(new Range(axis, from, fromFirst + done, to, toFirst + done, next));
            }
            return ranges.stream();
        }

        /** Filters of a group lie side by side, so that a range of them is a range of columns. */
        private boolean filters() {
            return from.format() == Tensor.Format.FILTER;
        }

        /** How many there are along the axis, of filters in a group. */
        private static int columns(Axis axis, Tensor tensor) {
            return tensor.format() == Tensor.Format.FILTER ? tensor.batch() / tensor.groups() : axis.length(tensor);
        }

        /** How many from one on lie side by side with it. */
        private static int rest(Axis axis, Tensor tensor, int first) {
            return columns(axis, tensor) - first % columns(axis, tensor);
        }

        int fromPitch() {
            return columns(axis, from) * step();
        }

        int toPitch() {
            return columns(axis, to) * step();
        }

        /** Where the first run begins. */
        int fromStart() {
            return start(from, fromFirst);
        }

        int toStart() {
            return start(to, toFirst);
        }

        private int start(Tensor tensor, int first) {
            int column = first % columns(axis, tensor);
            return (first - column) * runs() + column * step();
        }

        /** Neighbours for each step along the axis. */
        int step() {
            return switch (axis) {
                case BATCH -> filters() ? 1 : (int) to.elementsPerImage();
                case CHANNELS -> 1;
                case ROWS -> to.width() * to.channels();
            };
        }

        /** Runs of neighbours. */
        int runs() {
            return switch (axis) {
                case BATCH -> filters() ? (int) to.elementsPerImage() : 1;
                case CHANNELS -> to.batch() * to.height() * to.width();
                case ROWS -> to.batch();
            };
        }

        /** Whether runs are whole vectors, and begin at such, on both sides. */
        boolean divisible(int vector) {
            return IntStream.of(step() * length, fromPitch(), fromStart(), toPitch(), toStart()).allMatch(n -> n % vector == 0);
        }
    }

    /** A copy knows no numbers, but the largest words that fit; only what the host reads is made float. Two planes are two copies. */
    private static Stream<KernelCall> copy(Site site, Operation operation, Range range) {
        Stored from = site.layout().stored(range.from());
        Stored to = site.layout().stored(range.to());
        if (from == Stored.BF16 && to == Stored.PLAIN) {
            return Stream.of(block(site, operation, "copy_block_from_bf16", range, 1));
        }
        if (from == Stored.PLANES && to == Stored.PLANES) {
            KernelCall lower = words(site, operation, range, Numbers.BF16.bytes());
            duet_copy_block.from(lower.arguments(), address(site, range.from()) + Stored.lowerPlane(range.from().elements()));
            duet_copy_block.to(lower.arguments(), address(site, range.to()) + Stored.lowerPlane(range.to().elements()));
            return Stream.of(words(site, operation, range, Numbers.BF16.bytes()), lower);
        }
        return Stream.of(words(site, operation, range, Numbers.of(site, operation, range.from(), range.to()).bytes()));
    }

    /** @param size of a number, in bytes */
    private static KernelCall words(Site site, Operation operation, Range range, int size) {
        int vector = IntStream.of(WORDS).map(bytes -> bytes / size).filter(range::divisible).findFirst().orElseThrow();
        return block(site, operation, "copy_block_" + vector * size, range, vector);
    }

    static List<KernelCall> add(Site site, AddToSlice o) {
        Range range = new Range(o.axis(), o.part(), 0, o.whole(), o.first(), o.axis().length(o.part()));
        Numbers numbers = Numbers.of(site, o, o.part(), o.whole());
        int vector = range.divisible(numbers.vector()) ? numbers.vector() : 1;
        return List.of(block(site, o, numbers.kernel("add_block", vector), range, vector));
    }

    private static KernelCall block(Site site, Operation operation, String kernel, Range range, int vector) {
        count(operation, range.from(), 1);
        count(operation, range.to(), 1);
        int step = range.step();
        int width = range.length() * step / vector;
        MemorySegment p = duet_copy_block.allocate(site.arena());
        p.fill((byte) 0);
        duet_copy_block.from(p, address(site, range.from()));
        duet_copy_block.to(p, address(site, range.to()));
        duet_copy_block.count(p, range.runs() * width);
        duet_copy_block.from_pitch(p, range.fromPitch() / vector);
        duet_copy_block.from_first(p, range.fromStart() / vector);
        duet_copy_block.to_pitch(p, range.toPitch() / vector);
        duet_copy_block.to_first(p, range.toStart() / vector);
        divisor(duet_copy_block.width(p), width);
        return each(kernel, range.runs() * width, p);
    }
}
