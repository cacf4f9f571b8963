package duet.data.prepare;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.ImageStatistics;
import duet.data.PrincipalColours;
import duet.data.SampleSheet;
import duet.data.Split;
import duet.data.image.JpegEncoder;
import duet.data.image.ScaledDataset;
import duet.data.shard.PreparationListener;
import duet.data.shard.ShardFolder;
import duet.data.shard.ShardFormat;
import duet.data.shard.ShardMaker;
import duet.data.source.DataSource;
import duet.data.source.Datasets;
import duet.device.Ranks;
import duet.files.Reasons;
import duet.files.WholeFile;
import duet.net.Shape;
import duet.text.Text;

/**
 * Turns a source into a folder of shards that is read back as {@code shards:DIR}. What is in the folder is a function of the source and
 * the options, not of the threads; killed at any point and started again, the preparation goes on with the first shard that is
 * missing and ends with the same bytes. Shards that are there are verified. A folder never mixes sources, options or versions. Several
 * processes share out the shards; the first one does all else.
 */
public final class Preparation {
    private static final int USUAL_SIZE = 256;
    private static final long SHARD_BYTES = 256L << 20;
    private static final int MOST_SHARD_IMAGES = 1 << 16;
    private static final int SAMPLES = 32;

    private final Split split;
    private final ShardFolder.Order order;
    private final ShardFolder folder;
    private final PreparationListener listener;
    private final Ranks ranks;
    private final Together together;
    private final ShardMaker maker;

    private Preparation(Split split, ShardFolder.Order order, ShardFolder folder, int threads, PreparationListener listener, Ranks ranks) {
        this.split = split;
        this.order = order;
        this.folder = folder;
        this.listener = listener;
        this.ranks = ranks;
        together = new Together(ranks, listener);
        maker = new ShardMaker(folder, order, threads, together, ranks.rank(), ranks.size());
    }

    /**
     * What a preparation has done.
     *
     * @param complete   whether all is done; else it was stopped
     * @param training   images to learn from that are stored
     * @param validation images to validate with that are stored
     * @param damaged    images that were left out
     * @param shards     how many files the images are in
     * @param verified   shards that were there already
     * @param bytes      of all shards
     * @param stored     size of each image
     */
    public record Result(boolean complete, int training, int validation, int damaged, int shards, int verified, long bytes, Shape stored) {}

    /** Tells how much room a folder's disk has; another one in tests. */
    interface Room {
        long bytes(Path folder) throws IOException;

        Room REAL = folder -> Files.getFileStore(folder).getUsableSpace();
    }

    /**
     * Prepares a source, or goes on with a preparation that was stopped.
     *
     * @param source   as for {@link Datasets#open}
     * @param folder   new, empty, or with what an earlier run of the same preparation has left
     * @param options  size, encoding and threads
     * @param damage   told of each image that is left out
     * @param listener told how far it is, and asked whether to stop
     * @return what was done, also if it was stopped
     * @throws DataException naming what is missing or does not fit; what is in the folder is unharmed
     */
    public static Result prepare(String source, Path folder, PreparationOptions options, DamageReport damage,
            PreparationListener listener) {
        return prepare(source, folder, options, damage, listener, Ranks.ALONE);
    }

    /**
     * Prepares a source by several processes, which read it and write to one folder. All of them call it; what is in the folder does not
     * depend on how many they are.
     *
     * @param source   as for {@link Datasets#open}; the same images for all
     * @param folder   the same for all: new, empty, or with what an earlier run of the same preparation has left
     * @param options  size, encoding, and threads of this process
     * @param damage   told of each image that this process leaves out
     * @param listener the first process's is told how far all are; each is asked whether to stop
     * @param ranks    the processes
     * @return what all have done, also if one of them was stopped
     * @throws DataException naming what is missing or does not fit, and the process if it is another one
     */
    public static Result prepare(String source, Path folder, PreparationOptions options, DamageReport damage,
            PreparationListener listener, Ranks ranks) {
        return prepare(source, folder, options, damage, listener, ranks, Room.REAL);
    }

