package duet.device;

/**
 * Where the devices of a plan are that several processes compute together: each has the same number of them, the first process the first
 * ones.
 *
 * @param ranks the processes
 * @param each  devices of a process
 */
public record Peers(Ranks ranks, int each) {
    /** All devices are here. */
    public static final Peers NONE = new Peers(Ranks.ALONE, 0);

    /** {@return the index of this process's first device} */
    public int first() {
        return ranks.rank() * each;
    }

    /**
     * {@return the number of the process that has a device}
     *
     * @param device its index in the plan
     */
    public int rank(int device) {
        return each == 0 ? 0 : device / each;
    }

    /**
     * {@return the index of a device among this process's own}
     *
     * @param device its index in the plan
     * @param count  devices that this process has opened
     */
    public int own(int device, int count) {
        int own = device - first();
        if (own < 0 || own >= count) {
            throw new IllegalArgumentException("device " + device + " does not exist: there are " + count
                    + (first() == 0 ? "" : ", the first is " + first()));
        }
        return own;
    }

    /**
     * {@return whether a device is this process's}
     *
     * @param device its index in the plan
     */
    public boolean here(int device) {
        return rank(device) == ranks.rank();
    }

    /**
     * {@return whether a copy stays within this process}
     *
     * @param copy of a step
     */
    public boolean here(Step.Copy copy) {
        return here(copy.from().device()) && here(copy.to().device());
    }
}
