package duet.data.shard;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.PixelSums;
import duet.data.image.JpegEncoder;
import duet.files.WholeFile;

/**
 * Makes shards one after the other: threads decode a few chunks of images ahead, one thread writes them in order. Of several processes each
 * makes some of the shards.
 */
public final class ShardMaker implements AutoCloseable {
    private static final int STOPPING_SECONDS = 10;
    private static final long CHUNK_BYTES = 4 << 20;

    private final ShardFolder folder;
    private final ShardFolder.Order order;
    private final PreparationListener listener;
    private final int process;
    private final int processes;
    private final ExecutorService threads;
    private final int ahead;
    private final int chunkImages;
    private final long total;
    private long done;
    /** Shards so far of all parts. */
    private int counted;
    private int verified;

    /**
     * Makes shards in a folder, on threads of its own.
     *
     * @param folder      has its order already
     * @param order       what is to be made
     * @param threadCount threads that decode
     * @param listener    told how far it is, and asked whether to stop
     * @param process     this one's number; it makes the shards process, process + processes, ..., counted over all parts
     * @param processes   that make shards in this folder at the same time
     */
    public ShardMaker(ShardFolder folder, ShardFolder.Order order, int threadCount, PreparationListener listener, int process,
            int processes) {
        this.folder = folder;
        this.order = order;
        this.listener = listener;
        this.process = process;
        this.processes = processes;
        ahead = 2 * threadCount;
        chunkImages = Math.clamp(CHUNK_BYTES / order.stored().elements(), 1, 1024);
        total = (long) order.training() + order.validation();
        threads = Executors.newFixedThreadPool(threadCount, Thread.ofPlatform().daemon().name("duet-prepare-", 0).factory());
    }

    /**
     * What has become of a part of the source; sums are null for a validation set.
     *
     * @param entries  the shards
     * @param images   stored in them
     * @param damaged  left out
     * @param sums     over the images
     */
    public record Part(List<ShardFolder.Entry> entries, int images, int damaged, PixelSums sums) {
        /** {@return this part for the manifest} */
        public ShardFolder.Part described() {
            return new ShardFolder.Part(images, damaged, entries);
        }
    }

    /** A few images; what could not be read is null. */
    private record Chunk(List<byte[]> contents, int[] labels, PixelSums sums) {}

    /**
     * Makes this process's shards of a part that are missing, and verifies those that are there.
     *
     * @param name   {@code training} or {@code validation}
     * @param data   the images
     * @param summed whether to sum the pixels
     * @return false if it was stopped
     * @throws IOException if a file cannot be written
     */
    public boolean make(String name, Dataset data, boolean summed) throws IOException {
        for (int shard = 0; shard < shards(data); shard++, counted++) {
            if (counted % processes != process) {
                continue;
            }
            int first = shard * order.shardImages();
            int end = end(data, first);
            Path file = folder.file(ShardFolder.shardName(name, shard));
            if (isSound(file, end - first, summed)) {
                done += end - first;
                listener.progress(done, total);
                verified++;
            } else if (!make(file, data, first, end, summed)) {
                return false;
            }
        }
        return true;
    }

    /** {@return how many of this process's shards were there already} */
    public int verified() {
        return verified;
    }

    /**
     * {@return all shards of a part, those of other processes, too}
     *
     * @param name {@code training} or {@code validation}
     * @param data the images
     */
    public List<Path> files(String name, Dataset data) {
        return IntStream.range(0, shards(data)).mapToObj(shard -> folder.file(ShardFolder.shardName(name, shard))).toList();
    }

    private int shards(Dataset data) {
        return Math.ceilDiv(data.size(), order.shardImages());
    }

    private int end(Dataset data, int first) {
        return (int) Math.min(data.size(), (long) first + order.shardImages());
    }

