package duet.files;

import duet.text.Text;

/** A file that cannot be written. The message names the file and the reason; what the file held before is untouched. */
public class FileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * A failure with the exception of the file system that caused it.
     *
     * @param message a sentence that names the file and the reason
     * @param cause   what the file system reported
     */
    public FileException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
