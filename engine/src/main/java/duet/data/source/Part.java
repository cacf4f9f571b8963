package duet.data.source;

import java.util.Locale;

/** Which images of a source. */
public enum Part {
    /** Every image there is. */
    ALL,
    /** Those to learn from. */
    TRAINING,
    /** Those to validate with. */
    VALIDATION;

    /** In small letters, as the command line has it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
