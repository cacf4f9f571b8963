package duet.data.source;

import duet.data.image.DamagedImage;

/** Labelled image files, wherever they lie. Thread-safe. */
interface EncodedImages {
    int size();

    int label(int index);

    /** For people: a path, or an archive and what is in it. */
    String name(int index);

    /** What the file is called, the same wherever its folder or archive lies. */
    String shortName(int index);

    /** Bytes of the file. */
    long bytes(int index);

    byte[] read(int index) throws DamagedImage;

    void close();
}
