package duet.data.shard;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.ImageStatistics;
import duet.data.Split;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.net.Shape;

/** One part of a folder of prepared images, mapped into memory. */
public final class ShardDataset implements Dataset, Fingerprinted {
    private final ShardFolder.Order order;
    private final String description;
    private final Arena arena;
    private final List<Shard> shards;
    /** Index of each shard's first image, and the number of all. */
    private final int[] starts;
    private final ImageStatistics statistics;

    private ShardDataset(ShardFolder.Order order, String description, Arena arena, List<Shard> shards, int[] starts,
            ImageStatistics statistics) {
        this.order = order;
        this.description = description;
        this.arena = arena;
        this.shards = shards;
        this.starts = starts;
        this.statistics = statistics;
    }

    /**
     * Opens a finished folder of prepared images.
     *
     * @param folder must hold a manifest
     * @return both parts; close it to unmap the files
     * @throws DataException if the folder is not finished, or damaged
     */
    public static Split open(ShardFolder folder) {
        ShardFolder.Manifest manifest = folder.readManifest();
        ImageStatistics statistics = folder.statistics(manifest);
        Dataset training = open(folder, manifest, "training", manifest.training(), statistics);
        try {
            return new Split(training, open(folder, manifest, "validation", manifest.validation(), null));
        } catch (RuntimeException | Error e) {
            training.close();
            throw e;
        }
    }

    private static Dataset open(
            ShardFolder folder, ShardFolder.Manifest manifest, String name, ShardFolder.Part part, ImageStatistics statistics) {
        ShardFolder.Order order = manifest.preparation();
        Arena arena = Arena.ofShared();
        try {
            List<Shard> shards = new ArrayList<>();
            int[] starts = new int[part.shards().size() + 1];
            for (int i = 0; i < part.shards().size(); i++) {
                ShardFolder.Entry entry = part.shards().get(i);
                Shard shard = Shard.open(folder.file(entry.file()), arena);
                boolean same = ShardFolder.hex(shard.checksum()).equals(entry.checksum()) && shard.header().images() == entry.images()
                        && shard.bytes() == entry.bytes() && shard.header().stored().equals(order.stored())
                        && shard.header().jpeg() == order.jpeg();
                if (!same) {
                    throw new DataException(folder.file(entry.file()) + " is not the shard that the manifest tells of (" + entry.bytes()
                            + " bytes, checksum " + entry.checksum() + "): run the same ./duet data prepare again");
                }
                shards.add(shard);
                starts[i + 1] = starts[i] + entry.images();
            }
            String description = "shards %s, %s part, %d images in %d classes%s".formatted(folder.folder(), name, part.images(),
                    order.classes().size(), part.damaged() == 0 ? "" : " (" + part.damaged() + " damaged ones left out)");
            return new ShardDataset(order, description, arena, shards, starts, statistics);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public List<String> classNames() {
        return order.classes();
    }

    @Override
    public Shape stored() {
        return order.stored();
    }

    @Override
    public int size() {
        return starts[starts.length - 1];
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int found = Arrays.binarySearch(starts, index);
        int number = found >= 0 ? found : -found - 2;
        // A shard without images starts where the next one does.
        while (starts[number + 1] == index) {
            number++;
        }
        Shard shard = shards.get(number);
        int image = index - starts[number];
        int bytes = (int) order.stored().elements();
        if (!order.jpeg()) {
            if (shard.length(image) != bytes) {
                throw new DataException(description + ": image " + index + " has " + shard.length(image) + " bytes, not " + bytes);
            }
            shard.copy(image, target, offset);
        } else {
            byte[] jpeg = new byte[shard.length(image)];
            shard.copy(image, jpeg, 0);
            try {
                System.arraycopy(ImageFile.decode(jpeg, order.stored(), ImageFile.Jpegs.FASTEST), 0, target, offset, bytes);
            } catch (DamagedImage e) {
                throw new DataException(description + ": image " + index + ": " + e.getMessage(), e);
            }
        }
        return shard.label(image);
    }

    @Override
    public ImageStatistics statistics() {
        return statistics;
    }

    @Override
    public int fingerprint() {
        return Arrays.hashCode(shards.stream().mapToInt(Shard::checksum).toArray());
    }

    @Override
    public void close() {
        arena.close();
    }
}
