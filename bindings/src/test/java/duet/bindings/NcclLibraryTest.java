package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;

import org.junit.jupiter.api.Test;

class NcclLibraryTest {
    /** Where it is not installed the reason is short; a file that somebody has named is another matter. */
    @Test
    void anAbsentLibraryIsNoFault() {
        LibraryFinder finder = new LibraryFinder(Map.of("duet.lib.nccl", "/absent/libnccl.so.2")::get, _ -> null,
                CpuVariant.processorFlags());
        String problem = finder.open("nccl").problem();
        assertEquals("duet.lib.nccl names a file that cannot be opened: /absent/libnccl.so.2: cannot open shared object file: "
                + "No such file or directory", problem);
        assertEquals(problem, NcclLibrary.words(problem));
        assertEquals("no libnccl.so.2 found",
                NcclLibrary.words("The library nccl cannot be opened: libnccl.so.2: cannot open shared object "
                        + "file: No such file or directory; pip install nvidia-nccl-cu13"));
    }
}
