package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

class CpuVariantTest {
    private static final Set<String> HASWELL = flags("fpu sse2 avx avx2 fma bmi1 bmi2 f16c movbe");
    private static final Set<String> SKYLAKE_SERVER = plus(HASWELL, "avx512f avx512bw avx512dq avx512vl avx512cd");
    private static final Set<String> ZEN4 = plus(SKYLAKE_SERVER, "avx512_bf16");

    private static Set<String> flags(String words) {
        return Arrays.stream(words.split(" ")).collect(Collectors.toSet());
    }

    private static Set<String> plus(Set<String> flags, String words) {
        return Stream.concat(flags.stream(), flags(words).stream()).collect(Collectors.toSet());
    }

    @Test
    void takesTheBestThatTheProcessorHas() {
        assertEquals(CpuVariant.AVX512BF16, CpuVariant.choose(null, ZEN4));
        assertEquals(CpuVariant.AVX512, CpuVariant.choose(null, SKYLAKE_SERVER));
        assertEquals(CpuVariant.AVX2, CpuVariant.choose("", HASWELL));
        assertEquals(CpuVariant.PORTABLE, CpuVariant.choose(null, Set.of()));
    }

    @Test
    void bf16AloneIsNotEnough() {
        assertEquals(CpuVariant.AVX2, CpuVariant.choose(null, plus(HASWELL, "avx512f avx512_bf16")));
    }

    @Test
    void takesTheOneThatIsAskedFor() {
        for (CpuVariant variant : CpuVariant.values()) {
            assertEquals(variant, CpuVariant.choose(variant.label(), ZEN4));
        }
    }

    @Test
    void saysWhatTheProcessorLacksAndHas() {
        String message = assertThrows(IllegalArgumentException.class, () -> CpuVariant.choose("avx512bf16", SKYLAKE_SERVER)).getMessage();
        assertEquals("duet.cpu=avx512bf16 needs a processor with avx512_bf16; this one can run portable, avx2, avx512", message);
    }

    @Test
    void saysWhichNamesThereAre() {
        String message = assertThrows(IllegalArgumentException.class, () -> CpuVariant.choose("sse", HASWELL)).getMessage();
        assertEquals("duet.cpu=sse is not one of portable, avx2, avx512, avx512bf16; this processor can run portable, avx2", message);
    }

    @Test
    void everyProcessorRunsThePortableOne() {
        assertEquals(List.of(CpuVariant.PORTABLE), CpuVariant.supported(Set.of()));
        assertEquals(CpuVariant.PORTABLE, CpuVariant.supported().getFirst());
    }
}
