package duet.device.cuda;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;

import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.RankLostException;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.NcclCommunicator;

/**
 * Exchanges from card to card by NCCL: a communicator for each device of this process, whose number is that of the device in plans. NCCL
 * itself waits for ever, so that a thread of its own looks after whoever waits for it: when another process has not come for as long as was
 * agreed, or NCCL reports a failure, it aborts the communicators, which ends what is under way.
 */
final class CudaNccl {
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final long NAP_NANOS = 20_000;
    /** How long the others may take to close, too. */
    private static final Duration END = Duration.ofSeconds(10);
    /** What a C program's threads have on Linux, for which NCCL is written; Java's have 1 MB. */
    private static final long STACK_BYTES = 8L << 20;

    private final Peers processes;
    private final List<NcclCommunicator> communicators;
    private final Set<Watch> watches = ConcurrentHashMap.newKeySet();
    /** Once set, the communicators are gone or going. */
    private volatile DeviceException failure;
    private volatile boolean closed;
    private boolean stuck;

    /** Somebody waits for NCCL; each is itself alone, also beside another of the same moment. */
    private static final class Watch {
        final long since = System.nanoTime();
        /** What for, such as {@code rank 1 (node2) has not answered about fc6}. */
        final Supplier<String> waited;

        Watch(Supplier<String> waited) {
            this.waited = waited;
        }
    }

    private CudaNccl(Peers processes, List<NcclCommunicator> communicators) {
        this.processes = processes;
        this.communicators = communicators;
        Thread.ofPlatform().daemon().name("duet nccl").start(this::look);
    }

    /**
     * Connects the devices of all processes, which all call it.
     *
     * @param id from {@link NcclCommunicator#uniqueId}
     * @throws RankLostException if the others have not come for as long as was agreed
     */
    static CudaNccl open(Peers processes, List<CudaDevice> devices, byte[] id) {
        int all = processes.ranks().size() * processes.each();
        Duration patience = processes.ranks().patience();
        try {
            return new CudaNccl(processes, within(patience, () -> NcclCommunicator.open(devices, all, id)).orElseThrow(
                    () -> new RankLostException("NCCL has not connected the processes for " + patience.toSeconds()
                            + " s; DUET_NCCL=off does without it")));
        } catch (CompletionException e) {
            throw e.getCause() instanceof DeviceException failure ? failure : e;
        }
    }

    /** What a piece of work that may hang has come to; empty if it has not ended in time, and its thread is left behind. */
    private static <T> Optional<T> within(Duration time, Supplier<T> work) {
        return CompletableFuture.supplyAsync(work, CudaNccl::start).thenApply(Optional::of)
                .completeOnTimeout(Optional.empty(), time.toMillis(), TimeUnit.MILLISECONDS).join();
    }

    private static void start(Runnable call) {
        Thread.ofPlatform().daemon().stackSize(STACK_BYTES).name("duet nccl call").start(call);
    }

    /**
     * NCCL has no tags: what one device sends to another must leave in the order in which it is received. All processes call it.
     *
     * @param streams of this process's devices
     * @throws DeviceException if the orders differ, on all of them
     */
    static void requireSameOrder(Peers processes, List<StreamSteps> streams) {
        Map<String, List<Integer>> ways = new TreeMap<>();
        streams.stream().flatMap(stream -> stream.steps().stream()).filter(Step.Copy.class::isInstance).map(Step.Copy.class::cast)
                .filter(copy -> !processes.here(copy))
                .forEach(copy -> ways.computeIfAbsent("from device " + copy.from().device() + " to device " + copy.to().device(),
                        _ -> new ArrayList<>()).add(copy.to().id()));
        List<String> own = ways.entrySet().stream()
                .map(way -> way.getKey() + ":" + way.getValue().size() + " messages, " + way.getValue().hashCode()).toList();
        Map<String, String> oneEnd = new HashMap<>();
        for (byte[] answer : processes.ranks().gather("the order of messages", String.join("\n", own).getBytes(StandardCharsets.UTF_8))) {
            new String(answer, StandardCharsets.UTF_8).lines().map(line -> line.split(":", 2)).forEach(way -> {
                String other = oneEnd.putIfAbsent(way[0], way[1]);
                if (other != null && !oneEnd.remove(way[0], way[1])) {
                    throw disorder(way[0]);
                }
            });
        }
        oneEnd.keySet().stream().findFirst().ifPresent(way -> {
            throw disorder(way);
        });
    }

