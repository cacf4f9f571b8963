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
import java.util.List;
import java.util.stream.Stream;

import duet.bindings.MpiLibrary;
import duet.bindings.mpi.DuetMpi;
import duet.device.DeviceException;
import duet.device.Ranks;
import duet.text.Text;

/**
 * Processes that an MPI's launcher has started. One thread makes every call of MPI; it is inside MPI whenever something is under way, since
 * MPI hardly moves data otherwise. Whoever sends or receives waits for it, and gives up when a process has not answered for as long as was
 * agreed.
 */
public final class MpiRanks implements Ranks {
    /** What every process sends in a gathering first; longer answers follow in a second one. */
    private static final int SLOT = 256;
    private static final int ABORT_MILLIS = 2_000;

    private final MpiThread thread;
    private final MpiIdentity identity;
    private final List<String> hosts;
    private final int sharing;
    private volatile boolean ended;

    private MpiRanks(Launch launch, Duration patience) {
        MpiLibrary.choose(launch.library().kind).ifPresent(problem -> {
            throw new DeviceException("this process was started by the launcher of " + launch.library().kind.label() + ", but " + problem);
        });
        thread = new MpiThread(launch, patience, this::name);
        identity = thread.started();
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
        thread.setPatience(patience);
    }

    @Override
    public Duration patience() {
        return thread.patience();
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

    /** By messages of its own, not by MPI's gathering: it is known whose is missing, also where all wait for one another. */
    private MemorySegment gathered(String what, Arena arena, MemorySegment own) {
        MemorySegment all = arena.allocate(size() * own.byteSize(), Long.BYTES);
        all.asSlice(rank() * own.byteSize(), own.byteSize()).copyFrom(own);
        int tag = identity.largestTag();
        thread.call(what, requests -> {
            for (int rank = 0; rank < size(); rank++) {
                if (rank != rank()) {
                    MpiThread.receive(rank, tag, all.asSlice(rank * own.byteSize(), own.byteSize()), requests);
                    MpiThread.send(rank, tag, own, requests);
                }
            }
        });
        return all;
    }

    @Override
    public void broadcast(String what, ByteBuffer data, int root) {
        MemorySegment whole = MemorySegment.ofBuffer(data);
        thread.call(what, requests -> MpiThread.broadcast(root, root == rank() ? MpiThread.ALL : root, whole, requests));
    }

    @Override
    public void exchange(String what, List<Message> sends, List<Message> receives) {
        thread.call(what, requests -> {
            receives.forEach(message -> MpiThread.receive(message.rank(), message.tag(), memory(message), requests));
            sends.forEach(message -> MpiThread.send(message.rank(), message.tag(), memory(message), requests));
        });
    }

    private MemorySegment memory(Message message) {
        if (message.tag() >= identity.largestTag() - 1) { // the two largest ones are those of roll calls and of gatherings
            throw new DeviceException("the plan has more messages than " + identity.library() + " can tell apart: " + message.tag());
        }
        return MemorySegment.ofBuffer(message.data());
    }

    @Override
    public boolean broken() {
        return thread.broken();
    }

    @Override
    public void giveUp() {
        thread.giveUp(true);
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
        thread.giveUp(false);
        try {
            thread.call("the end", _ -> DuetMpi.duet_mpi_abort(code));
            last.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        if (!ended) {
            gather("the end", new byte[0]); // who is missing is known here; MPI itself would wait for ever
            ended = true;
            thread.end();
        }
    }
}
