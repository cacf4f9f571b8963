package duet.device;

import java.util.Map;

/**
 * Where a tensor lies: an offset in one of the two areas that each device has. Offsets are multiples of {@link #ALIGNMENT}.
 *
 * @param area   which of the two
 * @param offset from the area's first byte
 * @param bytes  in the backend's layout
 */
public record Region(Area area, long offset, long bytes) {
    public static final long ALIGNMENT = 256;

    /** The two areas of a device's memory. */
    public enum Area {
        /** parameters, momentum and constants: shared by all programs of a network */
        PERSISTENT,
        /** everything else; its content does not outlive a run */
        TRANSIENT
    }

    /** {@return the offset of the first byte behind the region} */
    public long end() {
        return offset + bytes;
    }

    /**
     * {@return whether the two have a byte in common, on the same device}
     *
     * @param other a region of the same device
     */
    public boolean overlaps(Region other) {
        return area == other.area && offset < other.end() && other.offset < end();
    }

    /**
     * {@return the region of a tensor}
     *
     * @param tensor  to be found
     * @param regions of a program
     * @param bytes   that it needs at least
     * @throws IllegalArgumentException if there is none that large
     */
    public static Region of(Tensor tensor, Map<Tensor, Region> regions, long bytes) {
        Region region = regions.get(tensor);
        if (region == null) {
            throw new IllegalArgumentException(tensor + " is not part of this program");
        }
        if (region.bytes < bytes) {
            throw new IllegalArgumentException(tensor + " needs " + bytes + " bytes, its region has " + region.bytes);
        }
        return region;
    }

    /**
     * Throws an {@link IllegalArgumentException} if it ends outside of a device's memory.
     *
     * @param storage the memory
     * @param device  index of the device
     */
    public void requireWithin(Storage storage, int device) {
        if (end() > storage.bytes(device)) {
            throw new IllegalArgumentException("a region that ends at " + end() + " lies outside the " + storage.bytes(device)
                    + " bytes of device " + device);
        }
    }

    /**
     * {@return a number of bytes rounded up to {@link #ALIGNMENT}}
     *
     * @param bytes not negative
     */
    public static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
