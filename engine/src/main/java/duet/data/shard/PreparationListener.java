package duet.data.shard;

/** Told how a preparation goes; from one thread. */
public interface PreparationListener {
    PreparationListener SILENT = (done, total) -> {};

    /** @param done images that are stored, or left out as damaged, of all those of the source */
    void progress(long done, long total);

    /** @param bytes about what is still to be written */
    default void started(long images, long bytes) {}

    /** A shard is made anew. */
    default void warning(String message) {}

    /** Asked often; once true the preparation ends, and another one goes on from there. */
    default boolean stopped() {
        return false;
    }
}
