package duet.device;

import java.util.List;

/** How much memory a backend needs: asked when memory is planned. */
public interface Layout {
    /** Bytes of a tensor in the backend's own layout. */
    long bytes(Tensor tensor);

    /** Bytes of scratch memory that an operation needs on a device; 0 for none. */
    long workspaceBytes(Operation operation, int device);

    /**
     * The layout of programs that change no persistent tensor: they may keep filters in a form that takes time to make, and compute in
     * other ways because of that.
     */
    default Layout inference() {
        return this;
    }

    /** This layout, or that of inference if the steps change no persistent tensor. */
    default Layout of(List<StreamSteps> streams) {
        return streams.stream().flatMap(stream -> stream.steps().stream()).flatMap(step -> step.writes().stream())
                .anyMatch(tensor -> tensor.role().persistent()) ? this : inference();
    }

    /** Bytes of a form of an operation's filter that a program keeps beside it; 0 for none. */
    default long preparedBytes(Operation operation) {
        return 0;
    }

    /** How the backend computes an operation, such as {@code Winograd's form in bf16}; empty where there is one way. */
    default String method(Operation operation) {
        return "";
    }

    /**
     * Floating point operations that the backend really does for an operation: other ones than {@link Operation#flop} where its
     * {@link #method} takes fewer. In Winograd's form those of the products in its points, without the transforms around them.
     */
    default long ownFlop(Operation operation) {
        return operation.flop();
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
        @Override
        public long bytes(Tensor tensor) { return tensor.dataBytes(); }
        @Override
        public long workspaceBytes(Operation operation, int device) { return 0; }
    };
}
