package duet.device.ranks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

import duet.bindings.mpi.DuetMpi;
import duet.device.DeviceException;
import duet.device.RankLostException;

/** The one thread that calls MPI, and what others have it do. */
final class MpiThread {
    /** Depends on every process. */
    static final int ALL = -1;
    /**
     * Between two looks at what is under way, at first, and at most: looking takes time of a core that also computes, so that as long as
     * nothing comes each nap is twice the one before.
     */
    private static final long NAP_NANOS = 20_000;
    private static final long LONGEST_NAP_NANOS = 500_000;
    /** A look that takes so long has moved a part of a message. */
    private static final long MOVING_NANOS = 10_000;
    private static final int IDLE_MILLIS = 5;
    /** MPI counts bytes with an int; smaller pieces also let several messages share the way. */
    private static final int PIECE = 1 << 28;
    /** How much longer than agreed a caller waits for the thread to give up. */
    private static final Duration GRACE = Duration.ofSeconds(30);

    private final BlockingQueue<Job> jobs = new LinkedBlockingQueue<>();
    private final CompletableFuture<MpiIdentity> started = new CompletableFuture<>();
    private final IntFunction<String> names;
    private final Thread thread;
    private RollCall rollCall;
    private volatile Duration patience;
    private volatile boolean givenUp;
    private volatile boolean broken;

    /** A request under way, and who it depends on, or {@link #ALL}. */
    record Request(int number, int peer, boolean receives) {}

    interface Start {
        void begin(List<Request> requests);
    }

    /** Something that a thread waits for. */
    private static final class Job {
        final String what;
        final Start start;
        final List<Request> requests = new ArrayList<>();
        final CompletableFuture<Void> done = new CompletableFuture<>();
        long since;
        boolean late;

        Job(String what, Start start) {
            this.what = what;
            this.start = start;
        }
    }

    /** @param names of the other processes, for messages */
    MpiThread(Launch launch, Duration patience, IntFunction<String> names) {
        this.patience = patience;
        this.names = names;
        thread = Thread.ofPlatform().daemon().name("duet ranks").start(() -> live(launch));
    }

    /** Waits for the other processes to have started, too. */
    MpiIdentity started() {
        return wait(started, "its start");
    }

    Duration patience() {
        return patience;
    }

    void setPatience(Duration patience) {
        this.patience = patience;
    }

    /** Whether what is under way need not be waited for. */
    void giveUp(boolean now) {
        givenUp = now;
    }

    /** Whether something was given up while it was under way. */
    boolean broken() {
        return broken;
    }

    /** Every process comes here, when nothing is under way. */
    void end() {
        Job end = new Job("the end", null);
        jobs.add(end);
        LockSupport.unpark(thread);
        wait(end.done, end.what);
    }

    static void receive(int from, int tag, MemorySegment data, List<Request> requests) {
        pieces(data, piece -> requests
                .add(request(from, true, number -> DuetMpi.duet_mpi_receive(piece, piece.byteSize(), from, tag, number))));
    }

    static void send(int to, int tag, MemorySegment data, List<Request> requests) {
        pieces(data, piece -> requests
                .add(request(to, false, number -> DuetMpi.duet_mpi_send(piece, piece.byteSize(), to, tag, number))));
    }

    /** @param peer that it depends on */
    static void broadcast(int root, int peer, MemorySegment data, List<Request> requests) {
        pieces(data, piece -> requests
                .add(request(peer, true, number -> DuetMpi.duet_mpi_broadcast(piece, piece.byteSize(), root, number))));
    }

    private interface Piece {
        void use(MemorySegment piece);
    }

    private static void pieces(MemorySegment whole, Piece use) {
        for (long from = 0; from < whole.byteSize() || from == 0; from += PIECE) {
            use.use(whole.asSlice(from, Math.min(PIECE, whole.byteSize() - from)));
        }
    }

    private interface Call {
        int make(MemorySegment number);
    }

