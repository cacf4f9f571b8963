package duet.data.source;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

import duet.data.DataException;
import duet.files.Reasons;

/**
 * The format of the MNIST family: 0, 0, type (8: unsigned byte), number of dimensions; each dimension as 4 bytes, highest first;
 * then the bytes. Gzipped if the name ends in {@code .gz}.
 *
 * @param dimensions such as [60000, 28, 28]
 */
record IdxFile(Path file, int[] dimensions, byte[] bytes) {
    private static final int UNSIGNED_BYTES = 0x08;
    private static final int CHUNK = 1 << 20;

    /** @param rank expected number of dimensions: 3 for images, 1 for labels */
    static IdxFile read(Path file, int rank) {
        return read(file, rank, true);
    }

    /** Of the header alone. */
    static int[] dimensions(Path file, int rank) {
        return read(file, rank, false).dimensions();
    }

    private static IdxFile read(Path file, int rank, boolean content) {
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
                DataInputStream in = new DataInputStream(file.toString().endsWith(".gz") ? new GZIPInputStream(raw, 1 << 16) : raw)) {
            int magic = in.readInt();
            if (magic != (UNSIGNED_BYTES << 8 | rank)) {
                throw new DataException(
                        String.format(Locale.ROOT, "%s is not an IDX file of bytes in %d %s: it starts with %08x instead of %08x",
                                file, rank, rank == 1 ? "dimension" : "dimensions", magic, UNSIGNED_BYTES << 8 | rank));
            }
            int[] dimensions = new int[rank];
            long length = 1;
            for (int i = 0; i < rank; i++) {
                dimensions[i] = in.readInt();
                length = dimensions[i] < 1 || length > Integer.MAX_VALUE ? -1 : length * dimensions[i];
            }
            if (length < 1 || length > Integer.MAX_VALUE - 8) {
                throw new DataException(
                        file + " claims dimensions " + Arrays.toString(dimensions) + ": expected positive ones, 2 GiB at most");
            }
            return new IdxFile(file, dimensions, content ? readExactly(in, file, dimensions, (int) length) : new byte[0]);
        } catch (EOFException e) {
            throw new DataException(file + " is truncated: it ends within the header", e);
        } catch (ZipException e) {
            throw new DataException(file + " is a damaged gzip file (" + e.getMessage() + "): delete it and get it again", e);
        } catch (IOException e) {
            throw new DataException(file + " cannot be read: " + Reasons.of(e), e);
        }
    }

    /** Grows with what is really there: a lying header must not cost gigabytes. */
    private static byte[] readExactly(InputStream in, Path file, int[] dimensions, int length) throws IOException {
        byte[] bytes = new byte[Math.min(length, CHUNK)];
        int filled = 0;
        while (filled < length) {
            if (filled == bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(length, 2L * bytes.length));
            }
            int count = readSome(in, bytes, filled);
            if (count < 0) {
                throw new DataException("%s is truncated: its header promises %s = %d bytes, but only %d follow".formatted(
                        file, Arrays.toString(dimensions), length, filled));
            }
            filled += count;
        }
        if (in.read() >= 0) {
            throw new DataException("%s has trailing bytes after the %d that its header %s promises".formatted(
                    file, length, Arrays.toString(dimensions)));
        }
        return bytes;
    }

    /** A gzip stream that stops early counts as the end. */
    private static int readSome(InputStream in, byte[] bytes, int filled) throws IOException {
        try {
            return in.read(bytes, filled, bytes.length - filled);
        } catch (EOFException e) {
            return -1;
        }
    }
}