    static Result prepare(String source, Path folder, PreparationOptions options, DamageReport damage, PreparationListener listener,
            Ranks ranks, Room room) {
        try (Split split = open(source, options, damage)) {
            ShardFolder.Order order = order(source, split, options);
            ranks.requireSame("the source and its options", order.words());
            ShardFolder shards = new ShardFolder(folder);
            Preparation preparation = new Preparation(split, order, shards, options.threads(), listener, ranks);
            if (!ranks.first()) {
                return preparation.run(CommonFolder.of(folder, ranks));
            }
            requireFree(shards, order);
            try (FileChannel lock = lock(folder)) {
                requireFree(shards, order); // another preparation may just have ended
                preparation.checkRoom(room);
                if (shards.readOrder() == null) {
                    shards.write(order);
                }
                Result result = preparation.run(CommonFolder.of(lock, folder, ranks));
                lock.truncate(0);
                return result;
            }
        } catch (IOException e) {
            throw new DataException(folder + " cannot be written to: " + Reasons.of(e), e);
        }
    }

    private static Split open(String source, PreparationOptions options, DamageReport damage) {
        DataSource parsed = DataSource.parse(source);
        Datasets.Description description = parsed.describe();
        boolean fixed = description.height() > 0;
        int size = options.size() > 0 ? options.size() : USUAL_SIZE;
        Split split = parsed.open(new Shape(description.channels(), size, size), options.seed(), damage);
        Shape wanted = new Shape(description.channels(), size, size);
        if (fixed && options.size() > 0 && !split.training().stored().equals(wanted)) {
            return new Split(new ScaledDataset(split.training(), wanted), new ScaledDataset(split.validation(), wanted));
        }
        return split;
    }

    private static ShardFolder.Order order(String source, Split split, PreparationOptions options) {
        Shape stored = split.training().stored();
        if (options.quality() > 0 && stored.channels() != 1 && stored.channels() != 3) {
            throw new DataException("JPEG holds 1 or 3 channels, but the images have " + stored.channels() + ": use --encoding bytes");
        }
        int shardImages = options.shardImages() > 0 ? options.shardImages()
                : Math.clamp(SHARD_BYTES / stored.elements(), 1, MOST_SHARD_IMAGES);
        String fingerprint = ShardFolder.hex(31 * Fingerprinted.of(split.training()) + Fingerprinted.of(split.validation()));
        return new ShardFolder.Order(ShardFolder.FORMAT, ShardFormat.VERSION, DataSource.absolute(source), fingerprint, options.seed(),
                stored,
                options.quality() > 0 ? "jpeg" : "bytes", options.quality(), shardImages, split.training().classNames(),
                split.training().size(), split.validation().size());
    }

