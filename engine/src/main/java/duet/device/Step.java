package duet.device;

import java.util.List;

/** One entry of a stream. The entries of a stream run in order; streams run side by side, ordered only by events. */
public sealed interface Step {
    /** {@return the tensors that it reads} */
    default List<Tensor> reads() {
        return switch (this) {
            case Launch launch -> launch.operation().reads();
            case Copy copy -> List.of(copy.from());
            case Record _,Wait _ -> List.of();
        };
    }

    /** {@return the tensors that it writes} */
    default List<Tensor> writes() {
        return switch (this) {
            case Launch launch -> launch.operation().writes();
            case Copy copy -> List.of(copy.to());
            case Record _,Wait _ -> List.of();
        };
    }

    /**
     * Computes on the stream's device.
     *
     * @param operation what is computed
     * @param workspace scratch memory on that device, or null if the backend asked for none
     * @param method    how the backend computes it, such as {@code Winograd's form}; empty where there is one way
     */
    record Launch(Operation operation, Region workspace, String method) implements Step {
        /**
         * A launch of an operation that the backend computes in its only way.
         *
         * @param operation what is computed
         * @param workspace scratch memory on that device, or null
         */
        public Launch(Operation operation, Region workspace) {
            this(operation, workspace, "");
        }

        /**
         * Throws unless every operand lies on the device, since that is where it runs.
         *
         * @param device index of the device
         */
        public void requireOn(int device) {
            for (List<Tensor> operands : List.of(operation.reads(), operation.writes())) {
                for (Tensor tensor : operands) {
                    if (tensor.device() != device) {
                        throw new IllegalArgumentException(operation.layer() + ": " + operation.kind() + " runs on device " + device
                                + " but " + tensor + " lies on device " + tensor.device());
                    }
                }
            }
        }
    }

    /**
     * Copies between devices; both tensors have the same format and sizes.
     *
     * @param layer for messages
     * @param from  on one device
     * @param to    on another
     */
    record Copy(String layer, Tensor from, Tensor to) implements Step {}

    /**
     * Marks a point of this stream. Each event is recorded exactly once in a run.
     *
     * @param event index of the event in the plan
     */
    @SuppressWarnings("AvoidCommonTypeNames") // the word for it; a java.lang.Record is never meant here
    record Record(int event) implements Step {}

    /**
     * Holds the stream until the event has been recorded in this run.
     *
     * @param event index of the event in the plan
     */
    record Wait(int event) implements Step {}
}
