package duet.bench.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * What a device answered, as text: a header, for each form a line "form NAME" and then a line of operands and answers for each lane, in
 * hexadecimal; for each misuse a line "misuse NAME = RESULT".
 *
 * @param header such as device and driver
 * @param forms  by name
 */
record Answers(Map<String, String> header, Map<String, List<Case>> forms, Map<String, String> misuses) {
    /** At most that many differences of one form are reported. */
    private static final int TOLD = 4;

    record Case(long[] operands, long[] answers) {
        @Override
        public String toString() {
            return hex(operands) + " = " + hex(answers);
        }
    }

    static Answers empty() {
        return new Answers(new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>());
    }

    static String hex(long[] words) {
        return LongStream.of(words).mapToObj(Long::toHexString).collect(Collectors.joining(" "));
    }

    private static long[] words(String text) {
        return Stream.of(text.strip().split(" ")).filter(word -> !word.isEmpty()).mapToLong(word -> Long.parseUnsignedLong(word, 16))
                .toArray();
    }

    void write(Path file) throws IOException {
        List<String> lines = new ArrayList<>();
        lines.add("# What a device answers to each PTX form and to each misuse of the driver; see bench/gpu/README.md.");
        header.forEach((key, value) -> lines.add("# " + key + ": " + value));
        misuses.forEach((name, result) -> lines.add("misuse " + name + " = " + result));
        forms.forEach((form, cases) -> {
            lines.add("form " + form);
            cases.forEach(one -> lines.add(one.toString()));
        });
        Files.write(file, lines);
    }

    static Answers read(Path file) throws IOException {
        Answers answers = empty();
        List<Case> cases = null;
        for (String line : Files.readAllLines(file)) {
            if (line.startsWith("# ") && line.contains(": ")) {
                answers.header.put(line.substring(2, line.indexOf(": ")), line.substring(line.indexOf(": ") + 2));
            } else if (line.startsWith("misuse ")) {
                String[] parts = line.substring(7).split(" = ", 2);
                answers.misuses.put(parts[0], parts[1]);
            } else if (line.startsWith("form ")) {
                cases = new ArrayList<>();
                answers.forms.put(line.substring(5), cases);
            } else if (cases != null && line.contains("=")) {
                int equals = line.indexOf('=');
                cases.add(new Case(words(line.substring(0, equals)), words(line.substring(equals + 1))));
            }
        }
        return answers;
    }

    /** The words that a recorded case leaves out are 0. */
    static long[] padded(long[] operands) {
        return Arrays.copyOf(operands, Operands.WORDS);
    }

    /** How another device's answers to the same operands differ, a sentence each; empty if they agree. */
    List<String> differences(Answers other) {
        List<String> result = new ArrayList<>();
        forms.forEach((form, cases) -> {
            List<Case> others = other.forms.get(form);
            if (others == null) {
                return;
            }
            if (!sameOperands(cases, others)) {
                result.add(form + ": recorded with other operands");
                return;
            }
            int count = 0;
            for (int i = 0; i < cases.size(); i++) {
                Case a = cases.get(i);
                Case b = others.get(i);
                if (!agree(form, a.answers(), b.answers()) && ++count <= TOLD) {
                    result.add(form + " of " + hex(a.operands()) + ": recorded " + hex(a.answers()) + ", now " + hex(b.answers()));
                }
            }
            if (count > TOLD) {
                result.add(form + ": " + (count - TOLD) + " more of " + cases.size());
            }
        });
        misuses.forEach((name, code) -> {
            String now = other.misuses.get(name);
            if (now != null && !now.equals(code)) {
                result.add("misuse " + name + ": recorded " + code + ", now " + now);
            }
        });
        return result;
    }

    private static boolean sameOperands(List<Case> cases, List<Case> others) {
        return cases.size() == others.size() && IntStream.range(0, cases.size())
                .allMatch(i -> Arrays.equals(padded(cases.get(i).operands()), padded(others.get(i).operands())));
    }

    private static boolean agree(String form, long[] a, long[] b) {
        if (Arrays.equals(a, b)) {
            return true;
        }
        int ulps = Instruction.ulps(form);
        return ulps > 0 && a.length == 1 && b.length == 1 && close((int) a[0], (int) b[0], ulps);
    }

    /** Approximations: both NaN, or as near as that in steps from float to float (denormals and signed zeros included). */
    static boolean close(int a, int b, int ulps) {
        float x = Float.intBitsToFloat(a);
        float y = Float.intBitsToFloat(b);
        if (Float.isNaN(x) || Float.isNaN(y)) {
            return Float.isNaN(x) && Float.isNaN(y);
        }
        if (Float.isInfinite(x) || Float.isInfinite(y)) {
            return x == y;
        }
        return Math.abs(ordered(a) - ordered(b)) <= ulps;
    }

    private static long ordered(int bits) {
        return bits >= 0 ? bits : -(long) (bits & 0x7fffffff);
    }
}
