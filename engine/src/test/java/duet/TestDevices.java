package duet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import duet.device.VirtualGpu;

/**
 * The devices that the tests of the CUDA backend use: virtual ones, or with -Dduet.test.devices=cuda:0 or cuda:0,cuda:1 real cards. What
 * only the virtual GPU can do (orders, checks, counters) does nothing on a card.
 */
public final class TestDevices {
    /** Settings, findings and counters of the virtual GPU are the process's: classes of tests that use it take this lock (ResourceLock). */
    public static final String LOCK = "virtual GPU";

    private static final String[] NAMES = System.getProperty("duet.test.devices", "virtual:0,virtual:1").strip().split("\\s*,\\s*");

    private TestDevices() {}

    public static boolean virtual() {
        return NAMES[0].startsWith("virtual");
    }

    /** One device, such as {@code cuda:0}. */
    public static String one() {
        return NAMES[0];
    }

    /** Two devices: on a card each where two are named, else both on the same one. */
    public static String two() {
        return one() + "," + NAMES[NAMES.length - 1];
    }

    /** See {@link VirtualGpu#configure}. */
    public static void configure(String settings) {
        if (virtual()) {
            VirtualGpu.configure(settings);
        }
    }

    /** Forgets findings, counters and calls. */
    public static void reset() {
        if (virtual()) {
            VirtualGpu.reset();
        }
    }

    /** Throws if the virtual GPU has found fault with what has run. */
    public static void requireClean(String message) {
        if (virtual()) {
            assertEquals("", VirtualGpu.findings(), message);
        }
    }
}
