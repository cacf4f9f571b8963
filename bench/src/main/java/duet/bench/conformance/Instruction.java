package duet.bench.conformance;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An instruction that computes in registers: what it takes and gives.
 *
 * @param form     such as {@code fma.rn.f32}
 * @param operands types of the operands, such as f32, b32, s64, u16, pred
 */
record Instruction(String form, String result, List<String> operands) {
    /**
     * How far two machines' answers may be apart, in units in the last place: twice what the PTX documentation allows each of them, rounded
     * up to whole units. What is not here is exact.
     */
    private static final Map<String, Integer> APPROXIMATE = Map.of(
            "rcp.approx", 2, "rsqrt.approx", 4, "sqrt.approx", 4, "ex2.approx", 6, "lg2.approx", 8, "div.approx", 4);

    /** The instruction of this form; empty if it is none that only computes. */
    static Optional<Instruction> of(String form) {
        if (form.contains(" ")) {
            return Optional.empty();
        }
        String[] parts = form.split("\\.");
        String type = parts[parts.length - 1];
        if (!type.matches("[busf](16|32|64)|pred")) {
            return Optional.empty();
        }
        List<String> operands = switch (parts[0]) {
            case "not", "neg", "abs", "mov", "rcp", "rsqrt", "sqrt", "ex2", "lg2" -> List.of(type);
            case "cvt" -> form.contains("x2.") ? List.of(type, type) : List.of(type);
            case "add", "sub", "mul", "min", "max", "div", "rem", "and", "or", "xor", "copysign", "setp" -> List.of(type, type);
            case "mad", "fma" -> List.of(type, type, form.contains(".wide.") ? wide(type) : type);
            case "shl", "shr" -> List.of(type, "u32");
            case "selp" -> List.of(type, type, "pred");
            case "prmt" -> List.of(type, type, type);
            case "bfi" -> List.of(type, type, "u32", "u32");
            default -> null;
        };
        if (operands == null || (parts[0].equals("setp") && parts.length != 3)) {
            return Optional.empty();
        }
        String result = switch (parts[0]) {
            case "setp" -> "pred";
            case "cvt" -> bits(parts[parts.length - 2]);
            case "mul", "mad" -> form.contains(".wide.") ? wide(type) : type;
            default -> type;
        };
        return Optional.of(new Instruction(form, result, operands));
    }

    /** One or two numbers of 16 bits are in registers without a type. */
    private static String bits(String type) {
        return switch (type) {
            case "bf16", "f16" -> "b16";
            case "bf16x2", "f16x2" -> "b32";
            default -> type;
        };
    }

    private static String wide(String type) {
        return type.charAt(0) + (type.endsWith("16") ? "32" : "64");
    }

    boolean exact() {
        return ulps(form) == 0;
    }

    /** How many units in the last place two answers to a form may differ by; 0 for none. */
    static int ulps(String form) {
        return APPROXIMATE.entrySet().stream().filter(entry -> form.startsWith(entry.getKey())).mapToInt(Map.Entry::getValue).findFirst()
                .orElse(0);
    }

    /** PTX that takes the operands from %w0, %w1, ... (64 bits each) and puts the answer into %w0. */
    String body() {
        StringBuilder text = new StringBuilder("{\n");
        StringBuilder names = new StringBuilder("%y");
        text.append(declare("%y", result));
        for (int k = 0; k < operands.size(); k++) {
            String name = "%x" + k;
            text.append(declare(name, operands.get(k))).append(fromWord(name, operands.get(k), k));
            names.append(", ").append(name);
        }
        return text.append(form).append(' ').append(names).append(";\n").append(toWord()).append("}\n").toString();
    }

    private static String declare(String name, String type) {
        String register = switch (type) {
            case "f32", "f64", "pred" -> type;
            default -> "b" + type.substring(1);
        };
        return ".reg ." + register + " " + name + ";\n";
    }

    private static String fromWord(String name, String type, int k) {
        return switch (type) {
            case "pred" -> "setp.ne.s64 " + name + ", %w" + k + ", 0;\n";
            case "f32" -> "cvt.u32.u64 %t0, %w" + k + ";\nmov.b32 " + name + ", %t0;\n";
            case "f64" -> "mov.b64 " + name + ", %w" + k + ";\n";
            case "b64", "u64", "s64" -> "mov.b64 " + name + ", %w" + k + ";\n";
            case "b16", "u16", "s16" -> "cvt.u16.u64 " + name + ", %w" + k + ";\n";
            default -> "cvt.u32.u64 " + name + ", %w" + k + ";\n";
        };
    }

    private String toWord() {
        return switch (result) {
            case "pred" -> "selp.u32 %t0, 1, 0, %y;\ncvt.u64.u32 %w0, %t0;\n";
            case "f32" -> "mov.b32 %t0, %y;\ncvt.u64.u32 %w0, %t0;\n";
            case "f64", "b64", "u64", "s64" -> "mov.b64 %w0, %y;\n";
            case "b16", "u16", "s16" -> "cvt.u64.u16 %w0, %y;\n";
            default -> "cvt.u64.u32 %w0, %y;\n";
        };
    }
}
