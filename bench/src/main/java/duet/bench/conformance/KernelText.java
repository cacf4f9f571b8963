package duet.bench.conformance;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A small kernel for each form. Every one takes three arguments: the operands (32 bytes a lane), the answers (32 bytes a lane, zeroed) and
 * 32 bytes that are the same for all lanes. It has blocks of {@link #LANES} lanes, two warps, so that barriers have something to do.
 */
final class KernelText {
    static final int LANES = 64;
    static final String NAME = "form";
    static final int BYTES = 8 * Operands.WORDS;

    private static final String HEAD = """
            .version 7.4
            .target sm_80
            .address_size 64
            .visible .entry form(.param .u64 in, .param .u64 out, .param .align 16 .b8 same[32])
            .maxntid 64, 1, 1
            {
            .reg .b64 %in, %out, %mine, %other, %w<5>;
            .reg .b32 %t<8>, %lane, %index;
            .reg .pred %p<3>;
            .shared .align 16 .b8 tile[2048];
            mov.u32 %lane, %tid.x;
            mov.u32 %t0, %ctaid.x;
            shl.b32 %t1, %t0, 6;
            add.s32 %index, %t1, %lane;
            mul.wide.u32 %w0, %index, 32;
            ld.param.u64 %in, [in];
            ld.param.u64 %out, [out];
            cvta.to.global.u64 %in, %in;
            cvta.to.global.u64 %out, %out;
            add.s64 %in, %in, %w0;
            add.s64 %out, %out, %w0;
            mov.u64 %mine, tile;
            mul.wide.u32 %w0, %lane, 32;
            add.s64 %mine, %mine, %w0;
            mov.u64 %other, tile;
            add.s32 %t0, %lane, 33;
            and.b32 %t0, %t0, 63;
            mul.wide.u32 %w0, %t0, 32;
            add.s64 %other, %other, %w0;
            ld.global.v2.u64 {%w0, %w1}, [%in];
            ld.global.v2.u64 {%w2, %w3}, [%in+16];
            """;
    private static final String SHARE = """
            st.shared.v2.u64 [%mine], {%w0, %w1};
            st.shared.v2.u64 [%mine+16], {%w2, %w3};
            bar.sync 0;
            """;
    private static final String SHOW_OTHER = """
            bar.sync 0;
            ld.shared.v2.u64 {%w0, %w1}, [%other];
            ld.shared.v2.u64 {%w2, %w3}, [%other+16];
            st.global.v2.u64 [%out], {%w0, %w1};
            st.global.v2.u64 [%out+16], {%w2, %w3};
            """;
    private static final String CLEAR = """
            mov.u64 %w4, 0;
            st.shared.v2.u64 [%mine], {%w4, %w4};
            st.shared.v2.u64 [%mine+16], {%w4, %w4};
            """;
    /** Goes round as often as the lowest five bits of the first operand say, so lanes part, and half of them leave first. */
    private static final String BRANCHES = """
            cvt.u32.u64 %t0, %w0;
            and.b32 %t1, %t0, 31;
            mov.u32 %t2, 0;
            and.b32 %t3, %lane, 1;
            setp.eq.s32 %p0, %t3, 0;
            @%p0 bra APART;
            bra.uni LOOP;
            APART:
            mov.u32 %t2, 1000;
            LOOP:
            add.s32 %t2, %t2, 1;
            sub.s32 %t1, %t1, 1;
            setp.gt.s32 %p1, %t1, 0;
            @%p1 bra LOOP;
            st.global.u32 [%out], %t2;
            @%p0 ret;
            st.global.u32 [%out+8], %t2;
            """;
    /** Copies of each size; the third operand says of how many bytes, the rest is filled with zeros. */
    private static final String COPIES = """
            cvt.u32.u64 %t0, %w2;
            and.b32 %t0, %t0, 31;
            min.s32 %t1, %t0, 4;
            min.s32 %t2, %t0, 8;
            min.s32 %t3, %t0, 16;
            cp.async.ca.shared.global [%mine], [%in], 4, %t1;
            cp.async.ca.shared.global [%mine+8], [%in+8], 8, %t2;
            cp.async.commit_group;
            cp.async.ca.shared.global [%mine+16], [%in], 16, %t3;
            cp.async.commit_group;
            cp.async.wait_group 1;
            cp.async.wait_group 0;
            """;
    /** The same of 16 bytes alone, past the first-level cache. */
    private static final String COPIES_OF_16 = """
            cvt.u32.u64 %t0, %w2;
            and.b32 %t0, %t0, 31;
            min.s32 %t0, %t0, 16;
            cp.async.cg.shared.global [%mine], [%in], 16, %t0;
            cp.async.cg.shared.global [%mine+16], [%in+16], 16;
            cp.async.commit_group;
            cp.async.wait_group 0;
            """;

    /** Lanes of one warp exchange what they have. */
    private static final String MEET = """
            st.shared.v2.u64 [%mine], {%w0, %w1};
            bar.warp.sync -1;
            xor.b32 %t0, %lane, 1;
            mul.wide.u32 %w2, %t0, 32;
            mov.u64 %other, tile;
            add.s64 %other, %other, %w2;
            ld.shared.v2.u64 {%w0, %w1}, [%other];
            st.global.v2.u64 [%out], {%w0, %w1};
            """;
    /** Each lane names a row of 16 bytes, all over the tile and in no order. */
    private static final String ROWS = """
            mad.lo.s32 %t0, %lane, 39, 5;
            and.b32 %t0, %t0, 127;
            shl.b32 %t0, %t0, 4;
            mov.u32 %t1, tile;
            add.s32 %t1, %t1, %t0;
            """;
    /**
     * The fragments of a 16x8x16 product. The first warp has any bits, with NaN and infinity among them; the second numbers between 2^-7
     * and 2, whose sums show how terms are aligned and cut off.
     */
    private static final String FRAGMENTS = """
            {
            .reg .b32 %a<4>, %b<2>, %c<4>;
            .reg .f32 %d<4>;
            mov.b64 {%a0, %a1}, %w0;
            mov.b64 {%a2, %a3}, %w1;
            mov.b64 {%b0, %b1}, %w2;
            mov.b64 {%c0, %c1}, %w3;
            setp.ge.u32 %p0, %lane, 32;
            """;

    private KernelText() {}

    /** @param text PTX of the kernel */
    record Kernel(String form, String text, long[][] operands, int answers) {}

    /** The kernel for a form; empty if this program knows none. */
    static Optional<Kernel> of(String form) {
        Optional<Instruction> computes = Instruction.of(form);
        if (computes.isPresent()) {
            String body = computes.get().body() + "st.global.u64 [%out], %w0;\n";
            return Optional.of(new Kernel(form, whole(body), Operands.of(computes.get()), 1));
        }
        return Optional.ofNullable(moves(form)).map(body -> new Kernel(form, whole(body), Operands.bits(form, LANES), Operands.WORDS));
    }

    /** How many of a lane's operands the kernel for a form looks at. */
    static int used(String form) {
        Optional<Instruction> computes = Instruction.of(form);
        if (computes.isPresent()) {
            return computes.get().operands().size();
        }
        if (form.startsWith("mov.u32 %")) {
            return 0;
        }
        return form.matches("bra.*|ret") ? 1 : form.matches("(atom|shfl).*") ? 2 : Operands.WORDS;
    }

    private static String whole(String body) {
        return HEAD + body + "ret;\n}\n";
    }

    /** What moves data or lanes; null for an unknown form. */
    private static String moves(String form) {
        if (form.startsWith("mov.u32 %")) {
            return form.replace("mov.u32", "mov.u32 %t0,") + ";\nst.global.u32 [%out], %t0;\n";
        }
        if (form.matches("ld(\\.(global|shared|param))?(\\.nc)?(\\.v[24])?\\.[busf](8|16|32|64)")) {
            return load(form);
        }
        if (form.matches("st(\\.(global|shared))?(\\.v[24])?\\.[busf](8|16|32|64)")) {
            return store(form);
        }
        if (form.matches("atom\\.global\\.(or|and|xor|add|min|max|exch)\\.[bus]32")) {
            return "cvt.u32.u64 %t0, %w0;\ncvt.u32.u64 %t1, %w1;\nst.global.u32 [%out+8], %t1;\n"
                    + form + " %t2, [%out+8], %t0;\nst.global.u32 [%out], %t2;\n";
        }
        if (form.matches("shfl\\.sync\\.(bfly|idx|up|down)\\.b32")) {
            return "cvt.u32.u64 %t0, %w0;\ncvt.u32.u64 %t1, %w1;\nand.b32 %t1, %t1, 31;\n" + form + " %t2|%p0, %t0, %t1, "
                    + (form.contains(".up.") ? 0 : 31) + ", 0xffffffff;\nselp.u32 %t3, 1, 0, %p0;\n"
                    + "st.global.u32 [%out], %t2;\nst.global.u32 [%out+8], %t3;\n";
        }
        if (form.matches("ldmatrix\\.sync\\.aligned\\.m8n8\\.x4(\\.trans)?\\.shared\\.b16")) {
            return SHARE + ROWS + form + " {%t2, %t3, %t4, %t5}, [%t1];\nst.global.v4.b32 [%out], {%t2, %t3, %t4, %t5};\n";
        }
        if (form.equals("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")) {
            return product(form);
        }
        return switch (form) {
            case "bar.warp.sync" -> MEET;
            case "bar.sync", "cvta.to.global.u64" -> SHARE + SHOW_OTHER;
            case "bra", "bra.uni", "ret" -> BRANCHES;
            case "cp.async.ca.shared.global", "cp.async.commit_group", "cp.async.wait_group" -> CLEAR + COPIES + SHOW_OTHER;
            case "cp.async.cg.shared.global" -> CLEAR + COPIES_OF_16 + SHOW_OTHER;
            default -> null;
        };
    }

    private static String product(String form) {
        StringBuilder text = new StringBuilder(FRAGMENTS);
        for (String register : List.of("%a0", "%a1", "%a2", "%a3", "%b0", "%b1")) {
            text.append("@%p0 and.b32 ").append(register).append(", ").append(register).append(", 0x83ff83ff;\n")
                    .append("@%p0 or.b32 ").append(register).append(", ").append(register).append(", 0x3c003c00;\n");
        }
        for (String register : List.of("%c0", "%c1")) {
            text.append("@%p0 and.b32 ").append(register).append(", ").append(register).append(", 0x83ffffff;\n")
                    .append("@%p0 or.b32 ").append(register).append(", ").append(register).append(", 0x3c000000;\n");
        }
        for (int i = 0; i < 4; i++) {
            text.append("mov.b32 %").append('d').append(i).append(", %").append('c').append(i % 2).append(";\n");
        }
        return text.append(form).append(" {%d0, %d1, %d2, %d3}, {%a0, %a1, %a2, %a3}, {%b0, %b1}, {%d0, %d1, %d2, %d3};\n")
                .append("st.global.v4.f32 [%out], {%d0, %d1, %d2, %d3};\n}\n").toString();
    }

    private static int lanesOf(String form) {
        return form.contains(".v4.") ? 4 : form.contains(".v2.") ? 2 : 1;
    }

    private static int bits(String form) {
        return Integer.parseInt(form.replaceFirst(".*\\D", ""));
    }

    /** Floats go into float registers; everything narrower than 32 bits into one of 32, where loads extend it. */
    private static String registers(String form, int count) {
        String type = form.matches(".*f(32|64)") ? form.replaceFirst(".*\\.", "") : bits(form) == 64 ? "b64" : "b32";
        return ".reg ." + type + " %v<" + count + ">;\n";
    }

    private static String list(int count) {
        return count == 1 ? "%v0" : count == 2 ? "{%v0, %v1}" : "{%v0, %v1, %v2, %v3}";
    }

    private static String load(String form) {
        int count = lanesOf(form);
        String from = form.startsWith("ld.global") ? "%in" : form.startsWith("ld.shared") ? "%other" : form.startsWith("ld.param") ? "same"
                : "%w0";
        int width = Math.max(32, bits(form));
        StringBuilder text = new StringBuilder("{\n").append(registers(form, count));
        if (from.equals("%other")) {
            text.append(SHARE);
        } else if (from.equals("%w0")) {
            text.append("cvta.global.u64 %w0, %in;\n");
        }
        text.append(form).append(' ').append(list(count)).append(", [").append(from).append("];\n");
        for (int i = 0; i < count; i++) {
            text.append(String.format(Locale.ROOT, "st.global.b%d [%%out+%d], %%v%d;\n", width, i * width / 8, i));
        }
        return text.append("}\n").toString();
    }

    /** Into zeros, so that it shows which bytes were written. */
    private static String store(String form) {
        int count = lanesOf(form);
        boolean shared = form.startsWith("st.shared");
        String to = shared ? "%mine" : form.startsWith("st.global") ? "%out" : "%w0";
        int width = Math.max(32, bits(form));
        StringBuilder text = new StringBuilder("{\n").append(registers(form, count));
        for (int i = 0; i < count; i++) {
            text.append(String.format(Locale.ROOT, "ld.global.b%d %%v%d, [%%in+%d];\n", width, i, i * width / 8));
        }
        if (shared) {
            text.append(CLEAR);
        }
        if (to.equals("%w0")) {
            text.append("cvta.global.u64 %w0, %out;\n");
        }
        text.append(form).append(" [").append(to).append("], ").append(list(count)).append(";\n}\n");
        return text + (shared ? SHOW_OTHER : "");
    }
}
