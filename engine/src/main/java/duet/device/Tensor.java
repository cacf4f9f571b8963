package duet.device;

/**
 * One block of numbers on one device, as a plan names it. It says how large the data are, not where they lie (that is a
 * {@link Region}) nor in which order (that is the backend's business; {@link Program#read} and {@link Program#write} speak the
 * canonical order below).
 *
 * <p>Canonical order: activations [batch][channels][height][width]; filters [outputs][inputs][kernel height][kernel width],
 * where a fully connected layer is a filter whose kernel covers its whole input; vectors [length]; bytes are stored images
 * [batch][height][width][channels].
 *
 * @param id       unique in its plan; persistent tensors have the same id in every plan of one network and placement
 * @param name     for people, such as {@code conv2.output}
 * @param device   index of the device that holds it
 * @param format   what the four sizes mean
 * @param role     how long it lives
 * @param batch    images; for filters the number of outputs
 * @param channels of an image; for filters the input channels of a group, for vectors the length
 * @param height   of a map; for filters that of the kernel
 * @param width    of a map; for filters that of the kernel
 * @param groups   for filters the groups of the convolution (each has batch / groups of the outputs), else 1: a backend may lay out each
 *                 group by itself
 */
public record Tensor(
        int id, String name, int device, Format format, Role role, int batch, int channels, int height, int width, int groups) {

    /**
     * A tensor without groups.
     *
     * @param id       unique in its plan
     * @param name     for people
     * @param device   index of the device that holds it
     * @param format   what the four sizes mean
     * @param role     how long it lives
     * @param batch    images; for filters the number of outputs
     * @param channels of an image or filter
     * @param height   of a map or kernel
     * @param width    of a map or kernel
     */
    public Tensor(int id, String name, int device, Format format, Role role, int batch, int channels, int height, int width) {
        this(id, name, device, format, role, batch, channels, height, width, 1);
    }

    /** What a tensor holds, and so how a backend may lay it out. */
    public enum Format {
        /** float, batch x channels x height x width */
        ACTIVATION,
        /** float, outputs x inputs x kernel height x kernel width */
        FILTER,
        /** float, length = channels; batch, height and width are 1 */
        VECTOR,
        /** unsigned bytes, stored images: batch x height x width x channels */
        IMAGES,
        /** unsigned bytes, one for each element of an activation: the winners of max-pooling */
        WINNERS,
        /** 32-bit integers, batch x channels */
        INTEGERS
    }

    /** How long a tensor lives. */
    public enum Role {
        /** weights and biases: outlive every run and are shared by all plans of a network */
        PARAMETER,
        /** the momentum of a parameter: outlives every run */
        MOMENTUM,
        /** other data that outlive a run, such as the mean image */
        CONSTANT,
        /** written by the host before each run */
        INPUT,
        /** lives between its first write and its last read within a run */
        TRANSIENT,
        /** a part of a parameter while it is updated: lives as TRANSIENT does, and a backend stores it as it does the parameter */
        SHARE,
        /** read by the host after each run */
        OUTPUT;

        /** {@return whether it lies in memory that outlives the run and is shared by plans} */
        public boolean persistent() {
            return this == PARAMETER || this == MOMENTUM || this == CONSTANT;
        }

        /** {@return whether the host neither writes it before a run nor reads it after one: others may have its memory before and after} */
        public boolean passing() {
            return this == TRANSIENT || this == SHARE;
        }
    }

    /** {@return how many numbers it has} */
    public long elements() {
        return (long) batch * channels * height * width;
    }

    /** {@return the elements of one image (or, of a filter, of one output)} */
    public long elementsPerImage() {
        return (long) channels * height * width;
    }

    /**
     * Throws an {@link IllegalArgumentException} if an array of this length cannot be its content.
     *
     * @param length of the array
     */
    public void requireLength(int length) {
        if (length != elements()) {
            throw new IllegalArgumentException(this + " has " + elements() + " elements, the array " + length);
        }
    }

    /** {@return the bytes of the bare data, without any padding that a backend's layout adds} */
    public long dataBytes() {
        return switch (format) {
            case IMAGES, WINNERS -> elements();
            default -> 4 * elements();
        };
    }

    /** {@return its sizes in words, such as {@code 128x96x55x55}} */
    public String sizes() {
        return format == Format.VECTOR ? Integer.toString(channels) : batch + "x" + channels + "x" + height + "x" + width;
    }

    @Override
    public String toString() {
        return name + "@" + device + " " + sizes();
    }
}
