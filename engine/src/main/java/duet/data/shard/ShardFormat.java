package duet.data.shard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

import duet.data.Fingerprinted;
import duet.data.PixelSums;
import duet.net.Shape;

/**
 * A shard: a part of a prepared data set in one file, lowest byte first.
 *
 * <pre>
 * 0    64 bytes: see {@link Header}
 * 64   the images one after the other: [height][width][channels], or JPEG files
 *      the index, 20 bytes an image: place (8), length (4), label (4), CRC32C of the image (4)
 *      the sums (training set only): images (8), products of channels (8 each), levels (8 each), CRC32C of the sums (4)
 * </pre>
 *
 * The header's checksum covers the header and the index, and so by the images' checksums every image.
 */
public final class ShardFormat {
    /** The version that is written; others are refused. */
    public static final int VERSION = 1;
    static final int HEADER_BYTES = 64;
    /** Size of an image's entry in the index. */
    public static final int ENTRY_BYTES = 20;
    private static final long MAGIC = 0x4452_4853_5445_5544L; // "DUETSHRD"
    private static final int CHECKED_HEADER_BYTES = 56;

    private ShardFormat() {}

    /**
     * @param images  stored ones
     * @param damaged images of the source that could not be read and were left out
     * @param index   place of the index
     * @param sums    place of the sums, 0 if there are none
     */
    record Header(boolean jpeg, Shape stored, int images, int damaged, long index, long sums) {
        /** @param entries the index */
        ByteBuffer bytes(ByteBuffer entries) {
            ByteBuffer bytes = buffer(HEADER_BYTES);
            bytes.putLong(MAGIC).putInt(VERSION).putInt(jpeg ? 1 : 0);
            bytes.putInt(stored.channels()).putInt(stored.height()).putInt(stored.width());
            bytes.putInt(images).putInt(damaged).putInt(0).putLong(index).putLong(sums);
            bytes.putInt(checksum(bytes, entries));
            return bytes.position(0);
        }
    }

    static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int checksum(ByteBuffer header, ByteBuffer entries) {
        CRC32C crc = new CRC32C();
        crc.update(header.duplicate().position(0).limit(CHECKED_HEADER_BYTES));
        crc.update(entries.duplicate().position(0));
        return (int) crc.getValue();
    }

    /** @param why told what is wrong in words; never returns normally */
    interface Refusal {
        RuntimeException because(String why);
    }

    /** Reads and checks a header without the index. */
    static Header parse(ByteBuffer bytes, long fileSize, Refusal refusal) {
        if (bytes.getLong(0) != MAGIC) {
            throw refusal.because("is no shard of prepared images");
        }
        if (bytes.getInt(8) != VERSION) {
            throw refusal.because("is a shard of version " + bytes.getInt(8) + ", but this program reads version " + VERSION);
        }
        Header header = new Header(bytes.getInt(12) == 1, new Shape(bytes.getInt(16), bytes.getInt(20), bytes.getInt(24)),
                bytes.getInt(28), bytes.getInt(32), bytes.getLong(40), bytes.getLong(48));
        long entries = (long) header.images() * ENTRY_BYTES;
        if (header.images() < 0 || header.index() < HEADER_BYTES || header.index() > fileSize - entries || header.sums() > fileSize) {
            throw refusal.because("is truncated: its header tells of " + header.images() + " images, but it has " + fileSize + " bytes");
        }
        return header;
    }

    static void check(ByteBuffer header, ByteBuffer entries, Refusal refusal) {
        if (header.getInt(CHECKED_HEADER_BYTES) != checksum(header, entries)) {
            throw refusal.because("is damaged: its index differs from its checksum");
        }
    }

    static ByteBuffer sums(PixelSums sums) {
        ByteBuffer bytes = buffer(8 * (1 + sums.products().length + sums.levels().length) + 4);
        bytes.putLong(sums.images());
        for (long product : sums.products()) {
            bytes.putLong(product);
        }
        for (long level : sums.levels()) {
            bytes.putLong(level);
        }
        bytes.putInt(Fingerprinted.checksum(bytes.array(), 0, bytes.position()));
        return bytes.position(0);
    }

    static int sumsBytes(Shape stored) {
        return sums(PixelSums.none(stored)).capacity();
    }

    static PixelSums sums(byte[] bytes, Shape stored, Refusal refusal) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (in.getInt(bytes.length - 4) != Fingerprinted.checksum(bytes, 0, bytes.length - 4)) {
            throw refusal.because("is damaged: its sums differ from their checksum");
        }
        PixelSums sums = PixelSums.none(stored);
        long images = in.getLong();
        for (int p = 0; p < sums.products().length; p++) {
            sums.products()[p] = in.getLong();
        }
        for (int e = 0; e < sums.levels().length; e++) {
            sums.levels()[e] = in.getLong();
        }
        return new PixelSums(sums.levels(), sums.products(), images);
    }
}
