package duet.plan;

import java.util.List;

import duet.net.Window;

/**
 * Which rows of a map windows see.
 *
 * @param height       rows of the whole input
 * @param outputHeight rows of the whole output
 */
record WindowRows(Window window, int height, int outputHeight) {
    /** The rows that an operation makes of the rows that it sees. */
    Range made(Range seen, int paddingTop, int count) {
        int start = seen.first() + window.padding() - paddingTop;
        Contents.check(start % window.stride() == 0, () -> "has " + paddingTop + " rows of padding above row " + seen.first()
                + ", where no window begins");
        Range made = new Range(start / window.stride(), count);
        check(seen, made);
        return made;
    }

    /** The rows whose gradient an operation computes from that of the rows that were made of them. */
    Range seen(Range made, int paddingTop, int count) {
        Range seen = new Range(made.first() * window.stride() + paddingTop - window.padding(), count);
        check(seen, made);
        return seen;
    }

    private void check(Range seen, Range made) {
        Contents.check(seen.first() >= 0 && seen.end() <= height, () -> "sees " + words(seen) + " of " + height);
        Contents.check(made.first() >= 0 && made.end() <= outputHeight, () -> "makes " + words(made) + " of " + outputHeight);
        int first = Math.max(0, made.first() * window.stride() - window.padding());
        int end = Math.min(height, (made.end() - 1) * window.stride() - window.padding() + window.size());
        Contents.check(first >= seen.first() && end <= seen.end(), () -> "sees " + words(seen) + " of its input, but its windows need "
                + (first < seen.first() && end > seen.end() ? words(new Range(first, end - first))
                        : first < seen.first() ? words(new Range(first, Math.min(end, seen.first()) - first))
                        : words(new Range(Math.max(first, seen.end()), end - Math.max(first, seen.end()))))
                + " for " + words(made) + " of its output");
    }

    /** The rows of the output whose windows see a row. */
    Range over(int row) {
        int first = Math.max(0, Math.floorDiv(row + window.padding() - window.size(), window.stride()) + 1);
        int last = Math.min(outputHeight - 1, Math.floorDiv(row + window.padding(), window.stride()));
        return new Range(first, Math.max(0, last + 1 - first));
    }

    private static String words(Range rows) {
        return Content.words("row", List.of(rows));
    }
}
