package duet.device.cuda.model;

/** What can bind a launch. */
public enum Term {
    /** The tensor cores take no more. */
    TENSOR("tensor cores"),
    /** Tensor cores at the rate that the card's power allows. */
    POWER("power"),
    /** The FFMA lanes, with cycles lost to banks of the register file. */
    FFMA("FFMA"),
    /** An instruction a cycle and scheduler. */
    ISSUE("issue"),
    /** 128 bytes a cycle, read and written. */
    SHARED("shared memory"),
    /** The L2 cache, from which operands come. */
    L2("L2"),
    /** Device memory. */
    MEMORY("memory"),
    /** More than half of the multiprocessors' time passes while others finish the last wave of blocks. */
    WAVES("waves"),
    /** Starting and ending blocks: addresses, the first copies, the epilogue. */
    ENDS("ends"),
    /** The launch itself. */
    LAUNCH("launch");

    private final String label;

    Term(String label) {
        this.label = label;
    }

    @Override
    public String toString() {
        return label;
    }
}
