package duet.data.pixels;

/** How light a colour is. */
public final class Luma {
    private Luma() {}

    /** Luma of ITU-R BT.601, as in JPEG. */
    public static int of(int red, int green, int blue) {
        return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
    }
}
