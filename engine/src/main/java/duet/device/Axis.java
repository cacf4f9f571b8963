package duet.device;

/** What activations can be cut along, so that devices have a part each: their parts side by side are the whole. */
public enum Axis {
    /** The images of a batch. */
    BATCH,
    /** The channels of a map. */
    CHANNELS,
    /** The rows of a map. */
    ROWS;

    /**
     * {@return how long a tensor is along this axis}
     *
     * @param tensor an activation
     */
    public int length(Tensor tensor) {
        return switch (this) {
            case BATCH -> tensor.batch();
            case CHANNELS -> tensor.channels();
            case ROWS -> tensor.height();
        };
    }
}
