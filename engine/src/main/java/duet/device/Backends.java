package duet.device;

/** Opens what the option {@code --devices} names. */
public final class Backends {
    private Backends() {}

    /** Opens what suits this machine and {@code count} devices best; the description says which and why. */
    public static Backend openDefault(int count) {
        throw new IllegalStateException("replaced by the device package");
    }

    /**
     * @param names   such as {@code cpu} or {@code cpu,cpu}
     * @param threads threads in all, shared out among CPU devices; 0 for one for each core
     */
    public static Backend open(String names, int threads) {
        throw new IllegalStateException("replaced by the device package");
    }
}