    private static DeviceException disorder(String way) {
        return new DeviceException("the messages " + way + " are not received in the order in which they are sent, and NCCL would mix them"
                + " up; DUET_NCCL=off sends them through host memory");
    }

    /** Puts an exchange into a stream; may wait until the other devices have come as far. */
    void exchange(CudaStream stream, CudaQueue.Command.Group group) {
        Watch watch = begin(group::waited);
        try {
            communicators.get(processes.own(stream.device.index, communicators.size())).exchange(stream, group.messages(), group.layer());
        } catch (DeviceException e) {
            requireWhole(); // says more than that the communicator is gone
            throw e;
        } finally {
            watches.remove(watch);
        }
        requireWhole();
    }

    /**
     * Waits until a stream has done everything.
     *
     * @param waited what is not over yet, when it has taken too long; called by another thread
     */
    void await(CudaStream stream, Supplier<String> waited) {
        Watch watch = begin(waited);
        try {
            while (failure == null && !stream.idle("running")) {
                LockSupport.parkNanos(NAP_NANOS);
            }
        } finally {
            watches.remove(watch);
        }
        lookNow(); // what has arrived is what was sent only if nothing has gone wrong
        requireWhole();
    }

    private Watch begin(Supplier<String> waited) {
        requireWhole();
        Watch watch = new Watch(waited);
        watches.add(watch);
        return watch;
    }

    private void requireWhole() {
        switch (failure) {
            case null -> {
            }
            case RankLostException lost -> throw new RankLostException(lost.getMessage());
            case DeviceException other -> throw new DeviceException(other.getMessage(), other);
        }
    }

    /** Of the thread that looks after the others. */
    private void look() {
        while (!closed && failure == null) {
            LockSupport.parkNanos(LOOK.toNanos());
            if (!watches.isEmpty()) {
                lookNow();
            }
        }
    }

    private synchronized void lookNow() {
        if (closed || failure != null) {
            return;
        }
        Duration patience = processes.ranks().patience();
        for (Watch watch : watches) {
            if (System.nanoTime() - watch.since > patience.toNanos()) {
                fail(new RankLostException(watch.waited.get() + " for " + patience.toSeconds() + " s"));
                return;
            }
        }
        for (NcclCommunicator communicator : communicators) {
            DeviceException found = communicator.failure();
            if (found != null) {
                fail(found);
                return;
            }
        }
    }

    /** Who waits in {@link #await} is told in any case, also if NCCL does not come back from aborting. */
    private void fail(DeviceException why) {
        failure = why;
        stuck = !allWithin(NcclCommunicator::abort);
    }

    /** Whether NCCL has not come back from letting go of the devices, whose memory it may still write to. */
    synchronized boolean stuck() {
        return stuck;
    }

    /** Does something with each communicator at the same time; whether all have come back. */
    private boolean allWithin(Consumer<NcclCommunicator> work) {
        CompletableFuture<?>[] calls = communicators.stream()
                .map(each -> CompletableFuture.runAsync(() -> work.accept(each), CudaNccl::start)).toArray(CompletableFuture[]::new);
        return CompletableFuture.allOf(calls).handle((_, failed) -> failed == null)
                .completeOnTimeout(false, END.toMillis(), TimeUnit.MILLISECONDS).join();
    }

    /** This process has failed elsewhere: its threads that wait in NCCL need not wait any longer. */
    void giveUp() {
        if (failure == null && !closed) {
            synchronized (this) {
                if (failure == null && !closed) {
                    fail(new DeviceException("not exchanged, because this process has failed elsewhere"));
                }
            }
        }
    }

    /** Comes before the devices are closed. */
    synchronized void close() {
        closed = true;
        stuck |= !allWithin(NcclCommunicator::destroy); // those that have been aborted are gone
    }
}
