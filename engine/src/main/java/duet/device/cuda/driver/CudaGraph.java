package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;

/** A captured run, ready to be launched with one call. */
public final class CudaGraph implements AutoCloseable {
    private final CudaCard card;
    private final MemorySegment executable;

    /** Captures what {@code issue} puts into streams that begin and end at {@code origin}. */
    CudaGraph(CudaStream origin, Runnable issue) {
        card = origin.device.card;
        card.enter();
        CudaDriver.check(Cuda.cuStreamBeginCapture_v2(origin.handle, Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL()), "cuStreamBeginCapture",
                "capturing a run");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            try {
                issue.run();
            } catch (RuntimeException | Error e) {
                card.enter();
                if (Cuda.cuStreamEndCapture(origin.handle, pointer) == Cuda.CUDA_SUCCESS()) {
                    Cuda.cuGraphDestroy(pointer.get(Cuda.C_POINTER, 0));
                }
                throw e;
            }
            card.enter();
            CudaDriver.check(Cuda.cuStreamEndCapture(origin.handle, pointer), "cuStreamEndCapture", "capturing a run");
            MemorySegment graph = pointer.get(Cuda.C_POINTER, 0);
            try {
                CudaDriver.check(Cuda.cuGraphInstantiateWithFlags(pointer, graph, 0), "cuGraphInstantiate", "preparing a captured run");
                executable = pointer.get(Cuda.C_POINTER, 0);
            } finally {
                Cuda.cuGraphDestroy(graph);
            }
        }
    }

    public void launch(CudaStream stream) {
        stream.device.card.enter();
        CudaDriver.check(Cuda.cuGraphLaunch(executable, stream.handle), "cuGraphLaunch", "starting a run");
    }

    @Override
    public void close() {
        if (Cuda.cuCtxSetCurrent(card.context()) == Cuda.CUDA_SUCCESS()) {
            Cuda.cuGraphExecDestroy(executable);
        }
    }
}
