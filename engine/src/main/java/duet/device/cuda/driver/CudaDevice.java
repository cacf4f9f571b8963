package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import duet.bindings.cuda.Cuda;
import duet.device.StreamSteps;
import duet.text.Text;

/** A logical device: streams of its own on a card that it may share with another one. */
public final class CudaDevice implements AutoCloseable {
    public final int index;
    public final CudaCard card;
    private final CudaStream compute;
    private final CudaStream copy;
    /** Copies of the next run's input, beside everything else. */
    public final CudaStream input;

    public CudaDevice(int index, CudaCard card) {
        this.index = index;
        this.card = card;
        List<CudaStream> made = new ArrayList<>();
        try {
            for (String kind : List.of("compute", "copy", "input")) {
                made.add(new CudaStream(this, kind));
            }
        } catch (RuntimeException e) {
            made.forEach(CudaStream::close);
            throw e;
        }
        compute = made.get(0);
        copy = made.get(1);
        input = made.get(2);
    }

    public CudaStream stream(StreamSteps.Kind kind) {
        return kind == StreamSteps.Kind.COMPUTE ? compute : copy;
    }

    /** Such as {@code device 1 (cuda:0)}. */
    public String label() {
        return "device " + index + " (" + card.name + ")";
    }

    /** Allocates device memory; what it holds is undefined. */
    public long allocateUninitialized(long bytes) {
        card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(Cuda.C_LONG);
            CudaDriver.check(Cuda.cuMemAlloc_v2(address, Math.max(bytes, 1)), "cuMemAlloc",
                    "allocating %s on %s, which has %s free of %s".formatted(Text.bytes(bytes), label(),
                            Text.bytes(card.freeBytes()), Text.bytes(card.memoryBytes)));
            return address.get(Cuda.C_LONG, 0);
        }
    }

    /** Allocates device memory, zeroed. */
    public long allocate(long bytes) {
        long address = allocateUninitialized(bytes);
        try {
            if (bytes > 0) {
                CudaDriver.check(Cuda.cuMemsetD8Async(address, (byte) 0, bytes, compute.handle), "cuMemsetD8Async", "zeroing memory");
                compute.synchronize("zeroing memory");
            }
            return address;
        } catch (RuntimeException e) {
            free(address);
            throw e;
        }
    }

    public void free(long address) {
        if (Cuda.cuCtxSetCurrent(card.context()) == Cuda.CUDA_SUCCESS()) {
            Cuda.cuMemFree_v2(address);
        }
    }

    /** Also when the context is lost. */
    @Override
    public void close() {
        compute.close();
        copy.close();
        input.close();
    }
}
