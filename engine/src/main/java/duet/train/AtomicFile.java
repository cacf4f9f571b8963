package duet.train;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that are either there in full or not at all, whenever the process is killed or the power fails: written under a temporary
 * name in the same folder, synced, renamed, and the folder synced.
 */
final class AtomicFile {
    /** Temporary files are hidden and end like this. */
    static final String TEMPORARY = ".tmp";

    private AtomicFile() {}

    @FunctionalInterface
    interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /** Throws {@link TrainingException} with the path and the reason; then nothing has changed. */
    static void write(Path file, Content content) {
        Path target = file.toAbsolutePath();
        Path temporary = target.resolveSibling("." + target.getFileName() + "." + ProcessHandle.current().pid() + TEMPORARY);
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            syncFolder(target.getParent());
        } catch (IOException e) {
            remove(temporary, e);
            throw new TrainingException(file + ": cannot be written: " + reason(e), e);
        } catch (RuntimeException | Error e) {
            remove(temporary, e);
            throw e;
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

    /** Why a file operation failed, in words, without the path. */
    static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> "permission denied";
            case NoSuchFileException missing -> "no such file or folder";
            case NotDirectoryException file -> "not a folder";
            case FileSystemException other when other.getReason() != null -> lower(other.getReason());
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : lower(e.getMessage());
        };
    }

    private static String lower(String text) {
        return text.isEmpty() ? text : Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
