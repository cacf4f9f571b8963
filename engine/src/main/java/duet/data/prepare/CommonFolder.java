package duet.data.prepare;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import duet.data.DataException;
import duet.device.Ranks;
import duet.files.WholeFile;

/**
 * A folder that several processes write to. The first one leaves a word in the file that it has locked, and the others look whether they
 * see it: on machines without a common folder each would write some of the shards to a folder of its own.
 */
final class CommonFolder {
    static final String LOCK = ".lock";
    /** Network file systems show new files after a minute at the latest. */
    private static final long PATIENCE_SECONDS = 60;
    private static final int NAP_MILLIS = 20;

    private final Path file;
    private final Ranks ranks;
    private final byte[] word;
    private final long patienceSeconds;

    private CommonFolder(Path file, Ranks ranks, byte[] word, long patienceSeconds) {
        this.file = file;
        this.ranks = ranks;
        this.word = word;
        this.patienceSeconds = patienceSeconds;
    }

    /** To the first process; all come to this call, or to the other one, together. */
    static CommonFolder of(FileChannel lock, Path folder, Ranks ranks) throws IOException {
        byte[] word = ranks.size() == 1 ? new byte[0] : UUID.randomUUID().toString().getBytes(StandardCharsets.US_ASCII);
        lock.truncate(0);
        WholeFile.fully(lock, ByteBuffer.wrap(word));
        lock.force(true);
        ranks.gather("the folder", word);
        return new CommonFolder(folder.resolve(LOCK), ranks, word, PATIENCE_SECONDS);
    }

    /** To another process. */
    static CommonFolder of(Path folder, Ranks ranks) {
        return of(folder, ranks, PATIENCE_SECONDS);
    }

    static CommonFolder of(Path folder, Ranks ranks, long patienceSeconds) {
        return new CommonFolder(folder.resolve(LOCK), ranks, ranks.gather("the folder", new byte[0]).getFirst(), patienceSeconds);
    }

    /** Throws a {@link DataException} if this process does not see what the first one has written. */
    void requireSeen() throws IOException {
        if (!await(() -> Arrays.equals(read(), word))) {
            throw new DataException("does not see in " + file.getParent() + " what " + ranks.name(0)
                    + " has written there: give a folder that all processes share");
        }
    }

    /** Throws a {@link DataException} if this process does not see what any of them has written. */
    void requireThere(List<Path> files) throws IOException {
        for (Path other : files) {
            if (!await(() -> Files.exists(other))) {
                throw new DataException(other + " has been written by another process, but " + ranks.name(ranks.rank())
                        + " does not see it: run the same ./duet data prepare again");
            }
        }
    }

    private interface Question {
        boolean answer() throws IOException;
    }

    private boolean await(Question question) throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(patienceSeconds);
        while (!question.answer()) {
            if (System.nanoTime() > end) {
                return false;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(NAP_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new DataException("interrupted while images were prepared", e);
            }
        }
        return true;
    }

    private byte[] read() throws IOException {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return new byte[0]; // a word is never empty where it is waited for
        }
    }
}
