package duet.pictures;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

import duet.files.Reasons;
import duet.files.WholeFile;
import duet.train.schedule.TrainingException;

/** Pictures as PNG: bytes, and files. */
public final class Pictures {
    private Pictures() {}

    /**
     * {@return a picture as the bytes of a PNG file}
     *
     * @param picture any
     * @throws IOException if this Java has no writer for them
     */
    public static byte[] png(BufferedImage picture) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            if (!ImageIO.write(picture, "png", stream)) {
                throw new IOException("this Java cannot write PNG images");
            }
        }
        return bytes.toByteArray();
    }

    /** Into a folder, which is made if need be. */
    static Path write(Path folder, String name, BufferedImage picture) {
        Path file = folder.resolve(name);
        writeTo(file, picture);
        return file;
    }

    /** Folders on the way are made. What goes wrong is a {@link TrainingException} that names the file. */
    static void writeTo(Path file, BufferedImage picture) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            write(file, picture);
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be written: " + Reasons.of(e), e);
        }
    }

    static void write(Path file, BufferedImage picture) throws IOException {
        WholeFile.write(file, png(picture));
    }
}
