package duet.data.source;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/** Which files of a folder are taken for images: those with the ending of a format that can be read. */
final class ImageNames {
    /** For messages. */
    static final String KNOWN = ".jpg, .png, .gif, .bmp, .ppm";

    private static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "ppm",
            "pgm",
            "pbm", "pnm");

    private ImageNames() {}

    /** A broken link counts: it is reported as damaged when it is read. A pipe or a folder with such a name does not. */
    static boolean isImage(Path file) {
        return ENDINGS.contains(ending(file))
                && (Files.isRegularFile(file) || !Files.exists(file) && Files.exists(file, LinkOption.NOFOLLOW_LINKS));
    }

    /** In small letters, without the dot; empty if there is none. */
    static String ending(Path file) {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
    }
}
