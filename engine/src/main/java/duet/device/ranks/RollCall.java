package duet.device.ranks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

import duet.bindings.mpi.DuetMpi;
import duet.device.DeviceException;

/**
 * Who is still there. When one process hangs, others wait for it, and others for those: whoever has waited too long cannot tell from its
 * own messages which one it is. So it asks all, and each answers on the thread that calls MPI, whatever its other threads wait for. Used by
 * that thread only.
 */
final class RollCall {
    /** How long an answer may take. */
    private static final long ANSWER_NANOS = 5_000_000_000L;
    /** Between two looks for questions. */
    private static final long LOOK_NANOS = 5_000_000;
    private static final long NAP_NANOS = 1_000_000;

    private static final int OPEN = 0;
    private static final int OVER = 1;
    /** Its number may be another request's from now on. */
    private static final int FAILED = 2;

    private static final byte NOTHING = 0;
    private static final byte QUESTION = 1;
    private static final byte WAITS = 2;
    private static final byte WORKS = 3;
    private static final byte LEAVES = 4;

    private final int rank;
    private final int size;
    private final int tag;
    private final MemorySegment received;
    private final MemorySegment words;
    private final List<List<MpiThread.Request>> receives = new ArrayList<>();
    private final List<MpiThread.Request> sends = new ArrayList<>();
    private final byte[] answers;
    private long asked = System.nanoTime() - ANSWER_NANOS;
    private long looked;

    /** @param tag that nothing else uses */
    RollCall(int rank, int size, int tag) {
        this.rank = rank;
        this.size = size;
        this.tag = tag;
        answers = new byte[size];
        received = Arena.ofAuto().allocate(size);
        words = Arena.ofAuto().allocate(LEAVES + 1L);
        for (byte word = NOTHING; word <= LEAVES; word++) {
            words.set(ValueLayout.JAVA_BYTE, word, word);
        }
        for (int peer = 0; peer < size; peer++) {
            receives.add(new ArrayList<>());
            listen(peer);
        }
    }

    private void listen(int peer) {
        toAnother(peer, () -> MpiThread.receive(peer, tag, received.asSlice(peer, 1), receives.get(peer)));
    }

    private void say(int peer, byte word) {
        toAnother(peer, () -> MpiThread.send(peer, tag, words.asSlice(word, 1), sends));
    }

    /** Whoever cannot be reached any more does not answer either. */
    private void toAnother(int peer, Runnable call) {
        if (peer != rank) {
            try {
                call.run();
            } catch (DeviceException unreachable) {
                answers[peer] = NOTHING;
            }
        }
    }

    /**
     * Answers those who have asked and takes in answers, every now and then: those that MPI has at its last progress.
     *
     * @param waits whether this process waits for others
     * @param done  for MPI's answers
     */
    void look(boolean waits, MemorySegment done) {
        if (System.nanoTime() - looked < LOOK_NANOS) {
            return;
        }
        looked = System.nanoTime();
        sends.removeIf(request -> state(request, done) != OPEN);
        for (int peer = 0; peer < size; peer++) {
            List<MpiThread.Request> open = receives.get(peer);
            int state = open.isEmpty() ? OPEN : state(open.getFirst(), done);
            if (state == OPEN) {
                continue;
            }
            open.clear();
            byte word = state == OVER ? received.get(ValueLayout.JAVA_BYTE, peer) : NOTHING;
            if (word == QUESTION) {
                say(peer, waits ? WAITS : WORKS);
            } else {
                answers[peer] = word;
            }
            if (state == OVER && word != LEAVES) {
                listen(peer);
            }
        }
    }

    private static int state(MpiThread.Request request, MemorySegment done) {
        return DuetMpi.duet_mpi_test(request.number(), done) != 0 ? FAILED : done.get(ValueLayout.JAVA_INT, 0) != 0 ? OVER : OPEN;
    }

    /** Asks all, unless they have been asked just now. */
    void ask() {
        if (over()) {
            asked = System.nanoTime();
            for (int peer = 0; peer < size; peer++) {
                if (answers[peer] != LEAVES) {
                    answers[peer] = NOTHING;
                    say(peer, QUESTION);
                }
            }
        }
    }

    /** Whether all have answered or need not be waited for. */
    boolean over() {
        return silent().isEmpty() || System.nanoTime() - asked >= ANSWER_NANOS;
    }

    /** Those who are to blame: who has not answered, or else who does not wait for anybody. */
    List<Integer> blamed() {
        List<Integer> silent = silent();
        return silent.isEmpty() ? others(answer -> answer == WORKS) : silent;
    }

    private List<Integer> silent() {
        return others(answer -> answer == NOTHING);
    }

    private List<Integer> others(IntPredicate answer) {
        return IntStream.range(0, size).filter(peer -> peer != rank && answer.test(answers[peer])).boxed().toList();
    }

    /** Says that this process will not ask any more; returns who has not said so, too, within so long. */
    List<Integer> leave(Duration patience, MemorySegment done) {
        long begun = System.nanoTime();
        IntStream.range(0, size).forEach(peer -> say(peer, LEAVES));
        while ((!sends.isEmpty() || !staying().isEmpty()) && System.nanoTime() - begun < patience.toNanos()) {
            DuetMpi.duet_mpi_progress();
            look(true, done);
            LockSupport.parkNanos(NAP_NANOS);
        }
        return staying();
    }

    private List<Integer> staying() {
        return others(answer -> answer != LEAVES);
    }
}
