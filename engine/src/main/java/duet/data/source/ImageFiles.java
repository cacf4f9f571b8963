package duet.data.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.data.DataException;
import duet.files.Reasons;

/** Image files in a folder, whatever they show. */
public final class ImageFiles {
    private ImageFiles() {}

    /**
     * {@return the files that end like images (.jpg, .jpeg, .png, .gif, .bmp), in the folder and in those below it, sorted by path} Links
     * are followed; what is hidden is passed over.
     *
     * @param folder to look into
     * @throws DataException if there are none, or a folder cannot be read
     */
    public static List<Path> below(Path folder) {
        List<Path> files;
        try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            files = all.filter(ImageFiles::isImage).filter(file -> !hidden(folder, file)).sorted().toList();
        } catch (IOException e) {
            throw unreadable(folder, e);
        } catch (UncheckedIOException e) {
            throw unreadable(folder, e.getCause());
        }
        if (files.isEmpty()) {
            throw new DataException(folder + ": a folder without images (" + ImageNames.KNOWN + "); name another, or image files");
        }
        return files;
    }

    /**
     * {@return whether there is a file that ends like an image}
     *
     * @param file any path
     */
    public static boolean isImage(Path file) {
        return file.getFileName() != null && ImageNames.isImage(file);
    }

    private static DataException unreadable(Path folder, IOException e) {
        return new DataException("the folder " + folder + " cannot be read: " + Reasons.of(e), e);
    }

    private static boolean hidden(Path folder, Path file) {
        for (Path name : folder.relativize(file)) {
            if (name.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }
}
