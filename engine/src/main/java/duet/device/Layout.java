package duet.device;

import java.util.List;

/** How much memory a backend needs: asked when memory is planned. */
public interface Layout {
    /**
     * {@return bytes of a tensor in the backend's own layout}
     *
     * @param tensor any format
     */
    long bytes(Tensor tensor);

    /**
     * {@return bytes of scratch memory that an operation needs on a device; 0 for none}
     *
     * @param operation with tensors on that device
     * @param device    index of the device
     */
    long workspaceBytes(Operation operation, int device);

    /**
     * {@return the layout of programs that change no persistent tensor: they may keep filters in a form that takes time to make, and
     * compute in other ways because of that}
     */
    default Layout inference() {
        return this;
    }

    /**
     * {@return the layout of a program: this one, or that of inference if the steps change no persistent tensor} A backend may also keep a
     * tensor in the form of what reads it.
     *
     * @param streams the steps of a program
     */
    default Layout of(List<StreamSteps> streams) {
        return streams.stream().flatMap(stream -> stream.steps().stream()).flatMap(step -> step.writes().stream())
                .anyMatch(tensor -> tensor.role().persistent()) ? this : inference();
    }

    /**
     * {@return bytes of a form of an operation's filter that a program keeps beside it; 0 for none}
     *
     * @param operation such as a convolution's forward pass
     */
    default long preparedBytes(Operation operation) {
        return 0;
    }

    /**
     * {@return how the backend computes an operation, such as {@code Winograd's form in bf16}; empty where there is one way}
     *
     * @param operation such as a convolution's forward pass
     */
    default String method(Operation operation) {
        return "";
    }

    /**
     * {@return the floating point operations that the backend really does for an operation} Fewer than {@link Operation#flop} where its
     * {@link #method} takes fewer: in Winograd's form those of the products in its points, without the transforms around them.
     *
     * @param operation any
     */
    default long ownFlop(Operation operation) {
        return operation.flop();
    }

    /**
     * {@return whether the backend may do the second operation in the kernel of the first, right before it in a stream} Then what the first
     * one reads must not lie where the second one writes, though the first is over before the second begins.
     *
     * @param first  the operation whose kernel does both
     * @param second the operation right before it in the stream
     */
    default boolean fuses(Operation first, Operation second) {
        return false;
    }

    /**
     * {@return the operation at whose end the workspace of another is no longer in use: that one itself, or one later in its stream, whose
     * kernel also ends what the first has begun}
     *
     * @param operation of a program whose layout this is
     */
    default Operation holds(Operation operation) {
        return operation;
    }

    /** Sizes of the bare data and no scratch memory: for looking at a plan without a backend. */
    Layout PLAIN = new Layout() {
        @Override
        public long bytes(Tensor tensor) { return tensor.dataBytes(); }
        @Override
        public long workspaceBytes(Operation operation, int device) { return 0; }
    };
}
