package duet.data.source;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import duet.data.DataException;

/** Image files in a folder, whatever they show. */
public final class ImageFiles {
    /** For messages. */
    static final String KNOWN = ".jpg, .png, .gif, .bmp, .ppm";

    private static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "ppm", "pgm",
            "pbm", "pnm");

    private ImageFiles() {}

    /**
     * {@return the files that end like images (.jpg, .png, .gif, .bmp, .ppm), in the folder and in those below it, sorted by path} Links
     * are followed; what is hidden is passed over.
     *
     * @param folder to look into
     * @throws DataException if there are none, or a folder cannot be read
     */
    public static List<Path> below(Path folder) {
        List<Path> files = ClassFiles.of(folder).images().stream().sorted().toList();
        if (files.isEmpty()) {
            throw new DataException(folder + ": a folder without images (" + KNOWN + "); name another, or image files");
        }
        return files;
    }

    /**
     * {@return whether there is a file that ends like an image} A broken link counts: it is reported as damaged when it is read. A pipe or
     * a folder with such a name does not.
     *
     * @param file any path
     */
    public static boolean isImage(Path file) {
        return file.getFileName() != null && ENDINGS.contains(ending(file))
                && (Files.isRegularFile(file) || !Files.exists(file) && Files.exists(file, LinkOption.NOFOLLOW_LINKS));
    }

    /** In small letters, without the dot; empty if there is none. */
    static String ending(Path file) {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
    }
}
