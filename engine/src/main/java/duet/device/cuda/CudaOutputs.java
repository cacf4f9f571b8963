package duet.device.cuda;

import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

import duet.device.Region;
import duet.device.Tensor;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.Resources;

/** What the host reads after each run: the end of a run copies it to page-locked memory. */
final class CudaOutputs {
    private record Place(Tensor tensor, long address, MemorySegment host) {}

    private final Map<Tensor, Place> places = new HashMap<>();

    CudaOutputs(CudaBackend backend, Map<Tensor, Region> regions, ToLongFunction<Tensor> address, Resources resources) {
        for (CudaDevice device : backend.own()) {
            List<Tensor> own = regions.keySet().stream().filter(t -> t.role() == Tensor.Role.OUTPUT && t.device() == device.index)
                    .sorted(Comparator.comparingInt(Tensor::id)).toList();
            long total = own.stream().mapToLong(t -> Region.align(t.dataBytes())).sum();
            if (total > 0) {
                MemorySegment pinned = resources.pinned(device.card, total).segment;
                long offset = 0;
                for (Tensor tensor : own) {
                    places.put(tensor, new Place(tensor, address.applyAsLong(tensor), pinned.asSlice(offset, tensor.dataBytes())));
                    offset += Region.align(tensor.dataBytes());
                }
            }
        }
    }

    /** What the last run left of a tensor; null if it is no output. */
    MemorySegment get(Tensor tensor) {
        Place place = places.get(tensor);
        return place == null ? null : place.host;
    }

    /** The end of a run. */
    void issue(CudaStream stream) {
        places.values().stream().filter(place -> place.tensor.device() == stream.device.index)
                .sorted(Comparator.comparingInt(place -> place.tensor.id()))
                .forEach(place -> stream.copyToHost(place.host, place.address, place.tensor.dataBytes(), "reading " + place.tensor));
    }
}
