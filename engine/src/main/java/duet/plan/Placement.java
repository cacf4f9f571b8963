package duet.plan;

/** Which device holds which part of each layer. */
public enum Placement {
    /** Everything on one device. */
    ONE_DEVICE(1),
    /** The paper's two towers: each device owns half of every layer. */
    TWO_TOWERS(2);

    private final int devices;

    Placement(int devices) {
        this.devices = devices;
    }

    /** {@return how many devices it needs} */
    public int devices() {
        return devices;
    }
}
