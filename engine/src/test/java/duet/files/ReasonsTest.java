package duet.files;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

import org.junit.jupiter.api.Test;

class ReasonsTest {
    /** They follow a path, so they do not repeat it. */
    @Test
    void reasonsAreWordsWithoutThePath() {
        assertEquals("no such file or folder", Reasons.of(new NoSuchFileException("Folder/x")));
        assertEquals("permission denied", Reasons.of(new AccessDeniedException("Folder/x")));
        assertEquals("not a folder", Reasons.of(new NotDirectoryException("Folder/x")));
        assertEquals("not empty", Reasons.of(new DirectoryNotEmptyException("Folder/x")));
        assertEquals("no space left on device", Reasons.of(new FileSystemException("Folder/x", null, "No space left on device")));
        assertEquals("FileSystemException", Reasons.of(new FileSystemException("Folder/x")));
        assertEquals("ends too early", Reasons.of(new EOFException()));
        assertEquals("connection reset", Reasons.of(new IOException("Connection reset")));
    }
}
