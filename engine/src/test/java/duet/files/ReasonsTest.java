package duet.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    private record Point(int x, List<Integer> values) {}

    /** Jackson's own words name its classes, and a source that is no file. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "{\"x\": 1                     | ends too early",
            "{\"values\": [1, 2            | ends too early",
            "{\"x\": \"a\"}                | \"x\" is not what it should be",
            "{\"values\": [1, \"b\"]}       | \"values.[1]\" is not what it should be",
            "[1]                          | it is not what it should be",
            "{\"y\": 1}                    | unknown field \"y\"",
            "{\"x\": 1]                    | unexpected close marker ']': expected '}' (for Object starting at line 1, column 1)",
    })
    void jsonThatCannotBeUnderstoodIsToldInWords(String json, String reason) {
        assertEquals(reason, Reasons.of(assertThrows(IOException.class, () -> new ObjectMapper().readValue(json, Point.class))));
    }
}
