package duet.device.cuda.model;

/**
 * What a warp issues on its way through a piece of code.
 *
 * @param instructions all
 * @param ffma         fused multiply-adds
 * @param conflicts    of them those that wait a cycle for a bank of the register file
 * @param hmma         mma.sync
 * @param hmmaCycles   cycles in which these keep the tensor core busy
 * @param wideLoads    16-byte loads from shared memory, whose cycles depend on how many lanes agree
 * @param sharedCycles cycles of all other accesses to shared memory at 128 bytes a cycle
 * @param copyBytes    bytes that a thread copies from global to shared memory
 * @param globalBytes  bytes that a thread loads from or stores to global memory
 */
public record Mix(
        double instructions, double ffma, double conflicts, double hmma, double hmmaCycles, double wideLoads, double sharedCycles,
        double copyBytes, double globalBytes) {
    static final Mix NOTHING = new Mix(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** @param interval cycles from one HMMA to the next */
    static Mix of(Instruction instruction, boolean conflict, int interval) {
        if (instruction.never()) {
            return new Mix(1, 0, 0, 0, 0, 0, 0, 0, 0);
        }
        int bytes = instruction.bytes();
        int opcode = instruction.opcode();
        boolean loads = opcode == Instruction.LDS;
        boolean hmma = opcode == Instruction.HMMA;
        // A warp moves 32 times as many bytes, 128 a cycle.
        double shared = opcode == Instruction.LDSM ? instruction.matrices()
                : loads && bytes < 16 || opcode == Instruction.STS ? Math.max(1, bytes / 4.0) : 0;
        return new Mix(1, opcode == Instruction.FFMA ? 1 : 0, conflict ? 1 : 0, hmma ? 1 : 0, hmma ? interval : 0,
                loads && bytes == 16 ? 1 : 0, shared, opcode == Instruction.LDGSTS ? bytes : 0,
                opcode == Instruction.LDG || opcode == Instruction.STG ? bytes : 0);
    }

    Mix plus(Mix other) {
        return new Mix(instructions + other.instructions, ffma + other.ffma, conflicts + other.conflicts, hmma + other.hmma,
                hmmaCycles + other.hmmaCycles, wideLoads + other.wideLoads, sharedCycles + other.sharedCycles,
                copyBytes + other.copyBytes, globalBytes + other.globalBytes);
    }

    Mix times(double factor) {
        return new Mix(instructions * factor, ffma * factor, conflicts * factor, hmma * factor, hmmaCycles * factor, wideLoads * factor,
                sharedCycles * factor, copyBytes * factor, globalBytes * factor);
    }

    /** Instructions for whose sake there is a main loop. */
    double products() {
        return ffma + hmma;
    }

    double movedBytes() {
        return copyBytes + globalBytes;
    }

    /** Of two ways through the code the one that does the work, and if both do, the shorter one: other ways skip copies at the edges. */
    boolean worksMoreThan(Mix other) {
        if (products() != other.products()) {
            return products() > other.products();
        }
        if (movedBytes() != other.movedBytes()) {
            return movedBytes() > other.movedBytes();
        }
        return instructions < other.instructions;
    }
}
