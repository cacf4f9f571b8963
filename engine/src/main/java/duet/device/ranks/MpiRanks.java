package duet.device.ranks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
import java.util.stream.Stream;

import duet.bindings.MpiLibrary;
import duet.bindings.mpi.DuetMpi;
import duet.device.DeviceException;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.text.Text;

/**
 * Processes that an MPI's launcher has started. One thread makes every call of MPI; it is inside MPI whenever something is under way, since MPI hardly
 * moves data otherwise. Whoever sends or receives waits for it, and gives up when a process has not answered for as long as was agreed.
 */
public final class MpiRanks implements Ranks {
    /** Between two looks at what is under way: processes may share cores. */
    private static final long NAP_NANOS = 20_000;
    /** MPI counts bytes with an int; smaller pieces also let several messages share the way. */
    private static final int PIECE = 1 << 28;
    /** What every process sends in a gathering first; longer answers follow in a second one. */
    private static final int SLOT = 256;
    private static final int ABORT_MILLIS = 2_000;
    private static final int IDLE_MILLIS = 5;
    /** How much longer than agreed a caller waits for the thread to give up. */
    private static final Duration GRACE = Duration.ofSeconds(30);

    private final BlockingQueue<Job> jobs = new LinkedBlockingQueue<>();
    private volatile Duration patience;
    private final Thread thread;
    private final Identity identity;
    private final List<String> hosts;
    private final int sharing;
    private volatile boolean ended;
    private volatile boolean givenUp;
    private volatile boolean broken;

    /** What MPI says of this process. */
    private record Identity(int rank, int size, int largestTag, String library, String host) {}

    /** A request under way, and who it depends on: -1 for all. */
    private record Request(int number, int peer, boolean receives) {}

    private interface Start {
        void begin(List<Request> requests);
    }

    /** Something that a thread waits for. */
    private static final class Job {
        final String what;
        final Start start;
        final List<Request> requests = new ArrayList<>();
        final CompletableFuture<Void> done = new CompletableFuture<>();
        long since;

        Job(String what, Start start) {
            this.what = what;
            this.start = start;
        }
    }

    private MpiRanks(Launch launch, Duration patience) {
        this.patience = patience;
        MpiLibrary.choose(launch.library().kind).ifPresent(problem -> {
            throw new DeviceException("this process was started by the launcher of " + launch.library().kind.label() + ", but " + problem);
        });
        CompletableFuture<Identity> started = new CompletableFuture<>();
        thread = Thread.ofPlatform().daemon().name("duet ranks").start(() -> live(launch, started));
        identity = wait(started, "its start");
        List<String[]> places = gather("the hosts", (identity.host() + "\n" + cores()).getBytes(StandardCharsets.UTF_8)).stream()
                .map(answer -> new String(answer, StandardCharsets.UTF_8).split("\n", -1)).toList();
        hosts = places.stream().map(place -> place[0]).toList();
        sharing = (int) places.stream().filter(place -> place[0].equals(identity.host()) && place[1].equals(cores())).count();
    }

    /**
     * Joins the other processes.
     *
     * @param launch   what the launcher has said
     * @param patience how long another process may take to answer
     * @return the processes; close them when all is done
     * @throws DeviceException if there is no library of that MPI, or it is another one than the launcher's
     */
    public static MpiRanks join(Launch launch, Duration patience) {
        return new MpiRanks(launch, patience);
    }

    /**
     * Changes how long another process may take to answer.
     *
     * @param patience from now on
     */
    public void setPatience(Duration patience) {
        this.patience = patience;
    }

    @Override
    public int rank() {
        return identity.rank();
    }

    @Override
    public int size() {
        return identity.size();
    }

    @Override
    public String description() {
        long different = hosts.stream().distinct().count();
        return identity.library() + " on " + Text.count(different, "host");
    }

    @Override
    public String name(int rank) {
        return "rank " + rank + (hosts == null ? "" : " (" + hosts.get(rank) + ")");
    }

    /** {@return how many of the processes, this one included, run on the same cores of the same host} */
    public int sharingCores() {
        return sharing;
    }

    @Override
    public int place() {
        return (int) hosts.subList(0, rank()).stream().filter(identity.host()::equals).count();
    }

