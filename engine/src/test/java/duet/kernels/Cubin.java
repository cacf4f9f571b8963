package duet.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The machine code in a cubin, as far as one needs to count instructions. A cubin is an ELF file with a section .text.KERNEL for each
 * kernel; an instruction has 16 bytes, and the lowest 9 bits of the first word tell it (the next 3 how it finds its operands).
 */
final class Cubin {
    static final int FFMA = 0x023;
    /** A product of small matrices on a tensor core. */
    static final int HMMA = 0x03c;
    /** Loads from and stores to local memory: spills, or arrays that registers cannot hold. */
    static final int LDL = 0x183;
    static final int STL = 0x187;
    private static final int BRA = 0x147;

    private static final int INSTRUCTION_BYTES = 16;
    private static final int SECTION_TABLE = 40;
    private static final int SECTION_SIZE = 58;
    private static final String TEXT = ".text.";

    private final Map<String, int[]> opcodes = new LinkedHashMap<>();
    private final Map<String, int[]> targets = new LinkedHashMap<>();

    Cubin(byte[] file) {
        ByteBuffer elf = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        if (elf.getInt(0) != 0x464C457F) {
            throw new IllegalArgumentException("not an ELF file");
        }
        int table = (int) elf.getLong(SECTION_TABLE);
        int size = elf.getShort(SECTION_SIZE);
        int count = elf.getShort(SECTION_SIZE + 2);
        int names = (int) elf.getLong(table + size * elf.getShort(SECTION_SIZE + 4) + 24);
        for (int i = 0; i < count; i++) {
            int section = table + i * size;
            String name = name(file, names + elf.getInt(section));
            if (name.startsWith(TEXT)) {
                read(elf, name.substring(TEXT.length()), (int) elf.getLong(section + 24), (int) elf.getLong(section + 32));
            }
        }
    }

    private static String name(byte[] file, int start) {
        int end = start;
        while (file[end] != 0) {
            end++;
        }
        return new String(file, start, end - start, StandardCharsets.US_ASCII);
    }

    private void read(ByteBuffer elf, String kernel, int start, int bytes) {
        int[] codes = new int[bytes / INSTRUCTION_BYTES];
        int[] jumps = new int[codes.length];
        for (int i = 0; i < codes.length; i++) {
            long low = elf.getLong(start + i * INSTRUCTION_BYTES);
            long high = elf.getLong(start + i * INSTRUCTION_BYTES + 8);
            codes[i] = (int) low & 0x1ff;
            // A branch holds the distance from the next instruction in bits 32 to 81, in bytes, signed.
            long distance = (low >>> 32 | (high & 0x3ffff) << 32) << 14 >> 14;
            jumps[i] = codes[i] == BRA ? (int) (i + 1 + distance / INSTRUCTION_BYTES) : -1;
        }
        opcodes.put(kernel, codes);
        targets.put(kernel, jumps);
    }

    Iterable<String> kernels() {
        return opcodes.keySet();
    }

    int count(String kernel, int opcode) {
        return count(opcodes.get(kernel), 0, opcodes.get(kernel).length - 1, opcode);
    }

    private static int count(int[] codes, int first, int last, int opcode) {
        int count = 0;
        for (int i = first; i <= last; i++) {
            count += codes[i] == opcode ? 1 : 0;
        }
        return count;
    }

    /** The share of an instruction, FFMA or HMMA, among those of the loop that has the most of it; 0 without a loop that has any. */
    double mainLoopShare(String kernel, int opcode) {
        int[] codes = opcodes.get(kernel);
        int[] jumps = targets.get(kernel);
        int most = 0;
        double share = 0;
        for (int i = 0; i < codes.length; i++) {
            if (jumps[i] >= 0 && jumps[i] < i) {
                int count = count(codes, jumps[i], i, opcode);
                double part = (double) count / (i - jumps[i] + 1);
                // Of nested loops the inner one: nearly as many multiply-adds, a larger share.
                if (count > most || count >= 0.9 * most && part > share) {
                    most = Math.max(most, count);
                    share = part;
                }
            }
        }
        return share;
    }
}
