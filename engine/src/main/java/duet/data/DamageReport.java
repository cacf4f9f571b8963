package duet.data;

/** Told once of each file that cannot be read; thread-safe. */
@FunctionalInterface
public interface DamageReport {
    /**
     * Told that a file cannot be read.
     *
     * @param file   the file
     * @param reason in words, such as {@code not a JPEG or PNG image}
     */
    void damaged(String file, String reason);

    /** Stops at the first one (the option {@code --strict}). */
    DamageReport STRICT = (file, reason) -> {
        throw new DataException(file + ": " + reason);
    };
}
