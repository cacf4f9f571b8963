package duet.files;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Why a file operation failed, in words that follow a path and a colon. */
public final class Reasons {
    private static final int LAST_OF_ASCII = 127;

    private Reasons() {}

    /**
     * {@return the reason without the path, such as {@code permission denied} or {@code no space left on device}}
     *
     * @param e a failed file operation
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
            case EOFException end when end.getMessage() == null -> "ends too early";
            default -> e.getMessage() == null ? "an error without a reason" : lower(e.getMessage());
        };
    }

    /**
     * {@return why a name cannot be one of a file, in a sentence; most often Java was started in a locale without its letters}
     *
     * @param e of a path
     */
    public static String of(InvalidPathException e) {
        if (!e.getInput().chars().anyMatch(letter -> letter > LAST_OF_ASCII)) {
            return "\"" + e.getInput() + "\" cannot be the name of a file: " + lower(e.getReason());
        }
        return "\"" + e.getInput() + "\" has letters that names of files cannot have here, since Java was started with the encoding "
                + System.getProperty("sun.jnu.encoding") + ": start it in a UTF-8 locale, such as LC_ALL=C.UTF-8";
    }

    private static String lower(String text) {
        return text.isEmpty() ? text : Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
