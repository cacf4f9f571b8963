package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCacheTest {
    private static final byte[] CONTENT = content(1);

    @TempDir
    Path folder;

    private static byte[] content(long seed) {
        byte[] bytes = new byte[1 << 20];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static Path unpack(byte[] content, Path folder) throws IOException {
        return LibraryCache.unpack(content, LibraryCache.sha256(content), "lib.so", folder);
    }

    @Test
    void theContentDecidesThePath() throws IOException {
        Path file = unpack(CONTENT, folder);
        assertEquals(folder.resolve(LibraryCache.sha256(CONTENT)).resolve("lib.so"), file);
        assertArrayEquals(CONTENT, Files.readAllBytes(file));
        assertNotEquals(file, unpack(content(2), folder));
        assertArrayEquals(CONTENT, Files.readAllBytes(file));
    }

    @Test
    void aGoodFileIsUsedAgain() throws IOException {
        Path file = unpack(CONTENT, folder);
        FileTime longAgo = FileTime.fromMillis(1_000_000_000_000L);
        Files.setLastModifiedTime(file, longAgo);
        assertEquals(file, unpack(CONTENT, folder));
        assertEquals(longAgo, Files.getLastModifiedTime(file));
    }

    @Test
    void aDamagedFileIsReplaced() throws IOException {
        Path file = unpack(CONTENT, folder);
        byte[] oneBitOff = CONTENT.clone();
        oneBitOff[oneBitOff.length / 2] ^= 1;
        for (byte[] damage : List.of(oneBitOff, new byte[0], "text".getBytes(StandardCharsets.UTF_8))) {
            Files.write(file, damage);
            assertArrayEquals(CONTENT, Files.readAllBytes(unpack(CONTENT, folder)));
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsAnError() throws IOException {
        Path notAFolder = Files.createFile(folder.resolve("file"));
        assertThrows(IOException.class, () -> unpack(CONTENT, notAFolder));
    }

    @Test
    void processesMayUnpackAtOnce() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            processes.add(new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-XX:TieredStopAtLevel=1", "-cp",
                    System.getProperty("java.class.path"), Unpacker.class.getName(), folder.toString()).inheritIO().start());
        }
        for (Process process : processes) {
            assertEquals(0, process.waitFor());
        }
        try (var files = Files.walk(folder)) {
            assertEquals(1, files.filter(Files::isRegularFile).count(), "one library and no temporary file is left");
        }
    }

    /** Unpacks 50 times; each time the file must be whole, whatever the others do. */
    static final class Unpacker {
        public static void main(String[] arguments) throws IOException {
            for (int i = 0; i < 50; i++) {
                Path file = unpack(CONTENT, Path.of(arguments[0]));
                if (!LibraryCache.sha256(Files.readAllBytes(file)).equals(LibraryCache.sha256(CONTENT))) {
                    throw new IOException(file + " is damaged");
                }
            }
        }
    }
}
