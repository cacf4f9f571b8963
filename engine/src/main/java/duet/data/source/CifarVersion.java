package duet.data.source;

/** The two forms in which CIFAR is given out; both hold the same images in the same order. */
enum CifarVersion {
    /** Labels and pixels of one image after the other. */
    BINARY,
    /** Pickled dictionaries. */
    PYTHON
}
