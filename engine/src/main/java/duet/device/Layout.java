package duet.device;

/** How much memory a backend needs: asked when memory is planned. */
public interface Layout {
    /** Bytes of a tensor in the backend's own layout. */
    long bytes(Tensor tensor);

    /** Bytes of scratch memory that an operation needs on a device; 0 for none. */
    long workspaceBytes(Operation operation, int device);

    /** How the backend computes an operation, such as {@code Winograd's form}; empty where there is one way. */
    default String method(Operation operation) {
        return "";
    }

    /**
     * Whether the backend may do the second operation in the kernel of the first, right before it in a stream. Then what the first one
     * reads must not lie where the second one writes, though the first is over before the second begins.
     */
    default boolean fuses(Operation first, Operation second) {
        return false;
    }

    /** Sizes of the bare data and no scratch memory: for looking at a plan without a backend. */
    Layout PLAIN = new Layout() {
        @Override public long bytes(Tensor tensor) { return tensor.dataBytes(); }
        @Override public long workspaceBytes(Operation operation, int device) { return 0; }
    };
}