    private static void requireFree(ShardFolder shards, ShardFolder.Order order) throws IOException {
        Path folder = shards.folder();
        if (!Files.exists(folder)) {
            return;
        }
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder + " is a file: give a folder to write the shards to");
        }
        ShardFolder.Order begun = shards.readOrder();
        if (begun != null) {
            String difference = begun.difference(order);
            if (difference != null) {
                throw new DataException(folder + " was begun with " + difference + ": choose another folder, or delete this one");
            }
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            files.filter(file -> !file.getFileName().toString().startsWith(".")).findFirst().ifPresent(file -> {
                throw new DataException(
                        folder + " holds something else already (" + file.getFileName() + "): choose an empty or new folder");
            });
        }
    }

    private static FileChannel lock(Path folder) throws IOException {
        Files.createDirectories(folder);
        FileChannel channel = FileChannel.open(folder.resolve(CommonFolder.LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                removeTemporaries(folder);
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // Held by this very process.
        }
        channel.close();
        throw new DataException(folder + ": another preparation is writing here; wait for it, or choose another folder");
    }

    private static void removeTemporaries(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> file.getFileName().toString().endsWith(WholeFile.TEMPORARY)).toList()) {
                Files.delete(file);
            }
        }
    }

    private void checkRoom(Room room) throws IOException {
        long bytes = missing("training", split.training()) + missing("validation", split.validation());
        long free = room.bytes(folder.folder());
        if (bytes > free) {
            throw new DataException(
                    "the shards take about %s, but the disk of %s has %s free: choose another folder, a smaller --size, or %s"
                            .formatted(Text.bytes(bytes), folder.folder(), Text.bytes(free),
                                    order.jpeg() ? "a lower --quality" : "--encoding jpeg"));
        }
        listener.started((long) order.training() + order.validation(), bytes);
    }

    /** About how many bytes the shards take that are not there. */
    private long missing(String part, Dataset data) {
        long images = 0;
        int shards = Math.ceilDiv(data.size(), order.shardImages());
        for (int i = 0; i < shards; i++) {
            if (!Files.exists(folder.file(ShardFolder.shardName(part, i)))) {
                images += Math.min(order.shardImages(), data.size() - i * order.shardImages());
            }
        }
        return images == 0 ? 0 : images * (imageBytes(data) + ShardFormat.ENTRY_BYTES) + shards * (8 * order.stored().elements() + 1024);
    }

    private long imageBytes(Dataset data) {
        if (!order.jpeg()) {
            return order.stored().elements();
        }
        int count = Math.min(SAMPLES, data.size());
        byte[] image = new byte[(int) order.stored().elements()];
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            data.read((int) ((long) i * data.size() / count), image, 0);
            bytes += JpegEncoder.encode(image, 0, order.stored(), order.quality()).length;
        }
        return bytes / count * 11 / 10;
    }

    private Result run(CommonFolder common) throws IOException {
        try (maker) {
            boolean complete = together.all(() -> {
                common.requireSeen();
                return maker.make("training", split.training(), true) && maker.make("validation", split.validation(), false);
            });
            if (!complete) {
                return new Result(false, 0, 0, 0, 0, 0, 0, order.stored());
            }
            long verified = numbers("the shards that were there", maker.verified()).stream().mapToLong(own -> own[0]).sum();
            long[] all = ranks.first() ? finished(common) : new long[0];
            long[] result = numbers("the result", all).getFirst();
            return new Result(true, (int) result[0], (int) result[1], (int) result[2], (int) result[3], (int) verified, result[4],
                    order.stored());
        }
    }

    private List<long[]> numbers(String what, long... own) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * own.length);
        bytes.asLongBuffer().put(own);
        return ranks.gather(what, bytes.array()).stream().map(answer -> {
            long[] numbers = new long[answer.length / Long.BYTES];
            ByteBuffer.wrap(answer).asLongBuffer().get(numbers);
            return numbers;
        }).toList();
    }

    /** Training images, validation images, damaged ones, shards and their bytes. */
    private long[] finished(CommonFolder common) throws IOException {
        common.requireThere(maker.files("training", split.training()));
        common.requireThere(maker.files("validation", split.validation()));
        ShardMaker.Part training = maker.read("training", split.training(), true);
        ShardMaker.Part validation = maker.read("validation", split.validation(), false);
        if (training.sums().images() == 0) {
            throw new DataException("not one undamaged image to prepare: " + split.training().description());
        }
        finish(training, validation);
        List<ShardFolder.Entry> all = new ArrayList<>(training.entries());
        all.addAll(validation.entries());
        return new long[] {training.images(), validation.images(), training.damaged() + validation.damaged(), all.size(),
                all.stream().mapToLong(ShardFolder.Entry::bytes).sum()};
    }

    private void finish(ShardMaker.Part training, ShardMaker.Part validation) {
        ImageStatistics statistics = training.sums().statistics(order.stored());
        String checksum = folder.writeMean(statistics.meanImage(), order.stored());
        boolean colours = statistics.covariance() != null;
        PrincipalColours principal = colours ? statistics.principalColours() : null;
        if (order.stored().channels() == 1 || order.stored().channels() == 3) {
            SampleSheet.writePng(folder.file("mean.png"), SampleSheet.picture(statistics.meanImage(), order.stored()));
        }
        folder.write(new ShardFolder.Manifest(order, training.described(), validation.described(), new ShardFolder.Statistics(
                statistics.images(), statistics.meanColour(), statistics.covariance(), colours ? principal.variances() : null,
                colours ? principal.axes() : null, checksum)));
    }
}
