package duet.data;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;

import duet.net.Shape;

/** One part of an {@link ImageFolder}. Decodes when asked; keeps what it decoded if the whole part fits into its share of memory. */
final class FolderDataset implements Dataset, Fingerprinted {
    private static final long LARGEST_CACHE = 512L << 20;

    private final String name;
    private final List<String> classNames;
    private final ImageFolder.Part part;
    private final Shape stored;
    private final DamageReport damage;
    /** Null if it would not fit. */
    private final AtomicReferenceArray<byte[]> cache;
    private final Set<Integer> damaged = ConcurrentHashMap.newKeySet();

    private FolderDataset(String name, List<String> classNames, ImageFolder.Part part, Shape stored, boolean cached, DamageReport damage) {
        this.name = name;
        this.classNames = classNames;
        this.part = part;
        this.stored = stored;
        this.damage = damage;
        this.cache = cached ? new AtomicReferenceArray<>(part.files().size()) : null;
    }

    /** Decoded images may take 512 MiB or a quarter of the heap, whichever is less; the training part comes first. */
    static Split open(ImageFolder folder, Shape stored, DamageReport damage) {
        ImageFile.checkChannels(folder.folder().toString(), stored);
        long room = Math.min(LARGEST_CACHE, Runtime.getRuntime().maxMemory() / 4);
        long training = stored.elements() * folder.training().files().size();
        long validation = stored.elements() * folder.validation().files().size();
        boolean trainingCached = training <= room;
        return new Split(
                new FolderDataset("training", folder.classes(), folder.training(), stored, trainingCached, damage),
                new FolderDataset("validation", folder.classes(), folder.validation(), stored,
                        validation <= room - (trainingCached ? training : 0), damage));
    }

    @Override
    public String description() {
        return "folder %s, %s part, %d images in %d classes%s".formatted(part.folder(), name, size(), classNames.size(),
                part.ignored() == 0 ? "" : " (" + part.ignored() + " other files ignored)");
    }

    @Override
    public List<String> classNames() {
        return classNames;
    }

    @Override
    public Shape stored() {
        return stored;
    }

    @Override
    public int size() {
        return part.files().size();
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
        return part.labels()[index];
    }

    /** Null if the file is damaged. */
    private byte[] decode(int index) {
        try {
            byte[] image = ImageFile.read(part.files().get(index), stored);
            if (cache != null) {
                cache.set(index, image);
            }
            return image;
        } catch (DamagedImage e) {
            if (damaged.add(index)) {
                damage.damaged(part.files().get(index).toString(), e.getMessage());
            }
            return null;
        }
    }

    @Override
    public int fingerprint() {
        int hash = classNames.hashCode();
        for (int i = 0; i < size(); i++) {
            hash = 31 * (31 * hash + part.labels()[i]) + part.files().get(i).getFileName().toString().hashCode();
        }
        return hash;
    }

    @Override
    public void close() {
        for (int i = 0; cache != null && i < cache.length(); i++) {
            cache.set(i, null);
        }
    }
}
