package duet.device;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The processes that share a piece of work, numbered from 0 (MPI's word is rank). All of them run the same program and come to the same
 * calls in the same order; the order of messages between devices follows from the plan, which is the same on all. Only {@link #exchange}
 * may be called by several threads. A rank that is lost is a {@link DeviceException} with its number, after the time that was agreed.
 */
public interface Ranks extends AutoCloseable {
    /** One process on its own. */
    Ranks ALONE = new Ranks() {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public String description() {
            return "one process";
        }

        @Override
        public String name(int rank) {
            return "this process";
        }

        @Override
        public Duration patience() {
            return Duration.ZERO; // there is nobody to wait for
        }

        @Override
        public List<byte[]> gather(String what, byte[] own) {
            return List.of(own);
        }

        @Override
        public void broadcast(String what, ByteBuffer data, int root) {}

        @Override
        public void exchange(String what, List<Message> sends, List<Message> receives) {
            if (!sends.isEmpty() || !receives.isEmpty()) {
                throw new IllegalArgumentException(what + ": there is nobody to exchange it with");
            }
        }

        @Override
        public void close() {}
    };

    /**
     * A message between two devices of different processes.
     *
     * @param rank the other process
     * @param tag  the same at both ends; messages under way between two processes at a time have different ones
     * @param data between position and limit; direct
     */
    record Message(int rank, int tag, ByteBuffer data) {}

    /** {@return the number of this process} */
    int rank();

    /** {@return how many there are} */
    int size();

    /** {@return how many processes with a lower number run on the same machine} */
    default int place() {
        return 0;
    }

    /** {@return what carries the messages, such as {@code Open MPI 4.1.4 on 2 hosts}} */
    String description();

    /**
     * {@return a process in words, such as {@code rank 3 (node7)}}
     *
     * @param rank its number
     */
    String name(int rank);

    /** {@return how long another process may take to answer before it counts as lost} */
    Duration patience();

    /**
     * {@return what every process has given, in their order} All processes call it.
     *
     * @param what for messages, such as {@code the results of a step}
     * @param own  of any length
     */
    List<byte[]> gather(String what, byte[] own);

    /**
     * Gives every process what one of them has. All processes call it, with buffers of the same length.
     *
     * @param what for messages
     * @param data between position and limit; direct
     * @param root whose it is
     */
    void broadcast(String what, ByteBuffer data, int root);

    /**
     * Sends and receives; returns when all has left and arrived.
     *
     * @param what     for messages, such as the name of a layer
     * @param sends    to other processes
     * @param receives from other processes
     */
    void exchange(String what, List<Message> sends, List<Message> receives);

    /** This process has failed: its threads that wait for others in {@link #exchange} need not wait any longer. */
    default void giveUp() {}

    /**
     * {@return whether a message was given up while it was under way} Then memory that it is read from or written to must stay, and
     * the device that has it: the processes can only be ended.
     */
    default boolean broken() {
        return false;
    }

    /** {@return whether this is the process that writes and speaks} */
    default boolean first() {
        return rank() == 0;
    }

    /**
     * {@return whether any of the processes says yes} All processes call it.
     *
     * @param what is asked, such as {@code whether to stop}
     * @param own  what this one says
     */
    default boolean any(String what, boolean own) {
        return size() == 1 ? own
                : gather(what, new byte[] {(byte) (own ? 1 : 0)}).stream().anyMatch(answer -> answer[0] != 0);
    }

    /**
     * Makes sure that all processes have the same. All processes call it, and if they have not, all of them throw.
     *
     * @param what such as {@code the images}
     * @param own  in words that are equal where it is the same
     * @throws DeviceException that names who has something else than process 0
     */
    default void requireSame(String what, String own) {
        if (size() == 1) {
            return;
        }
        List<String> all = gather(what, own.getBytes(StandardCharsets.UTF_8)).stream().map(b -> new String(b, StandardCharsets.UTF_8))
                .toList();
        IntStream.range(0, size()).filter(rank -> !all.get(rank).equals(all.getFirst())).findFirst().ifPresent(rank -> {
            throw new DeviceException(
                    what + " must be the same for all processes: " + name(0) + " has " + all.getFirst() + ", but " + name(rank)
                            + " has " + all.get(rank));
        });
    }

    /** All processes come here when all is done. */
    @Override
    void close();
}
