package duet.net;

import java.nio.file.Path;

/** Networks as JSON. */
public final class NetworkJson {
    private NetworkJson() {}

    public static Network read(Path file) {
        throw new IllegalStateException("replaced by the net package");
    }

    /** @param origin what messages call the text, such as a file name */
    public static Network parse(String json, String origin) {
        throw new IllegalStateException("replaced by the net package");
    }

    /** Indented; parse gives an equal network. */
    public static String write(Network network) {
        throw new IllegalStateException("replaced by the net package");
    }
}
