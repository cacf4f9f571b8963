package duet.data.shard;

/** Told how a preparation goes; from one thread. */
public interface PreparationListener {
    /** Wants to know nothing and never stops. */
    PreparationListener SILENT = (done, total) -> {};

    /**
     * Told after each few images how far the preparation is.
     *
     * @param done  images that are stored, or left out as damaged, of all those of the source
     * @param total images of the source
     */
    void progress(long done, long total);

    /**
     * Told once, before the first image.
     *
     * @param images of the source
     * @param bytes  about what is still to be written
     */
    default void started(long images, long bytes) {}

    /**
     * Told of something that a person should know: a shard is made anew.
     *
     * @param message a sentence
     */
    default void warning(String message) {}

    /** {@return whether the preparation should stop} Asked often; once true the preparation ends, and another one goes on from there. */
    default boolean stopped() {
        return false;
    }
}
