package duet.files;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
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
        assertEquals("refused without a reason", Reasons.of(new FileSystemException("Folder/x")));
        assertEquals("ends too early", Reasons.of(new EOFException()));
        assertEquals("connection reset", Reasons.of(new IOException("Connection reset")));
        assertEquals("an error without a reason", Reasons.of(new IOException()));
    }

    @Test
    void aNameThatThisLocaleCannotHave() {
        assertEquals("\"na\u00efve.png\" has letters that names of files cannot have here, since Java was started with the encoding "
                + System.getProperty("sun.jnu.encoding") + ": start it in a UTF-8 locale, such as LC_ALL=C.UTF-8",
                Reasons.of(new InvalidPathException("na\u00efve.png", "Malformed input or input contains unmappable characters")));
        assertEquals("\"a\0b\" cannot be the name of a file: nul character not allowed",
                Reasons.of(new InvalidPathException("a\0b", "Nul character not allowed")));
    }
}
