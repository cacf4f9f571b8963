package duet.data;

import java.util.zip.CRC32C;

/** A source of images that can say in a number which one it is: others, or changed ones, have another number. */
public interface Fingerprinted {
    int fingerprint();

    /** The number of any data set; of one that cannot tell it, that of its description. */
    static int of(Dataset data) {
        return data instanceof Fingerprinted known ? known.fingerprint() : data.description().hashCode();
    }

    /** CRC32C of a part of an array, as shards store it for each image. */
    static int checksum(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }
}
