package duet.device.cuda.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A cubin: an ELF file with a section .text.KERNEL for each kernel, .nv.shared.KERNEL for its shared memory, and .nv.info, which has the
 * registers. As CUDA 13 writes it; targets from sm_80 on.
 */
public final class Cubin {
    private static final int INSTRUCTION_BYTES = 16;
    private static final int FLAGS = 48;
    private static final int SECTION_TABLE = 40;
    private static final int SECTION_SIZE = 58;
    private static final int SYMBOL_BYTES = 24;
    /** Of .nv.info: (format 4, attribute 0x2f), length 8, symbol of the kernel, registers. */
    private static final int REGISTERS = 0x2f04;
    /** The first target whose branches have the distance in other bits. */
    private static final int SPLIT_DISTANCE = 90;

    private record Section(String name, int start, int bytes) {}

    private final ByteBuffer elf;
    private final int target;
    private final List<Section> sections = new ArrayList<>();
    private final Map<String, MachineCode> kernels = new LinkedHashMap<>();

    /** @param file the bytes of a cubin */
    public Cubin(byte[] file) {
        elf = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        if (file.length < 64 || elf.getInt(0) != 0x464C457F) {
            throw new IllegalArgumentException("not an ELF file");
        }
        target = elf.getInt(FLAGS) >>> 8 & 0xff;
        if (target < 80) {
            throw new IllegalArgumentException("not a cubin of CUDA 13 for sm_80 or later");
        }
        int table = (int) elf.getLong(SECTION_TABLE);
        int size = elf.getShort(SECTION_SIZE);
        int names = (int) elf.getLong(table + size * elf.getShort(SECTION_SIZE + 4) + 24);
        for (int i = 0; i < elf.getShort(SECTION_SIZE + 2); i++) {
            int section = table + i * size;
            sections.add(new Section(text(names + elf.getInt(section)), (int) elf.getLong(section + 24), (int) elf.getLong(section + 32)));
        }
        Map<String, Integer> registers = registers();
        for (Section section : sections) {
            if (section.name().startsWith(".text.")) {
                String kernel = section.name().substring(".text.".length());
                int shared = sections.stream().filter(s -> s.name().equals(".nv.shared." + kernel)).mapToInt(Section::bytes).sum();
                kernels.put(kernel, new MachineCode(code(section), registers.getOrDefault(kernel, 0), shared));
            }
        }
    }

    private String text(int start) {
        int end = start;
        while (elf.get(end) != 0) {
            end++;
        }
        return new String(elf.array(), start, end - start, StandardCharsets.US_ASCII);
    }

    private Section section(String name) {
        return sections.stream().filter(section -> section.name().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("a cubin without " + name));
    }

    private Map<String, Integer> registers() {
        Map<String, Integer> registers = new LinkedHashMap<>();
        Section info = section(".nv.info");
        int symbols = section(".symtab").start();
        int names = section(".strtab").start();
        for (int at = info.start(); at < info.start() + info.bytes();) {
            boolean sized = elf.get(at) == 4;
            if (elf.getShort(at) == REGISTERS) {
                registers.put(text(names + elf.getInt(symbols + elf.getInt(at + 4) * SYMBOL_BYTES)), elf.getInt(at + 8));
            }
            at += 4 + (sized ? elf.getShort(at + 2) : 0);
        }
        return registers;
    }

    private List<Instruction> code(Section section) {
        List<Instruction> code = new ArrayList<>();
        for (int i = 0; i < section.bytes() / INSTRUCTION_BYTES; i++) {
            long low = elf.getLong(section.start() + i * INSTRUCTION_BYTES);
            long high = elf.getLong(section.start() + i * INSTRUCTION_BYTES + 8);
            code.add(new Instruction(low, high, Instruction.branches(low) ? (int) (i + 1 + distance(low, high) / INSTRUCTION_BYTES) : -1));
        }
        return code;
    }

    /** In bytes from the next instruction, signed: bits 32 to 81; from sm_90 on a quarter of it, 8 bits from 16 and the rest from 34. */
    private long distance(long low, long high) {
        if (target < SPLIT_DISTANCE) {
            return (low >>> 32 | (high & 0x3ffff) << 32) << 14 >> 14;
        }
        long upper = (low >>> 34 | (high & 0x3ffff) << 30) << 16 >> 16;
        return (upper << 8 | low >>> 16 & 0xff) * 4;
    }

    /** {@return what it was assembled for: 80, 90} */
    public int target() {
        return target;
    }

    /** {@return the names of its kernels} */
    public Set<String> kernels() {
        return kernels.keySet();
    }

    /**
     * {@return a kernel}
     *
     * @param kernel one of {@link #kernels}
     */
    public MachineCode kernel(String kernel) {
        return kernels.get(kernel);
    }
}
