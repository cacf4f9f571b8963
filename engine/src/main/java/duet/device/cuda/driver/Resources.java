package duet.device.cuda.driver;

import java.util.ArrayDeque;
import java.util.Deque;

/** What a program has taken of the devices and the host; closing it gives everything back, the last first. */
public final class Resources implements AutoCloseable {
    private interface Part extends AutoCloseable {
        @Override
        void close();
    }

    private final Deque<Part> parts = new ArrayDeque<>();

    /** Device memory; what it holds is undefined. */
    public long memory(CudaDevice device, long bytes) {
        long address = device.allocateUninitialized(bytes);
        parts.push(() -> device.free(address));
        return address;
    }

    public PinnedMemory pinned(CudaCard card, long bytes) {
        PinnedMemory memory = new PinnedMemory(card, bytes);
        parts.push(memory::close);
        return memory;
    }

    public CudaEvent event(CudaCard card) {
        CudaEvent event = new CudaEvent(card);
        parts.push(event::close);
        return event;
    }

    public CudaGraph graph(CudaStream origin, Runnable issue) {
        CudaGraph graph = new CudaGraph(origin, issue);
        parts.push(graph::close);
        return graph;
    }

    @Override
    public void close() {
        while (!parts.isEmpty()) {
            parts.pop().close();
        }
    }
}
