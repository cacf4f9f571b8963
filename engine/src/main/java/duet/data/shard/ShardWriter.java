package duet.data.shard;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;

import duet.data.Fingerprinted;
import duet.data.PixelSums;
import duet.net.Shape;

/** Writes one shard from the front to the back, the header last. */
final class ShardWriter {
    private final FileChannel channel;
    private final Shape stored;
    private final boolean jpeg;
    private final ByteBuffer entries;
    private long place = ShardFormat.HEADER_BYTES;
    private int images;
    private int damaged;

    /** @param most images that may come */
    ShardWriter(FileChannel channel, Shape stored, boolean jpeg, int most) {
        this.channel = channel;
        this.stored = stored;
        this.jpeg = jpeg;
        entries = ShardFormat.buffer(Math.multiplyExact(most, ShardFormat.ENTRY_BYTES));
    }

    /**
     * Some images in their order.
     *
     * @param contents null for one that is damaged
     */
    void add(List<byte[]> contents, int[] labels) throws IOException {
        for (int i = 0; i < labels.length; i++) {
            byte[] bytes = contents.get(i);
            if (bytes == null) {
                damaged++;
                continue;
            }
            entries.putLong(place).putInt(bytes.length).putInt(labels[i]).putInt(Fingerprinted.checksum(bytes, 0, bytes.length));
            write(ByteBuffer.wrap(bytes));
            images++;
        }
    }

    /** @param sums null for a validation set */
    void finish(PixelSums sums) throws IOException {
        long index = place;
        ByteBuffer written = entries.flip();
        write(written.duplicate());
        long placeOfSums = sums == null ? 0 : place;
        if (sums != null) {
            write(ShardFormat.sums(sums));
        }
        place = 0;
        write(new ShardFormat.Header(jpeg, stored, images, damaged, index, placeOfSums).bytes(written));
    }

    private void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            place += channel.write(bytes, place);
        }
    }
}
