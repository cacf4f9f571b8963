package duet.data;

/** What is subtracted from every image. */
public enum Mean {
    /** The mean image of the training set, as in the paper. */
    IMAGE,
    /** The mean colour, the same for every pixel. */
    RGB,
    /** Nothing. */
    NONE
}
