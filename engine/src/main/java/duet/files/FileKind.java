package duet.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** What people have in place of the file that they mean, by its first bytes. */
public enum FileKind {
    /** what a repository holds in place of a large file */
    LFS_POINTER("a Git LFS pointer, not the file itself: fetch it by 'git lfs pull'", "version https://git-lfs"),
    /** what a server answers in place of a file */
    HTML("a web page, not the file itself: download it again, and look at what the server says", "<!doctype html", "<html"),
    /** Caffe's and Keras' other format */
    HDF5("an HDF5 file; save the network in its program's own format instead (.caffemodel, .onnx)", "\u0089HDF\r\n"),
    /** PyTorch's files, among others */
    ZIP("a zip archive, as PyTorch's files are" + Advice.PYTORCH, "PK\u0003\u0004"),
    /** PyTorch's older files */
    PICKLE("a Python pickle, as PyTorch's older files are" + Advice.PYTORCH, "\u0080\u0002", "\u0080\u0003", "\u0080\u0004",
            "\u0080\u0005"),
    /** a packed file */
    GZIP("packed by gzip: unpack it first", "\u001f\u008b");

    private static final int MOST_BYTES = 64;

    private final String words;
    private final String[] starts;

    FileKind(String words, String... starts) {
        this.words = words;
        this.starts = starts;
    }

    /**
     * {@return what a file is instead, as the rest of a sentence that begins with "it is"; empty if it is none of these}
     *
     * @param file any
     * @throws IOException if it cannot be read
     */
    public static Optional<String> of(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            String start = new String(in.readNBytes(MOST_BYTES), StandardCharsets.ISO_8859_1);
            String text = start.stripLeading().toLowerCase(Locale.ROOT);
            for (FileKind kind : values()) {
                for (String begin : kind.starts) {
                    if (start.startsWith(begin) || kind == HTML && text.startsWith(begin)) {
                        return Optional.of(kind.words);
                    }
                }
            }
            return Optional.empty();
        }
    }

    /** What is said of several kinds, and of files by their endings. */
    public static final class Advice {
        /** The way from a file of PyTorch to one that is read. */
        public static final String PYTORCH = "; in Python, safetensors.torch.save_file(torch.load(FILE), 'model.safetensors') makes a file "
                + "that is read";

        private Advice() {}
    }
}
