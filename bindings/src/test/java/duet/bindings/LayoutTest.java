package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.bindings.cpu.duet_convolution;
import duet.bindings.cpu.duet_pooling;
import duet.bindings.nccl.DuetNccl;
import duet.bindings.nccl.ncclUniqueId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The C++ compiler judges whether the generated structs have the sizes and offsets of those in duet_cpu.h. */
class LayoutTest {
    @TempDir
    Path folder;

    private static String assertions(String struct, GroupLayout layout) {
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
                "static_assert(sizeof(%s) == %d, \"size\");\n", struct, layout.byteSize()));
        for (MemoryLayout member : layout.memberLayouts()) {
            if (member instanceof PaddingLayout) {
                continue;
            }
            String name = member.name().orElseThrow();
            text.append(String.format(Locale.ROOT, "static_assert(offsetof(%1$s, %2$s) == %3$d && sizeof(%1$s::%2$s) == %4$d, \"%2$s\");\n",
                    struct, name, layout.byteOffset(PathElement.groupElement(name)), member.byteSize()));
        }
        return text.toString();
    }

    private String check(String assertions) throws Exception {
        return check("../native/cpu/duet_cpu.h", assertions);
    }

    private String check(String file, String assertions) throws Exception {
        Path header = Path.of(file).toAbsolutePath().normalize();
        return Compiler.compile(folder, "#include <cstddef>\n#include \"" + header + "\"\n" + assertions, "-fsyntax-only");
    }

    @Test
    void structsAreAsInC() throws Exception {
        assertEquals("",
                check(assertions("duet_convolution", duet_convolution.layout()) + assertions("duet_pooling", duet_pooling.layout())));
    }

    /** What the CUDA kernels take: every structure of duet_cuda.h has a class. */
    @Test
    void kernelArgumentsAreAsInC() throws Exception {
        String header = Files.readString(Path.of("../native/cuda/duet_cuda.h"));
        StringBuilder assertions = new StringBuilder();
        int count = 0;
        for (Matcher struct = Pattern.compile("^\\} (duet_\\w+);", Pattern.MULTILINE).matcher(header); struct.find(); count++) {
            Class<?> generated = Class.forName("duet.bindings.cuda.kernels." + struct.group(1));
            assertions.append(assertions(struct.group(1), (GroupLayout) generated.getMethod("layout").invoke(null)));
        }
        assertTrue(count > 10, count + " structures");
        assertEquals("", check("../native/cuda/duet_cuda.h", assertions.toString()));
    }

    /** It is passed by value, so that another size would shift what follows it. */
    @Test
    void theIdOfNcclIsAsInC() throws Exception {
        assertEquals("", check("../native/nccl/duet_nccl.h", assertions("ncclUniqueId", ncclUniqueId.layout())
                + "static_assert(sizeof(ncclUniqueId) == 128);\nstatic_assert(ncclUint8 == " + DuetNccl.ncclUint8() + ");\n"));
    }

    @Test
    void theJudgeNoticesAnotherOffset() throws Exception {
        assertNotEquals("", check(assertions("duet_pooling", duet_convolution.layout())));
    }
}
