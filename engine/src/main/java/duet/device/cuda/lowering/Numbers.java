package duet.device.cuda.lowering;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Tensor;

/** What the maps of a memory-bound kernel are made of, which its name says. */
enum Numbers {
    FLOAT("", 4), BF16("_bf16", 2);

    private static final int ACCESS_BYTES = 16;

    private final String suffix;
    private final int bytes;

    Numbers(String suffix, int bytes) {
        this.suffix = suffix;
        this.bytes = bytes;
    }

    static Numbers of(CudaLayout layout, Tensor tensor) {
        return layout.stored(tensor) == Stored.BF16 ? BF16 : FLOAT;
    }

    static Numbers of(Site site, Tensor tensor) {
        return of(site.layout(), tensor);
    }

    /**
     * Of maps that must be stored alike.
     *
     * @param maps null for one that is not there
     */
    static Numbers of(Site site, Operation operation, Tensor... maps) {
        List<Tensor> there = Arrays.stream(maps).filter(Objects::nonNull).toList();
        Stored stored = site.layout().stored(there.getFirst());
        for (Tensor map : there) {
            if (site.layout().stored(map) != stored || stored == Stored.PLANES) {
                throw new DeviceException("%s: no CUDA kernel has %s (%s) beside %s (%s)".formatted(operation.layer(), there.getFirst(),
                        stored, map, site.layout().stored(map)));
            }
        }
        return of(site, there.getFirst());
    }

    int bytes() {
        return bytes;
    }

    /** Numbers that move at a time. */
    int vector() {
        return ACCESS_BYTES / bytes;
    }

    /** Numbers that move at a time where {@code count} are neighbours: whole vectors, or single numbers. */
    int vector(int count) {
        return count % vector() == 0 ? vector() : 1;
    }

    /** The name of a kernel that moves {@code vector} numbers at a time. */
    String kernel(String name, int vector) {
        return name + (vector == 1 ? "" : "_x" + vector) + suffix;
    }

    String kernel(String name) {
        return kernel(name, 1);
    }
}
