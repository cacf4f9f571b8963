package duet.device.cuda.model;

/**
 * An instruction of 16 bytes. The lowest 9 bits tell what it does, the next 3 how it finds its operands, the next 4 under which
 * predicate; the highest 23 bits are the scheduler's: stall count, barriers, which operands stay in the reuse cache.
 *
 * @param target index of the instruction that a branch goes to; -1 for all others
 */
record Instruction(long low, long high, int target) {
    static final int FFMA = 0x023;
    /** mma.sync. */
    static final int HMMA = 0x03c;
    /** Loads from and stores to local memory: spills, or arrays that registers cannot hold. */
    static final int LDL = 0x183;
    static final int STL = 0x187;
    static final int LDS = 0x184;
    static final int STS = 0x188;
    /** ldmatrix. */
    static final int LDSM = 0x03b;
    static final int LDG = 0x181;
    static final int STG = 0x186;
    /** cp.async: from global to shared memory. */
    static final int LDGSTS = 0x1ae;
    static final int BRA = 0x147;
    /** A call, but under a predicate ptxas uses it as a branch (sm_80). */
    private static final int CALL = 0x144;
    static final int EXIT = 0x14d;

    /** The register that reads as zero. */
    private static final int ZERO = 255;
    private static final int ALWAYS = 7;
    private static final int[] ACCESS_BYTES = {1, 1, 2, 2, 4, 8, 16, 16};
    /** Sources of an FFMA. */
    private static final int OPERANDS = 3;

    static boolean branches(long low) {
        int opcode = (int) low & 0x1ff;
        return opcode == BRA || opcode == CALL && (low >>> 12 & 15) != ALWAYS;
    }

    int opcode() {
        return (int) low & 0x1ff;
    }

    boolean is(int opcode) {
        return opcode() == opcode;
    }

    /** Cycles until the warp may issue its next instruction. */
    int stall() {
        return (int) (high >>> 41) & 15;
    }

    /** Whether the warp may go on behind it: a branch or an exit under a condition, or any other instruction. */
    boolean fallsThrough() {
        boolean leaves = is(BRA) || is(EXIT);
        boolean conditional = ((low >>> 12) & 15) != ALWAYS || is(BRA) && (((high >>> 23) & 15) != ALWAYS || ((low >>> 9) & 7) != 4);
        return !leaves || conditional;
    }

    /** Whether it stands under a predicate that never holds: ptxas pads copies to shared memory with loads that load nothing. */
    boolean never() {
        return ((low >>> 12) & 15) == (ALWAYS | 8);
    }

    /** Bytes that a thread moves. */
    int bytes() {
        return ACCESS_BYTES[(int) (high >>> 9) & 7];
    }

    /** ldmatrix: 1, 2 or 4 matrices of 8 x 16 bytes. */
    int matrices() {
        return 1 << ((high >>> 8) & 3);
    }

    /** FFMA whose three operands are registers, not constants. */
    boolean readsThreeRegisters() {
        return is(FFMA) && ((low >>> 9) & 7) == 1;
    }

    /** Register of a source operand, 0 to 2. */
    int source(int operand) {
        return (int) (operand == 0 ? low >>> 24 : operand == 1 ? low >>> 32 : high) & 255;
    }

    private boolean keeps(int operand) {
        return (high >>> 58 + operand & 1) != 0;
    }

    /**
     * Whether all three sources are different registers of one parity, which one bank of the register file must deliver one after the
     * other.
     *
     * @param cache the registers in the reuse cache, by operand; -1 for none
     */
    boolean conflicts(int[] cache) {
        if (!readsThreeRegisters()) {
            return false;
        }
        int a = source(0);
        int b = source(1);
        int c = source(2);
        for (int operand = 0; operand < OPERANDS; operand++) {
            if (source(operand) == ZERO || cache[operand] == source(operand)) {
                return false;
            }
        }
        return a != b && b != c && a != c && ((a ^ b) & 1) == 0 && ((b ^ c) & 1) == 0;
    }

    /** Brings the reuse cache up to date. */
    void reuse(int[] cache) {
        for (int operand = 0; operand < OPERANDS; operand++) {
            cache[operand] = is(FFMA) && keeps(operand) ? source(operand) : -1;
        }
    }
}
