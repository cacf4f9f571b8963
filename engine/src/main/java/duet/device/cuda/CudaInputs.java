package duet.device.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

import duet.device.Region;
import duet.device.Tensor;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaEvent;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.PinnedMemory;
import duet.device.cuda.driver.Resources;

/**
 * What the host writes before each run. Two slots take turns: while one run computes, the next one's input is already written to
 * page-locked memory and copied to a landing place on its device. The captured run then copies it from there to where the plan wants it.
 * Writing allocates nothing.
 */
final class CudaInputs {
    static final int SLOTS = 2;

    /** One input: in both slots the page-locked memory, the landing place and whether it has been written for the run to come. */
    static final class Place {
        private final String label;
        private final CudaStream stream;
        private final long bytes;
        private final long address;
        private final MemorySegment[] host = new MemorySegment[SLOTS];
        private final long[] landing = new long[SLOTS];
        private final boolean[] written = new boolean[SLOTS];

        private Place(Tensor tensor, CudaDevice device, long address) {
            label = "copying " + tensor + " to " + device.label();
            stream = device.input;
            bytes = tensor.dataBytes();
            this.address = address;
        }
    }

    private final CudaBackend backend;
    private final Place[][] places;
    private final Map<Tensor, Place> byTensor = new HashMap<>();
    private final CudaEvent[][] arrived;
    private int slot;

    CudaInputs(CudaBackend backend, Map<Tensor, Region> regions, ToLongFunction<Tensor> address, Resources resources) {
        this.backend = backend;
        int devices = backend.own().size();
        arrived = new CudaEvent[SLOTS][devices];
        places = new Place[devices][];
        List<Tensor> tensors = regions.keySet().stream().filter(t -> t.role() == Tensor.Role.INPUT)
                .sorted(Comparator.comparingInt(Tensor::id)).toList();
        for (int d = 0; d < devices; d++) {
            places[d] = place(d, tensors, address, resources);
        }
    }

    private Place[] place(int d, List<Tensor> tensors, ToLongFunction<Tensor> address, Resources resources) {
        CudaDevice device = backend.own().get(d);
        List<Tensor> own = tensors.stream().filter(t -> t.device() == device.index).toList();
        long total = own.stream().mapToLong(t -> Region.align(t.dataBytes())).sum();
        if (total == 0) {
            return new Place[0];
        }
        long[] landing = new long[SLOTS];
        PinnedMemory[] pinned = new PinnedMemory[SLOTS];
        for (int s = 0; s < SLOTS; s++) {
            landing[s] = resources.memory(device, total);
            pinned[s] = resources.pinned(device.card, total);
            arrived[s][d] = resources.event(device.card);
        }
        List<Place> result = new ArrayList<>();
        long offset = 0;
        for (Tensor tensor : own) {
            Place place = new Place(tensor, device, address.applyAsLong(tensor));
            for (int s = 0; s < SLOTS; s++) {
                place.host[s] = pinned[s].segment.asSlice(offset, tensor.dataBytes());
                place.landing[s] = landing[s] + offset;
            }
            offset += Region.align(tensor.dataBytes());
            byTensor.put(tensor, place);
            result.add(place);
        }
        return result.toArray(Place[]::new);
    }

    /** Where the next run's value of an input is written, before {@link #written}; null if the tensor is no input. */
    MemorySegment host(Tensor tensor) {
        Place place = byTensor.get(tensor);
        if (place != null && place.written[slot]) {
            place.stream.device.card.enter(); // this may be another thread than the one that wrote first
            place.stream.synchronize(place.label); // written twice: the first copy may still be reading
        }
        return place == null ? null : place.host[slot];
    }

    /** Sends what has been written on its way. */
    void written(Tensor tensor) {
        Place place = byTensor.get(tensor);
        place.written[slot] = true;
        place.stream.copyToDevice(place.landing[slot], place.host[slot], place.bytes, place.label);
    }

    /**
     * Ends the writing for the next run: what was not written stays as it was, and {@code stream} waits until all has arrived.
     *
     * @return the slot that the run reads
     */
    int finish(CudaStream stream) {
        int now = slot;
        slot = 1 - slot;
        for (int d = 0; d < places.length; d++) {
            for (Place place : places[d]) {
                if (!place.written[now] && place.written[slot]) {
                    place.stream.copyOnDevice(place.landing[now], place.landing[slot], place.bytes, place.label);
                    place.written[now] = true;
                }
                place.written[slot] = false;
            }
            if (arrived[now][d] != null) {
                backend.own().get(d).input.record(arrived[now][d]);
                stream.await(arrived[now][d]);
            }
        }
        return now;
    }

    /** Part of a run: from the landing place to where the plan wants it. */
    void issue(int slot, CudaStream stream) {
        for (Place place : places[backend.here(stream.device.index)]) {
            stream.copyOnDevice(place.address, place.landing[slot], place.bytes, place.label);
        }
    }
}
