package duet.data.source;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;

import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.Split;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.data.image.JpegHeader;
import duet.net.Shape;

/** Image files of a folder or an archive. Decodes when asked; keeps what it decoded if the whole part fits into its share of memory. */
final class DecodedDataset implements Dataset, Fingerprinted {
    private static final long LARGEST_CACHE = 512L << 20;

    private final Part part;
    private final Shape stored;
    private final DamageReport damage;
    /** Null if it would not fit. */
    private final AtomicReferenceArray<byte[]> cache;
    private final Set<Integer> damaged = ConcurrentHashMap.newKeySet();

    private DecodedDataset(Part part, Shape stored, boolean cached, DamageReport damage) {
        this.part = part;
        this.stored = stored;
        this.damage = damage;
        this.cache = cached ? new AtomicReferenceArray<>(part.images().size()) : null;
    }

    /** @param description for people */
    record Part(String description, List<String> classNames, EncodedImages images) {}

    /**
     * Decoded images may take 512 MiB or a quarter of the heap, whichever is less; the training part comes first.
     *
     * @param where named in errors
     */
    static Split open(String where, Shape stored, DamageReport damage, Part training, Part validation) {
        ImageFile.checkChannels(where, stored);
        long room = Math.min(LARGEST_CACHE, Runtime.getRuntime().maxMemory() / 4);
        long trainingBytes = stored.elements() * training.images().size();
        long validationBytes = stored.elements() * validation.images().size();
        boolean trainingCached = trainingBytes <= room;
        return new Split(
                new DecodedDataset(training, stored, trainingCached, damage),
                new DecodedDataset(validation, stored, validationBytes <= room - (trainingCached ? trainingBytes : 0), damage));
    }

    @Override
    public String description() {
        return part.description();
    }

    @Override
    public List<String> classNames() {
        return part.classNames();
    }

    @Override
    public Shape stored() {
        return stored;
    }

    @Override
    public int size() {
        return part.images().size();
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int bytes = (int) stored.elements();
        byte[] image = cache == null ? null : cache.get(index);
        if (image == null && !damaged.contains(index)) {
            image = decode(index);
        }
        if (image == null) {
            Arrays.fill(target, offset, offset + bytes, (byte) 0);
            return -1;
        }
        System.arraycopy(image, 0, target, offset, bytes);
        return part.images().label(index);
    }

    /** Null if the file is damaged. */
    private byte[] decode(int index) {
        try {
            byte[] image = ImageFile.decode(part.images().read(index), stored, ImageFile.Jpegs.FASTEST);
            if (cache != null) {
                cache.set(index, image);
            }
            return image;
        } catch (DamagedImage e) {
            if (damaged.add(index)) {
                damage.damaged(part.images().name(index), e.getMessage());
            }
            return null;
        }
    }

    /** These images, decoded at every read. */
    DecodedDataset uncached() {
        return new DecodedDataset(part, stored, false, (file, reason) -> {});
    }

    /** JPEG files whose header is sound, but no CMYK, at most that many, spread evenly. */
    List<byte[]> someFiles(int most) {
        List<byte[]> files = new ArrayList<>();
        int count = Math.min(most, size());
        for (int i = 0; i < count; i++) {
            try {
                byte[] file = part.images().read((int) ((long) i * size() / count));
                if (JpegHeader.startsLikeOne(file) && JpegHeader.parse(file).colours().components < 4) {
                    files.add(file);
                }
            } catch (DamagedImage e) {
                // It is named when it is loaded.
            }
        }
        return files;
    }

    @Override
    public int fingerprint() {
        int hash = part.classNames().hashCode();
        for (int i = 0; i < size(); i++) {
            hash = 31 * (31 * hash + part.images().label(i)) + part.images().shortName(i).hashCode();
            hash = 31 * hash + Long.hashCode(part.images().bytes(i));
        }
        return hash;
    }

    @Override
    public void close() {
        for (int i = 0; cache != null && i < cache.length(); i++) {
            cache.set(i, null);
        }
        part.images().close();
    }
}
