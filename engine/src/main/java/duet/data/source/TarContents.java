package duet.data.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.data.DataException;
import duet.files.Reasons;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;

/** Where the files of an uncompressed tar archive lie: only headers are read, so that files can be read later in any order. */
final class TarContents {
    private static final int BLOCK = 512;

    private TarContents() {}

    /** A file in the archive, or the archive itself. */
    record Member(String name, long offset, long size) {}

    /**
     * @param what   named in errors
     * @param within the part of the file that is the archive
     * @return in the order of the archive; of files of one name the last counts, as for tar
     */
    static List<Member> list(String what, FileChannel channel, Member within) {
        Map<String, Member> members = new LinkedHashMap<>();
        try (SeekableByteChannel part = new Part(channel, within); TarFile tar = new TarFile(part)) {
            long end = 0;
            for (TarArchiveEntry entry : tar.getEntries()) {
                long size = entry.isFile() ? entry.getSize() : 0;
                end = entry.getDataOffset() + Math.ceilDiv(size, BLOCK) * BLOCK;
                if (entry.getDataOffset() + size > within.size()) {
                    throw truncated(what, "within " + entry.getName());
                }
                if (entry.isFile()) {
                    String name = entry.getName();
                    members.remove(name);
                    members.put(name, new Member(name, within.offset() + entry.getDataOffset(), size));
                }
            }
            if (end + BLOCK > within.size() || within.size() == 0) {
                throw truncated(what, "without the mark of an archive's end");
            }
            return new ArrayList<>(members.values());
        } catch (IOException e) {
            throw String.valueOf(e.getMessage()).contains("runcated") ? truncated(what, "within a file")
                    : new DataException(what + " is a damaged tar archive (" + Reasons.of(e) + "): get it again", e);
        } catch (IllegalArgumentException e) {
            throw new DataException(what + " is no tar archive, or a damaged one (" + e.getMessage() + "): get it again", e);
        }
    }

    private static DataException truncated(String what, String where) {
        return new DataException(what + " is truncated: it ends " + where + "; get it again");
    }

    static Member whole(Path file, FileChannel channel) throws IOException {
        return new Member(file.toString(), 0, channel.size());
    }

    static byte[] read(FileChannel channel, Member member) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(member.size()));
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, member.offset() + bytes.position()) < 0) {
                throw new IOException("the archive has become shorter");
            }
        }
        return bytes.array();
    }

    /** A part of a file as a channel of its own; the file stays open when it is closed. */
    private static final class Part implements SeekableByteChannel {
        private final FileChannel channel;
        private final Member part;
        private long position;

        Part(FileChannel channel, Member part) {
            this.channel = channel;
            this.part = part;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            long left = part.size() - position;
            if (left <= 0) {
                return -1;
            }
            int limit = target.limit();
            target.limit(target.position() + (int) Math.min(left, target.remaining()));
            int count = channel.read(target, part.offset() + position);
            target.limit(limit);
            position += Math.max(0, count);
            return count;
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public SeekableByteChannel position(long newPosition) {
            position = newPosition;
            return this;
        }

        @Override
        public long size() {
            return part.size();
        }

        @Override
        public int write(ByteBuffer source) {
            throw new NonWritableChannelException();
        }

        @Override
        public SeekableByteChannel truncate(long size) {
            throw new NonWritableChannelException();
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() {}
    }
}
