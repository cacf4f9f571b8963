package duet.net;

/** How many windows fit: 1 + (size + 2 * padding - window) / stride, rounded down (the usual) or up (the original code of 2012). */
public enum Rounding {
    /** down, the usual */
    FLOOR,
    /** up: the last window may hang over the edge */
    CEIL
}