    /** {@return whether the launcher lets this process use some of its own cores only} */
    public static boolean bound() {
        String parent = ProcessHandle.current().parent().map(process -> cores(Long.toString(process.pid()))).orElse("");
        return !parent.isEmpty() && !parent.equals(cores());
    }

    /** The cores that this process may use, as the system lists them. */
    private static String cores() {
        return cores("self");
    }

    private static String cores(String process) {
        try (Stream<String> lines = Files.lines(Path.of("/proc", process, "status"))) {
            return lines.filter(line -> line.startsWith("Cpus_allowed_list:")).findFirst().orElse("").replaceAll("\\s+", "");
        } catch (IOException | UncheckedIOException e) {
            return ""; // then all processes of a host are taken to share its cores
        }
    }

    @Override
    public List<byte[]> gather(String what, byte[] own) {
        Arena arena = Arena.ofShared(); // not closed where this fails: MPI may still write to it
        MemorySegment slot = arena.allocate(SLOT);
        slot.set(ValueLayout.JAVA_INT, 0, own.length);
        int room = SLOT - Integer.BYTES;
        MemorySegment.copy(own, 0, slot, ValueLayout.JAVA_BYTE, Integer.BYTES, Math.min(room, own.length));
        MemorySegment slots = gathered(what, arena, slot);
        int longest = 0;
        for (int rank = 0; rank < size(); rank++) {
            longest = Math.max(longest, slots.get(ValueLayout.JAVA_INT, (long) rank * SLOT));
        }
        MemorySegment all = slots;
        if (longest > room) {
            MemorySegment whole = arena.allocate(longest);
            MemorySegment.copy(own, 0, whole, ValueLayout.JAVA_BYTE, 0, own.length);
            all = gathered(what, arena, whole);
        }
        List<byte[]> answers = new ArrayList<>();
        for (int rank = 0; rank < size(); rank++) {
            int length = slots.get(ValueLayout.JAVA_INT, (long) rank * SLOT);
            long from = longest > room ? (long) rank * longest : (long) rank * SLOT + Integer.BYTES;
            answers.add(all.asSlice(from, length).toArray(ValueLayout.JAVA_BYTE));
        }
        arena.close();
        return answers;
    }

    /** By messages of its own, not by MPI's gathering, so that it is known whose is missing. */
    private MemorySegment gathered(String what, Arena arena, MemorySegment own) {
        MemorySegment all = arena.allocate(size() * own.byteSize(), Long.BYTES);
        all.asSlice(rank() * own.byteSize(), own.byteSize()).copyFrom(own);
        int tag = identity.largestTag();
        call(what, requests -> {
            for (int rank = 0; rank < size(); rank++) {
                if (rank != rank()) {
                    receive(rank, tag, all.asSlice(rank * own.byteSize(), own.byteSize()), requests);
                    send(rank, tag, own, requests);
                }
            }
        });
        return all;
    }

    private static void receive(int from, int tag, MemorySegment data, List<Request> requests) {
        pieces(data, piece -> requests
                .add(request(from, true, number -> DuetMpi.duet_mpi_receive(piece, piece.byteSize(), from, tag, number))));
    }

    private static void send(int to, int tag, MemorySegment data, List<Request> requests) {
        pieces(data, piece -> requests
                .add(request(to, false, number -> DuetMpi.duet_mpi_send(piece, piece.byteSize(), to, tag, number))));
    }

    @Override
    public void broadcast(String what, ByteBuffer data, int root) {
        MemorySegment whole = MemorySegment.ofBuffer(data);
        call(what, requests -> pieces(whole, piece -> requests.add(
                request(root == rank() ? -1 : root, true, number -> DuetMpi.duet_mpi_broadcast(piece, piece.byteSize(), root, number)))));
    }

    @Override
    public void exchange(String what, List<Message> sends, List<Message> receives) {
        call(what, requests -> {
            receives.forEach(message -> receive(message.rank(), message.tag(), memory(message), requests));
            sends.forEach(message -> send(message.rank(), message.tag(), memory(message), requests));
        });
    }