    /**
     * {@return what has been made of a part, by all processes}
     *
     * @param name   {@code training} or {@code validation}
     * @param data   the images
     * @param summed whether pixels were summed
     * @throws IOException if a file cannot be read
     */
    public Part read(String name, Dataset data, boolean summed) throws IOException {
        List<ShardFolder.Entry> entries = new ArrayList<>();
        PixelSums sums = summed ? PixelSums.none(order.stored()) : null;
        int images = 0;
        int damaged = 0;
        for (Path file : files(name, data)) {
            try (Arena arena = Arena.ofConfined()) {
                Shard shard = Shard.open(file, arena);
                sums = summed ? sums.plus(shard.sums()) : null;
                images += shard.header().images();
                damaged += shard.header().damaged();
                entries.add(new ShardFolder.Entry(
                        file.getFileName().toString(), shard.header().images(), shard.bytes(), ShardFolder.hex(shard.checksum())));
            }
        }
        return new Part(entries, images, damaged, sums);
    }

    private boolean isSound(Path file, int images, boolean summed) throws IOException {
        if (!Files.exists(file)) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            Shard shard = Shard.open(file, arena);
            ShardFormat.Header header = shard.header();
            boolean ordered = header.images() + header.damaged() == images && header.stored().equals(order.stored())
                    && header.jpeg() == order.jpeg() && header.sums() != 0 == summed;
            if (!ordered) {
                throw new DataException(file + " is the shard of another preparation");
            }
            shard.verify();
            if (summed) {
                shard.sums();
            }
            return true;
        } catch (DataException e) {
            listener.warning(e.getMessage().replaceFirst(": the same ./duet.*", "") + ": it is made again");
            folder.removeManifest();
            return false;
        }
    }

    /** @return false if it was stopped */
    private boolean make(Path file, Dataset data, int first, int end, boolean summed) {
        try {
            WholeFile.write(file, channel -> {
                ShardWriter writer = new ShardWriter(channel, order.stored(), order.jpeg(), end - first);
                writer.finish(write(writer, data, first, end, summed));
            });
            return true;
        } catch (Stopped e) {
            return false;
        }
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private PixelSums write(ShardWriter writer, Dataset data, int first, int end, boolean summed) throws IOException {
        PixelSums sums = summed ? PixelSums.none(order.stored()) : null;
        Deque<Future<Chunk>> running = new ArrayDeque<>();
        try {
            for (int next = first; next < end || !running.isEmpty();) {
                while (next < end && running.size() < ahead) {
                    int from = next;
                    int to = Math.min(end, next + chunkImages);
                    running.add(threads.submit(() -> chunk(data, from, to, summed)));
                    next = to;
                }
                Chunk chunk = awaited(running.remove());
                writer.add(chunk.contents(), chunk.labels());
                sums = summed ? sums.plus(chunk.sums()) : null;
                done += chunk.labels().length;
                listener.progress(done, total);
                if (listener.stopped()) {
                    throw new Stopped();
                }
            }
        } finally {
            running.forEach(future -> future.cancel(false));
        }
        return sums;
    }

    private Chunk chunk(Dataset data, int first, int end, boolean summed) {
        int bytes = (int) order.stored().elements();
        List<byte[]> contents = new ArrayList<>();
        int[] labels = new int[end - first];
        PixelSums sums = summed ? PixelSums.none(order.stored()) : null;
        for (int i = first; i < end; i++) {
            byte[] image = new byte[bytes];
            int label = data.read(i, image, 0);
            labels[i - first] = label;
            if (label < 0) {
                contents.add(null);
                continue;
            }
            sums = summed ? sums.with(image, 0, order.stored().channels()) : null;
            contents.add(order.jpeg() ? JpegEncoder.encode(image, 0, order.stored(), order.quality()) : image);
        }
        return new Chunk(contents, labels, sums);
    }

    private static Chunk awaited(Future<Chunk> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DataException("interrupted while images were prepared", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof DataException cause) {
                throw new DataException(cause.getMessage(), cause);
            }
            throw new DataException("an image could not be prepared: " + e.getCause(), e.getCause());
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        try {
            threads.awaitTermination(STOPPING_SECONDS, TimeUnit.SECONDS); // they read from files that are closed next
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