    private static Request request(int peer, boolean receives, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            requireDone(call.make(number));
            return new Request(number.get(ValueLayout.JAVA_INT, 0), peer, receives);
        }
    }

    /** @throws DeviceException if a call of MPI has failed */
    static void requireDone(int error) {
        if (error != 0) {
            throw new DeviceException("MPI: " + DuetMpi.duet_mpi_error(error).getString(0));
        }
    }

    /** Has the thread start something and waits until it is over. */
    void call(String what, Start start) {
        Job job = new Job(what, start);
        jobs.add(job);
        LockSupport.unpark(thread);
        wait(job.done, what);
    }

    /** Somewhat longer than the thread would wait: it may be stuck in MPI. */
    private <T> T wait(CompletableFuture<T> future, String what) {
        boolean interrupted = false;
        long end = System.nanoTime() + patience.plus(GRACE).toNanos();
        try {
            while (true) {
                try {
                    return future.get(Math.max(1, end - System.nanoTime()), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (TimeoutException e) {
            broken = true;
            throw new RankLostException("MPI has not come back from " + what + " for " + patience.plus(GRACE).toSeconds()
                    + " s: another process is gone or hangs");
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RankLostException lost -> throw new RankLostException(lost.getMessage());
                case DeviceException device -> throw new DeviceException(device.getMessage(), device);
                default -> throw new IllegalStateException(e.getCause());
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void live(Launch launch) {
        try {
            MpiIdentity found = MpiIdentity.start(launch);
            rollCall = new RollCall(found.rank(), found.size(), found.largestTag() - 1);
            started.complete(found);
        } catch (RuntimeException | Error e) {
            started.completeExceptionally(e);
            return;
        }
        work();
    }

    private void work() {
        List<Job> active = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment done = arena.allocate(ValueLayout.JAVA_INT);
            long nap = NAP_NANOS;
            while (true) {
                Job next = active.isEmpty() ? jobs.poll(IDLE_MILLIS, TimeUnit.MILLISECONDS) : jobs.poll();
                rollCall.look(!active.isEmpty() || broken, done); // one that has given up has waited, too
                if (next == null && active.isEmpty()) {
                    DuetMpi.duet_mpi_progress(); // what was sent may not have left yet
                    continue;
                }
                if (next != null && next.start == null) {
                    end(next, done);
                    return;
                }
                if (next != null) {
                    begin(next, active);
                }
                boolean streaming = progress();
                boolean ended = move(active, done);
                nap = streaming || ended || next != null ? NAP_NANOS : Math.min(2 * nap, LONGEST_NAP_NANOS);
                if (!ended && next == null) {
                    LockSupport.parkNanos(nap);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether it seems to have moved something. */
    private static boolean progress() {
        long before = System.nanoTime();
        DuetMpi.duet_mpi_progress();
        return System.nanoTime() - before > MOVING_NANOS;
    }

    private void end(Job last, MemorySegment done) {
        List<Integer> staying = rollCall.leave(patience, done);
        if (staying.isEmpty()) {
            DuetMpi.duet_mpi_end();
            last.done.complete(null);
        } else {
            last.done.completeExceptionally(unanswered(staying, last));
        }
    }

    private static void begin(Job job, List<Job> active) {
        job.since = System.nanoTime();
        active.add(job);
        try {
            job.start.begin(job.requests);
        } catch (RuntimeException | Error e) {
            active.remove(job);
            job.done.completeExceptionally(e);
        }
    }

    /** Whether something has come to its end. */
    private boolean move(List<Job> active, MemorySegment done) {
        boolean moved = false;
        for (Iterator<Job> jobsLeft = active.iterator(); jobsLeft.hasNext();) {
            Job job = jobsLeft.next();
            try {
                for (Iterator<Request> requests = job.requests.iterator(); requests.hasNext();) {
                    Request request = requests.next();
                    requireReached(DuetMpi.duet_mpi_test(request.number(), done), request, job);
                    if (done.get(ValueLayout.JAVA_INT, 0) != 0) {
                        requests.remove();
                        moved = true;
                    }
                }
                if (job.requests.isEmpty()) {
                    jobsLeft.remove();
                    job.done.complete(null);
                } else if (givenUp) {
                    throw new DeviceException(job.what + ": not exchanged, because this process has failed elsewhere");
                } else if (!job.late && System.nanoTime() - job.since > patience.toNanos()) {
                    job.late = true;
                    rollCall.ask();
                } else if (job.late && rollCall.over()) {
                    throw lost(job);
                }
            } catch (RuntimeException | Error e) {
                broken = true; // requests of this job are still under way
                jobsLeft.remove();
                job.done.completeExceptionally(e);
            }
        }
        return moved;
    }

    private void requireReached(int error, Request request, Job job) {
        if (error != 0) {
            throw new RankLostException(
                    (request.peer() == ALL ? "the other ranks" : names.apply(request.peer())) + " cannot be reached about " + job.what
                            + ": " + DuetMpi.duet_mpi_error(error).getString(0));
        }
    }

    private RankLostException lost(Job job) {
        List<Integer> blamed = rollCall.blamed();
        int peer = job.requests.stream().filter(Request::receives).findFirst().orElse(job.requests.getFirst()).peer();
        boolean allWait = blamed.isEmpty() && peer != ALL;
        return unanswered(allWait ? List.of(peer) : blamed, job);
    }

    private RankLostException unanswered(List<Integer> by, Job job) {
        String who = by.isEmpty() ? "a rank" : by.stream().map(names::apply).collect(Collectors.joining(", "));
        return new RankLostException(who + (by.size() > 1 ? " have" : " has") + " not answered about " + job.what + " for "
                + patience.toSeconds() + " s");
    }
}
