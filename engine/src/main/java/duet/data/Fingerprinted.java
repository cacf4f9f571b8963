package duet.data;

import java.util.zip.CRC32C;

/** A source of images that can say in a number which one it is: others, or changed ones, have another number. */
public interface Fingerprinted {
    /** {@return a number that tells this source from others, and from itself with changed images} */
    int fingerprint();

    /**
     * {@return the number of any data set; of one that cannot tell it, that of its description}
     *
     * @param data any data set
     */
    static int of(Dataset data) {
        return data instanceof Fingerprinted known ? known.fingerprint() : data.description().hashCode();
    }

    /**
     * {@return the CRC32C of a part of an array, as shards store it for each image}
     *
     * @param bytes  the array
     * @param offset first byte of the part
     * @param length bytes of the part
     */
    static int checksum(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }
}
