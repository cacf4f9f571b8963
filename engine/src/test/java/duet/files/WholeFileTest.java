package duet.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file is there in full or not at all. */
class WholeFileTest {
    private static final int PAGE = 4096;

    @TempDir
    private Path folder;

    /** A file system with room for a part of what is written takes the part and reports no error. */
    @Test
    void aNearlyFullDiskCutsNothing() throws Exception {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString()).start();
        assumeTrue(mount.waitFor() == 0, "mounting a small file system needs root");
        try {
            Path file = disk.resolve("a.bin");
            byte[] good = content(3 * PAGE);
            WholeFile.write(file, good);
            Files.write(disk.resolve("ballast"), new byte[8 * PAGE]); // five of sixteen pages are left
            for (int pages = 6; pages <= 12; pages++) {
                byte[] larger = content(pages * PAGE);
                assertEquals(file + ": cannot be written: no space left on device",
                        assertThrows(FileException.class, () -> WholeFile.write(file, larger)).getMessage(), pages + " pages");
                assertArrayEquals(good, Files.readAllBytes(file));
            }
            try (Stream<Path> files = Files.list(disk)) {
                assertEquals(2, files.count(), "no temporary file is left");
            }
        } finally {
            assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
        }
    }

    @Test
    void aChannelThatTakesLittleAtATimeGetsAll() throws IOException {
        ByteBuffer taken = ByteBuffer.allocate(100);
        WholeFile.fully(new WritableByteChannel() {
            @Override
            public int write(ByteBuffer source) {
                int now = Math.min(7, source.remaining());
                taken.put(source.slice(source.position(), now));
                source.position(source.position() + now);
                return now;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        }, ByteBuffer.wrap(content(100)));
        assertArrayEquals(content(100), taken.array());
    }

    private static byte[] content(int length) {
        byte[] content = new byte[length];
        for (int i = 0; i < length; i++) {
            content[i] = (byte) (31 * i);
        }
        return content;
    }
}
