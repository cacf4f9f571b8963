package duet.cli.output;

import java.nio.file.Path;

/** Commands that people copy into a shell. */
public final class Shell {
    private Shell() {}

    /** A path as one word: in quotes where it needs them. */
    public static String word(Path path) {
        String text = path.toString();
        return text.matches("[A-Za-z0-9._/@:+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
