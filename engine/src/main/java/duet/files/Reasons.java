package duet.files;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.stream.Collectors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;

/** Why a file operation failed, in words that follow a path and a colon. */
public final class Reasons {
    private Reasons() {}

    /**
     * {@return the reason without the path, such as {@code permission denied} or {@code no space left on device}; of JSON that cannot be
     * understood, what is wrong with it}
     *
     * @param e a failed file operation, or reading of JSON
     */
    public static String of(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> "permission denied";
            case NoSuchFileException missing -> "no such file or folder";
            case NotDirectoryException file -> "not a folder";
            case FileAlreadyExistsException other -> "exists already";
            case FileSystemLoopException loop -> "a loop of links";
            case DirectoryNotEmptyException folder -> "not empty";
            case FileSystemException other -> other.getReason() == null ? "refused without a reason" : lower(other.getReason());
            case JsonEOFException end -> "ends too early";
            case UnrecognizedPropertyException unknown -> "unknown field \"" + unknown.getPropertyName() + "\"";
            case JsonMappingException other when other.getCause() instanceof JsonProcessingException cause -> of(cause);
            case JsonMappingException other -> path(other) + "is not what it should be";
            case JsonProcessingException other -> lower(withoutSource(other.getOriginalMessage()));
            case EOFException end when end.getMessage() == null -> "ends too early";
            default -> e.getMessage() == null ? "an error without a reason" : lower(e.getMessage());
        };
    }

    /** Such as {@code "state.step" }, or {@code "it "} for all of it. */
    private static String path(JsonMappingException e) {
        String path = e.getPath().stream().map(part -> part.getFieldName() == null ? "[" + part.getIndex() + "]" : part.getFieldName())
                .collect(Collectors.joining("."));
        return path.isEmpty() ? "it " : "\"" + path + "\" ";
    }

    /** Jackson names the source of a position, or says that it does not. */
    private static String withoutSource(String message) {
        return message.lines().findFirst().orElse("").replaceAll("\\[Source: [^\\]]*; line: (\\d+), column: (\\d+)]", "line $1, column $2");
    }

    private static String lower(String text) {
        return text.isEmpty() ? text : Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
