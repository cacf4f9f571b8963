package duet.bindings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Libraries unpacked from the jar: FOLDER/SHA-256/NAME. The content decides the path, so that versions never overwrite each other, and a
 * file appears whole by renaming, so that any number of processes may unpack at once.
 */
final class LibraryCache {
    private LibraryCache() {}

    /**
     * The file with this content, written if it is absent or damaged.
     *
     * @param digest {@link #sha256} of the content
     */
    static Path unpack(byte[] content, String digest, String name, Path folder) throws IOException {
        Path file = folder.resolve(digest).resolve(name);
        if (holds(file, content)) {
            return file;
        }
        Files.createDirectories(file.getParent());
        Path temporary = Files.createTempFile(file.getParent(), name, ".tmp");
        try {
            Files.write(temporary, content);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
        return file;
    }

    private static boolean holds(Path file, byte[] content) throws IOException {
        return Files.isRegularFile(file) && Files.size(file) == content.length && Arrays.equals(content, Files.readAllBytes(file));
    }

    static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java platform has it
        }
    }
}
