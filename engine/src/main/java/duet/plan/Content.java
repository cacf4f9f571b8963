package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.device.Axis;
import duet.device.Tensor;
import duet.device.Tensor.Format;

/**
 * What a tensor holds: which part of what. Of a parameter the outputs take the place of images, or of channels if it is a bias, as they do
 * in its tensor.
 *
 * @param images   of the batch, in the order in which they lie in the tensor
 * @param channels of the layer, likewise
 * @param bands    rows of the layer, likewise: what they are
 * @param width    columns; they are never cut
 */
record Content(List<Range> images, List<Range> channels, List<Band> bands, int width) {
    /** Rows of one kind. */
    record Band(Range rows, Term term) {}

    /** Joins runs that follow each other. */
    Content {
        images = joined(images);
        channels = joined(channels);
        bands = bands.size() == 1 ? List.copyOf(bands) : merged(bands); // nearly always: a check makes many contents
    }

    private static List<Band> merged(List<Band> bands) {
        List<Band> merged = new ArrayList<>();
        for (Band band : bands) {
            Band last = merged.isEmpty() ? null : merged.getLast();
            if (last != null && last.rows().end() == band.rows().first() && last.term().equals(band.term())) {
                merged.set(merged.size() - 1, new Band(new Range(last.rows().first(), last.rows().count() + band.rows().count()),
                        band.term()));
            } else {
                merged.add(band);
            }
        }
        return List.copyOf(merged);
    }

    static Content of(Range images, Range channels, Range rows, int width, Term term) {
        return new Content(List.of(images), List.of(channels), List.of(new Band(rows, term)), width);
    }

    /** All of a tensor: its own sizes. */
    static Content of(Tensor tensor, int firstImage, int firstChannel, Term term) {
        return of(new Range(firstImage, tensor.batch()), new Range(firstChannel, tensor.channels()), new Range(0, tensor.height()),
                tensor.width(), term);
    }

    /** A part of a parameter or of its momentum. */
    static Content of(Plan.Part part, Term term) {
        Tensor tensor = part.tensor();
        return tensor.format() == Format.VECTOR ? of(tensor, 0, part.firstOutput(), term)
                : of(tensor, part.firstOutput(), part.firstInput(), term);
    }

    /** Runs that follow each other as one. */
    static List<Range> joined(List<Range> ranges) {
        if (ranges.size() == 1) {
            return List.copyOf(ranges);
        }
        List<Range> merged = new ArrayList<>();
        for (Range range : ranges) {
            if (!merged.isEmpty() && merged.getLast().end() == range.first()) {
                merged.set(merged.size() - 1, new Range(merged.getLast().first(), merged.getLast().count() + range.count()));
            } else {
                merged.add(range);
            }
        }
        return List.copyOf(merged);
    }

    /** Null if the rows are not all the same. */
    Term term() {
        Term first = bands.getFirst().term();
        return bands.size() == 1 || bands.stream().allMatch(band -> band.term().equals(first)) ? first : null;
    }

    List<Range> rows() {
        return bands.size() == 1 ? List.of(bands.getFirst().rows()) : joined(bands.stream().map(Band::rows).toList());
    }

    private List<Range> along(Axis axis) {
        return switch (axis) {
            case BATCH -> images;
            case CHANNELS -> channels;
            case ROWS -> rows();
        };
    }

    private Content with(Axis axis, List<Range> ranges) {
        return new Content(axis == Axis.BATCH ? ranges : images, axis == Axis.CHANNELS ? ranges : channels, bands, width);
    }

    private static int count(List<Range> ranges) {
        int count = 0;
        for (Range range : ranges) {
            count += range.count();
        }
        return count;
    }

    boolean fits(Tensor tensor) {
        return count(images) == tensor.batch() && count(channels) == tensor.channels() && count(rows()) == tensor.height()
                && width == tensor.width();
    }

    /** The same part of something else. */
    Content with(Term term) {
        return new Content(images, channels, rows().stream().map(rows -> new Band(rows, term)).toList(), width);
    }

    /** The same part of the same thing, but what are taken for its channels. */
    Content withChannels(List<Range> ranges, Term term) {
        return with(Axis.CHANNELS, ranges).with(term);
    }

    boolean sameRegion(Content other) {
        return images.equals(other.images) && channels.equals(other.channels) && rows().equals(other.rows()) && width == other.width;
    }

    /** Some of what lies in the tensor; null if it has not so many. */
    Content cut(Axis axis, int first, int count) {
        if (first < 0 || first + count > count(along(axis))) {
            return null;
        }
        Range wanted = new Range(first, count);
        if (axis != Axis.ROWS) {
            return with(axis, cut(along(axis), wanted));
        }
        List<Band> kept = new ArrayList<>();
        int offset = 0;
        for (Band band : bands) {
            for (Range range : cut(List.of(band.rows()), new Range(first - offset, count))) {
                kept.add(new Band(range, band.term()));
            }
            offset += band.rows().count();
        }
        return new Content(images, channels, kept, width);
    }

    /** @param wanted of places in the tensor */
    private static List<Range> cut(List<Range> ranges, Range wanted) {
        List<Range> kept = new ArrayList<>();
        int offset = 0;
        for (Range range : ranges) {
            Range both = new Range(offset, range.count()).meet(wanted);
            if (both.count() > 0) {
                kept.add(new Range(range.first() + both.first() - offset, both.count()));
            }
            offset += range.count();
        }
        return kept;
    }

    /** Both side by side; null if they are not parts of one thing that differ along this axis alone. */
    Content joined(Axis axis, Content next) {
        if (axis == Axis.ROWS) {
            return !images.equals(next.images) || !channels.equals(next.channels) || width != next.width ? null
                    : new Content(images, channels, Stream.concat(bands.stream(), next.bands.stream()).toList(), width);
        }
        Content other = next.with(axis, along(axis));
        return other.equals(this) ? with(axis, Stream.concat(along(axis).stream(), next.along(axis).stream()).toList()) : null;
    }

    /** The sums, row by row, of two that are parts of the same region; this is the left one. */
    Content plus(Content right, BinaryOperator<Term> add) {
        List<Band> sums = new ArrayList<>();
        for (Band band : bands) {
            for (Band other : right.bands) {
                Range both = band.rows().meet(other.rows());
                if (both.count() > 0) {
                    sums.add(new Band(both, add.apply(band.term(), other.term())));
                }
            }
        }
        return new Content(images, channels, sums, width);
    }

    /** Such as {@code images 0 to 63, channels 0 to 47, rows 0 to 13}. */
    String region() {
        return words("image", images) + ", " + words("channel", channels) + ", " + words("row", rows());
    }

    /** The region of a parameter; a bias has one row of outputs, a weight outputs in the images' place. */
    String share() {
        return images.equals(List.of(new Range(0, 1))) && rows().equals(images) && width == 1 ? words("output", channels)
                : words("output", images) + ", " + words("input", channels);
    }

    static String words(String what, List<Range> ranges) {
        return what + (count(ranges) == 1 ? " " : "s ") + ranges.stream()
                .map(range -> range.count() == 1 ? String.valueOf(range.first()) : range.count() == 0 ? "none"
                        : range.first() + " to " + (range.end() - 1))
                .collect(Collectors.joining(" and "));
    }
}
