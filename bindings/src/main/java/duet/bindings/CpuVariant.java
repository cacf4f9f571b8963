package duet.bindings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The instruction sets that the CPU kernels are built for; a later one is faster where the processor has it. */
public enum CpuVariant {
    /** what every processor of the architecture has */
    PORTABLE,
    /** x86-64-v3: vectors of 8 floats, with fused multiply-add */
    // It also has LZCNT ("abm"), which is not asked for: every processor with AVX2 and BMI2 has it, and hypervisors hide it.
    AVX2("avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"),
    /** x86-64-v4: vectors of 16 floats */
    AVX512(AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"),
    /** x86-64-v4 with dot products of bf16 numbers */
    AVX512BF16(AVX512, "avx512_bf16");

    private final List<String> flags;

    CpuVariant(String... flags) {
        this.flags = List.of(flags);
    }

    CpuVariant(CpuVariant base, String... flags) {
        this.flags = Stream.concat(base.flags.stream(), Stream.of(flags)).toList();
    }

    /** {@return the name as in {@code -Dduet.cpu=NAME} and in the library's file name} */
    public String label() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** {@return the instruction sets that this machine can run, slowest first} */
    public static List<CpuVariant> supported() {
        return supported(processorFlags());
    }

    static List<CpuVariant> supported(Set<String> processorFlags) {
        return Arrays.stream(values()).filter(variant -> processorFlags.containsAll(variant.flags)).toList();
    }

    /**
     * The requested one, or the best one if nothing is requested.
     *
     * @throws IllegalArgumentException if there is no such instruction set, or the processor lacks it
     */
    static CpuVariant choose(String requested, Set<String> processorFlags) {
        List<CpuVariant> supported = supported(processorFlags);
        if (requested == null || requested.isBlank()) {
            return supported.getLast();
        }
        for (CpuVariant variant : values()) {
            if (!variant.label().equals(requested.strip())) {
                continue;
            }
            if (supported.contains(variant)) {
                return variant;
            }
            String lacking = variant.flags.stream().filter(flag -> !processorFlags.contains(flag)).collect(Collectors.joining(", "));
            throw new IllegalArgumentException("duet.cpu=" + requested + " needs a processor with " + lacking + "; this one can run "
                    + labels(supported));
        }
        throw new IllegalArgumentException("duet.cpu=" + requested + " is not one of " + labels(List.of(values()))
                + "; this processor can run " + labels(supported));
    }

    private static String labels(List<CpuVariant> variants) {
        return variants.stream().map(CpuVariant::label).collect(Collectors.joining(", "));
    }

    /** The words of the first "flags" line of /proc/cpuinfo; none where there is no such line (not x86, not Linux). */
    static Set<String> processorFlags() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("flags")).findFirst()
                    .map(line -> (Set<String>) new HashSet<>(List.of(line.substring(line.indexOf(':') + 1).strip().split("\\s+"))))
                    .orElse(Set.of());
        } catch (IOException e) {
            return Set.of();
        }
    }
}
