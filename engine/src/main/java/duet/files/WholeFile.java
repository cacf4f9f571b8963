package duet.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that are either there in full or not at all, whenever the process is killed, the disk is full or the power fails: written under a
 * temporary name in the same folder, synced, renamed, and the folder synced. Everything that Duet writes as a whole goes through here.
 */
public final class WholeFile {
    /** Temporary files are hidden and end like this. */
    public static final String TEMPORARY = ".tmp";

    private WholeFile() {}

    /** Writes what the file is to hold. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes the whole content. A channel takes as many bytes as the disk has room for, not always all: see {@link WholeFile#fully}.
         *
         * @param channel of the empty temporary file
         * @throws IOException if it cannot be written; then the file stays as it was
         */
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Writes or replaces a file.
     *
     * @param file    to be written; its folder must be there
     * @param content all of it
     * @throws FileException with the path and the reason; then nothing has changed, unless it says that the file is written
     */
    public static void write(Path file, byte[] content) {
        write(file, channel -> fully(channel, ByteBuffer.wrap(content)));
    }

    /**
     * Writes or replaces a file whose content is made while it is written.
     *
     * @param file    to be written; its folder must be there
     * @param content writes it
     * @throws FileException with the path and the reason; then nothing has changed, unless it says that the file is written
     */
    public static void write(Path file, Content content) {
        Path target = file.toAbsolutePath();
        Path temporary = target.resolveSibling("." + target.getFileName() + "." + ProcessHandle.current().pid() + TEMPORARY);
        try {
            try (FileChannel channel = FileChannel.open(
                    temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            remove(temporary, e);
            throw new FileException(file + ": cannot be written: " + Reasons.of(e), e);
        } catch (RuntimeException | Error e) {
            remove(temporary, e);
            throw e;
        }
        try {
            syncFolder(target.getParent());
        } catch (IOException e) {
            throw new FileException(file + ": is written, but its folder cannot be synced, so that it may be gone if the power fails: "
                    + Reasons.of(e), e);
        }
    }

    /**
     * Writes all of a buffer: a nearly full file system takes a part and reports no error until it is asked for the rest.
     *
     * @param channel blocking
     * @param buffer  what remains of it is written
     * @throws IOException if not all of it can be written
     */
    public static void fully(WritableByteChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void remove(Path temporary, Throwable cause) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
