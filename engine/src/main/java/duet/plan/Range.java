package duet.plan;

/**
 * A run of images, channels or rows.
 *
 * @param first its first one
 * @param count how many
 */
public record Range(int first, int count) {
    /** {@return the first one behind it} */
    public int end() {
        return first + count;
    }

    /** What both have; of no count if there is nothing. */
    Range meet(Range other) {
        int from = Math.max(first, other.first);
        return new Range(from, Math.max(0, Math.min(end(), other.end()) - from));
    }
}
