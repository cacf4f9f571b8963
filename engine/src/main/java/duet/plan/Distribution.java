package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.net.Shape;

/**
 * How what a layer makes lies on the {@link Placement#lanes lanes}: whole on each, or each has some images, channels or rows of it.
 *
 * @param axis  along which it is cut; null where each lane has the whole
 * @param parts for each lane the runs that it has, in the order in which they lie in its tensor; empty where each has the whole. Of
 *              what a layer makes they are disjoint and together the whole; what it takes may overlap, such as rows that two windows see
 */
public record Distribution(Axis axis, List<List<Range>> parts) {
    /** Each lane has all of it. */
    public static final Distribution WHOLE = new Distribution(null, List.of());

    /** Copies the lists. */
    public Distribution {
        parts = parts.stream().map(List::copyOf).toList();
    }

    /** Each lane has one run. */
    static Distribution of(Axis axis, List<Range> ranges) {
        return new Distribution(axis, ranges.stream().map(List::of).toList());
    }

    /** Each lane has one run, as long as the others' or longer by one: the first lanes have the longer ones. */
    static Distribution even(Axis axis, int length, int lanes) {
        List<Range> ranges = new ArrayList<>();
        int first = 0;
        for (int lane = 0; lane < lanes; lane++) {
            int count = length / lanes + (lane < length % lanes ? 1 : 0);
            ranges.add(new Range(first, count));
            first += count;
        }
        return of(axis, ranges);
    }

    /**
     * Images of which each lane has its share in each of several rounds: in a round, which is a run of images, each has one run, as long as
     * the others'. So a round takes as many images from each lane, and what is made of them together is about a run.
     */
    static Distribution rounds(int batch, int lanes, int rounds) {
        int count = batch / rounds / lanes;
        return new Distribution(Axis.BATCH, IntStream.range(0, lanes).mapToObj(lane -> IntStream.range(0, rounds)
                .mapToObj(round -> new Range((round * lanes + lane) * count, count)).toList()).toList());
    }

    /** Of images in {@link #rounds}: how those of a round lie, counted from its first one on. */
    Distribution ofRound() {
        if (!along(Axis.BATCH)) {
            throw new IllegalStateException(this + " is not by images");
        }
        return new Distribution(axis, parts.stream().map(runs -> List.of(runs.getFirst())).toList());
    }

    /** How many there are along an axis. */
    static int length(Axis axis, int batch, Shape shape) {
        return switch (axis) {
            case BATCH -> batch;
            case CHANNELS -> shape.channels();
            case ROWS -> shape.height();
        };
    }

    /** {@return whether each lane has all of it} */
    public boolean whole() {
        return axis == null;
    }

    /** {@return whether it is cut along this axis} */
    boolean along(Axis other) {
        return axis == other;
    }

    /** What a lane has, of a length along an axis: all of it unless it is cut along this one. */
    List<Range> ranges(Axis along, int lane, int length) {
        return axis == along ? parts.get(lane) : List.of(new Range(0, length));
    }

    /** Where what a lane has begins; 0 unless it is cut along this axis. Each lane has one run. */
    int first(Axis along, int lane) {
        return axis == along ? range(lane).first() : 0;
    }

    /** How many a lane has of a length along an axis. */
    int count(Axis along, int lane, int length) {
        return ranges(along, lane, length).stream().mapToInt(Range::count).sum();
    }

    /** The only run of a lane. */
    Range range(int lane) {
        List<Range> ranges = parts.get(lane);
        if (ranges.size() != 1) {
            throw new IllegalStateException("lane " + lane + " has " + ranges.size() + " runs, not one");
        }
        return ranges.getFirst();
    }

    /** Whether each lane has one run. */
    boolean runs() {
        return parts.stream().allMatch(ranges -> ranges.size() == 1);
    }

    /** Whether no two lanes have the same. */
    boolean disjoint() {
        List<Range> all = parts.stream().flatMap(List::stream).toList();
        return IntStream.range(0, all.size())
                .allMatch(i -> IntStream.range(0, i).allMatch(j -> all.get(i).meet(all.get(j)).count() == 0));
    }

    /** What a lane has of one image. */
    Shape shape(int lane, Shape whole) {
        return new Shape(count(Axis.CHANNELS, lane, whole.channels()), count(Axis.ROWS, lane, whole.height()), whole.width());
    }
}
