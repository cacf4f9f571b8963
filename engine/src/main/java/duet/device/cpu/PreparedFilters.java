package duet.device.cpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;
import duet.device.Region;
import duet.text.Text;

/**
 * The filters of a program that only reads them, in the form that its forward passes read fastest (rounded to bf16, or transformed for
 * Winograd's form). Made anew before a run if the filters may have changed since the last time.
 */
final class PreparedFilters implements AutoCloseable {
    private static final long NEVER = -1;

    private record Filter(String layer, MemorySegment team, MemorySegment product, MemorySegment filter, MemorySegment prepared,
            long bytes) {}

    private final CpuStorage storage;
    private final List<Filter> filters = new ArrayList<>();
    private long version = NEVER;

    /** @param storage where the filters lie */
    PreparedFilters(CpuStorage storage) {
        this.storage = storage;
    }

    /** Memory for a prepared filter, filled by {@link #refresh}; NULL where there is nothing to gain. */
    MemorySegment add(String layer, CpuDevice device, MemorySegment product, MemorySegment filter) {
        long data = DuetCpu.duet_convolution_prepared_bytes(product);
        if (data == 0) {
            return MemorySegment.NULL;
        }
        long bytes = Region.align(data);
        MemorySegment prepared = DuetCpu.duet_allocate(bytes);
        if (prepared.address() == 0) {
            throw new DeviceException(layer + ": cpu device " + device.index + ": cannot allocate " + Text.bytes(bytes)
                    + " for a prepared filter; --convolutions direct with --precision fp32 needs none");
        }
        filters.add(new Filter(layer, device.team, product, filter, prepared, bytes));
        return prepared;
    }

    /** While no stream runs: the devices' teams are used. */
    void refresh() {
        if (version != storage.version()) {
            filters.forEach(f -> CpuLibrary.requireDone(DuetCpu.duet_convolution_prepare(f.team, f.product, f.filter, f.prepared),
                    f.layer, "preparing its filter"));
            version = storage.version();
        }
    }

    @Override
    public void close() {
        filters.forEach(f -> DuetCpu.duet_free(f.prepared, f.bytes));
        filters.clear();
    }
}
