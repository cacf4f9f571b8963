package duet.data.shard;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

import duet.data.DataException;
import duet.data.Fingerprinted;
import duet.data.PixelSums;
import duet.data.shard.ShardFormat.Header;
import duet.files.Reasons;

/** A shard mapped into memory. Any thread may read; whoever closes the arena sees to it that none does any more. */
final class Shard {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment memory;
    private final Header header;

    private Shard(Path file, MemorySegment memory, Header header) {
        this.file = file;
        this.memory = memory;
        this.header = header;
    }

    /** Maps it and checks header and index. */
    static Shard open(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file)) {
            long size = channel.size();
            if (size < ShardFormat.HEADER_BYTES) {
                throw refusal(file, "is truncated: it has " + size + " bytes");
            }
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            ByteBuffer start = memory.asSlice(0, ShardFormat.HEADER_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            Header header = ShardFormat.parse(start, size, why -> refusal(file, why));
            ByteBuffer entries = memory.asSlice(header.index(), (long) header.images() * ShardFormat.ENTRY_BYTES).asByteBuffer();
            ShardFormat.check(start, entries, why -> refusal(file, why));
            return new Shard(file, memory, header);
        } catch (NoSuchFileException e) {
            throw refusal(file, "is missing");
        } catch (IOException e) {
            throw new DataException(file + " cannot be read: " + Reasons.of(e), e);
        }
    }

    private static DataException refusal(Path file, String why) {
        return new DataException(file + " " + why + ": the same ./duet data prepare makes it again and keeps the others");
    }

    Header header() {
        return header;
    }

    long bytes() {
        return memory.byteSize();
    }

    /** Stands for the whole content, by way of the checksums of the images. */
    int checksum() {
        return memory.get(INT, 56);
    }

    int label(int image) {
        return memory.get(INT, entry(image) + 12);
    }

    int length(int image) {
        return memory.get(INT, entry(image) + 8);
    }

    private long entry(int image) {
        return header.index() + (long) image * ShardFormat.ENTRY_BYTES;
    }

    /** Copies the {@link #length} stored bytes of an image and compares them with their checksum. */
    void copy(int image, byte[] target, int offset) {
        long entry = entry(image);
        long place = memory.get(LONG, entry);
        int length = length(image);
        try {
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, place, target, offset, length);
        } catch (InternalError e) {
            throw new DataException(file + " can no longer be read: it was cut short, or its disk fails", e);
        }
        if (Fingerprinted.checksum(target, offset, length) != memory.get(INT, entry + 16)) {
            throw refusal(file, "is damaged: image " + image + " differs from its checksum");
        }
    }

    /** Compares every image with its checksum. */
    void verify() {
        byte[] bytes = new byte[0];
        for (int i = 0; i < header.images(); i++) {
            int length = length(i);
            if (length < 0 || memory.get(LONG, entry(i)) < 0 || memory.get(LONG, entry(i)) + length > header.index()) {
                throw refusal(file, "is damaged: image " + i + " lies outside");
            }
            bytes = bytes.length < length ? new byte[length] : bytes;
            copy(i, bytes, 0);
        }
    }

    PixelSums sums() {
        int length = ShardFormat.sumsBytes(header.stored());
        if (header.sums() == 0 || header.sums() + length != memory.byteSize()) {
            throw refusal(file, "is truncated: its sums are incomplete");
        }
        byte[] bytes = memory.asSlice(header.sums(), length).toArray(ValueLayout.JAVA_BYTE);
        return ShardFormat.sums(bytes, header.stored(), why -> refusal(file, why));
    }
}
