package duet.device;

/** Where a tensor lies: an offset in one of the two areas that each device has. Offsets are multiples of {@link #ALIGNMENT}. */
public record Region(Area area, long offset, long bytes) {
    public static final long ALIGNMENT = 256;

    /** The two areas of a device's memory. */
    public enum Area {
        /** parameters, momentum and constants: shared by all programs of a network */
        PERSISTENT,
        /** everything else; its content does not outlive a run */
        TRANSIENT
    }

    public long end() {
        return offset + bytes;
    }

    public boolean overlaps(Region other) {
        return area == other.area && offset < other.end() && other.offset < end();
    }

    /** Rounds up to {@link #ALIGNMENT}. */
    public static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
