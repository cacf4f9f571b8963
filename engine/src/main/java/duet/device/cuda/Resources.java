package duet.device.cuda;

import java.util.ArrayDeque;
import java.util.Deque;

/** What a program has taken of the devices and the host; closing it gives everything back, the last first. */
final class Resources implements AutoCloseable {
    private interface Part extends AutoCloseable {
        @Override
        void close();
    }

    private final Deque<Part> parts = new ArrayDeque<>();

    /** Device memory; what it holds is undefined. */
    long memory(CudaDevice device, long bytes) {
        long address = device.allocateUninitialized(bytes);
        parts.push(() -> device.free(address));
        return address;
    }

    PinnedMemory pinned(CudaCard card, long bytes) {
        PinnedMemory memory = new PinnedMemory(card, bytes);
        parts.push(memory::close);
        return memory;
    }

    CudaEvent event(CudaCard card) {
        CudaEvent event = new CudaEvent(card);
        parts.push(event::close);
        return event;
    }

    CudaGraph graph(CudaStream origin, Runnable issue) {
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
