package duet.data;

import java.util.List;

import duet.net.Shape;

/**
 * Images that are held in memory.
 *
 * @param description for people
 * @param classNames  a label is an index into them
 * @param stored      size of each image
 * @param images      [size][height][width][channels]
 * @param labels      [size]
 */
public record MemoryDataset(String description, List<String> classNames, Shape stored, byte[] images,
        byte[] labels) implements Dataset, Fingerprinted {
    @Override
    public int size() {
        return labels.length;
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int bytes = (int) stored.elements();
        System.arraycopy(images, index * bytes, target, offset, bytes);
        return labels[index] & 0xFF;
    }

    @Override
    public int fingerprint() {
        return 31 * Fingerprinted.checksum(images, 0, images.length) + Fingerprinted.checksum(labels, 0, labels.length);
    }

    @Override
    public void close() {}
}