    private MemorySegment memory(Message message) {
        if (message.tag() >= identity.largestTag()) { // the largest one is that of gatherings
            throw new DeviceException("the plan has more messages than " + identity.library() + " can tell apart: " + message.tag());
        }
        return MemorySegment.ofBuffer(message.data());
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

    private static void requireDone(int error) {
        if (error != 0) {
            throw new DeviceException("MPI: " + DuetMpi.duet_mpi_error(error).getString(0));
        }
    }

    /** Has the thread start something and waits until it is over. */
    private void call(String what, Start start) {
        if (ended) {
            throw new IllegalStateException("the processes have parted");
        }
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

    private void live(Launch launch, CompletableFuture<Identity> started) {
        try {
            int error = DuetMpi.duet_mpi_start();
            if (error == DuetMpi.DUET_MPI_SIGNALS()) {
                throw new DeviceException(
                        "the MPI library has taken the signal SIGSEGV from Java, which would end the program at its first null: "
                                + "set UCX_ERROR_SIGNALS to nothing (export UCX_ERROR_SIGNALS=)");
            }
            requireDone(error);
            Identity found = new Identity(DuetMpi.duet_mpi_rank(), DuetMpi.duet_mpi_size(), DuetMpi.duet_mpi_largest_tag(),
                    library(DuetMpi.duet_mpi_library().getString(0)), DuetMpi.duet_mpi_host().getString(0));
            if (launch.size() != 0 && (found.size() != launch.size() || found.rank() != launch.rank())) {
                throw new DeviceException("the launcher has started this process as rank " + launch.rank() + " of " + launch.size()
                        + ", but for the library (" + found.library() + ") it is rank " + found.rank() + " of " + found.size()
                        + ": launcher and library do not belong together; start it with the mpirun of " + found.library());
            }
            started.complete(found);
        } catch (RuntimeException | Error e) {
            started.completeExceptionally(e);
            return;
        }
        work();
    }

    /** Of the library's own words, which may fill a page, the name and the version. */
    private static String library(String words) {
        String line = words.lines().findFirst().orElse("MPI");
        return line.replaceAll(",.*", "").replaceAll("Version:\\s*", "").replaceAll("\\s+", " ").strip();
    }

    private void work() {
        List<Job> active = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment done = arena.allocate(ValueLayout.JAVA_INT);
            while (true) {
                Job next = active.isEmpty() ? jobs.poll(IDLE_MILLIS, TimeUnit.MILLISECONDS) : jobs.poll();
                if (next == null && active.isEmpty()) {
                    DuetMpi.duet_mpi_progress(); // what was sent may not have left yet
                    continue;
                }
                if (next != null && next.start == null) {
                    DuetMpi.duet_mpi_end();
                    next.done.complete(null);
                    return;
                }
                if (next != null) {
                    begin(next, active);
                }
                if (!move(active, done) && next == null) {
                    LockSupport.parkNanos(NAP_NANOS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
                } else if (System.nanoTime() - job.since > patience.toNanos()) {
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
                    (request.peer() < 0 ? "the other ranks" : name(request.peer())) + " cannot be reached about " + job.what
                            + ": " + DuetMpi.duet_mpi_error(error).getString(0));
        }
    }

    @Override
    public boolean broken() {
        return broken;
    }

    private RankLostException lost(Job job) {
        Request open = job.requests.stream().filter(Request::receives).findFirst().orElse(job.requests.getFirst());
        String who = open.peer() < 0 ? "a rank" : name(open.peer());
        return new RankLostException(who + " has not answered about " + job.what + " for " + patience.toSeconds() + " s");
    }

    @Override
    public void giveUp() {
        givenUp = true;
    }

    /**
     * Ends all processes at once, this one too.
     *
     * @param code that the launcher returns, where it can
     */
    public void abort(int code) {
        Thread last = Thread.ofPlatform().daemon().start(() -> {
            try {
                Thread.sleep(ABORT_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Runtime.getRuntime().halt(code); // MPI did not answer
        });
        givenUp = false;
        try {
            call("the end", _ -> DuetMpi.duet_mpi_abort(code));
            last.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        if (!ended) {
            gather("the end", new byte[0]); // who is missing is known here; MPI itself would wait for ever
            Job end = new Job("the end", null);
            jobs.add(end);
            ended = true;
            LockSupport.unpark(thread);
            wait(end.done, "the end");
        }
    }
}
