package duet.device;

/** How much memory a backend needs: asked when memory is planned. */
public interface Layout {
    /** Bytes of a tensor in the backend's own layout. */
    long bytes(Tensor tensor);

    /** Bytes of scratch memory that an operation needs on a device; 0 for none. */
    long workspaceBytes(Operation operation, int device);

    /** Sizes of the bare data and no scratch memory: for looking at a plan without a backend. */
    Layout PLAIN = new Layout() {
        @Override public long bytes(Tensor tensor) { return tensor.dataBytes(); }
        @Override public long workspaceBytes(Operation operation, int device) { return 0; }
    };
}
