package duet.device.ranks;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

import duet.device.RankLostException;
import duet.device.Ranks;

/** Processes played by threads, whose messages take times that a seed draws; who comes to other calls than the rest is found out. */
public final class ThreadRanks implements Ranks {
    private static final int MOST_DELAY_MICROS = 300;

    private final Group group;
    private final int rank;
    private final SplittableRandom delays;
    private final AtomicLong calls = new AtomicLong();

    private static final class Group {
        final int size;
        final long patienceSeconds;
        final Map<String, BlockingQueue<byte[]>> ways = new ConcurrentHashMap<>();
        final AtomicLong bytes = new AtomicLong();

        Group(int size, long patienceSeconds) {
            this.size = size;
            this.patienceSeconds = patienceSeconds;
        }
    }

    private ThreadRanks(Group group, int rank, long seed) {
        this.group = group;
        this.rank = rank;
        delays = new SplittableRandom(seed + rank);
    }

    /**
     * What each of some processes has made of a piece of work; the first failure is thrown.
     *
     * @param patienceSeconds how long a process waits for another
     */
    public static <T> List<T> run(int size, long seed, long patienceSeconds, Function<ThreadRanks, T> work) {
        Group group = new Group(size, patienceSeconds);
        try (ExecutorService threads = Executors.newFixedThreadPool(size)) {
            List<Callable<T>> all = new ArrayList<>();
            for (int rank = 0; rank < size; rank++) {
                ThreadRanks ranks = new ThreadRanks(group, rank, seed);
                all.add(() -> work.apply(ranks));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : threads.invokeAll(all)) {
                results.add(future.get());
            }
            return results;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new AssertionError(e.getCause());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Of all exchanges between devices so far, of all processes. */
    public long bytesExchanged() {
        return group.bytes.get();
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return group.size;
    }

    @Override
    public String description() {
        return group.size + " threads";
    }

    @Override
    public Duration patience() {
        return Duration.ofSeconds(group.patienceSeconds);
    }

    @Override
    public String name(int other) {
        return "rank " + other;
    }

    private void send(int to, String what, byte[] data) {
        way(rank, to, what).add(data);
    }

    private BlockingQueue<byte[]> way(int from, int to, String what) {
        return group.ways.computeIfAbsent(from + ">" + to + ":" + what, _ -> new LinkedBlockingQueue<>());
    }

    private byte[] receive(int from, String what) {
        try {
            byte[] data = way(from, rank, what).poll(group.patienceSeconds, TimeUnit.SECONDS);
            if (data == null) {
                throw new RankLostException(name(from) + " has not answered about " + what + " for " + group.patienceSeconds + " s");
            }
            return data;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private void delay() {
        int micros;
        synchronized (delays) {
            micros = delays.nextInt(MOST_DELAY_MICROS);
        }
        try {
            TimeUnit.MICROSECONDS.sleep(micros);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public List<byte[]> gather(String what, byte[] own) {
        String call = what + " (call " + calls.incrementAndGet() + ")"; // who makes another call waits in vain
        delay();
        for (int to = 0; to < size(); to++) {
            send(to, call, own.clone());
        }
        List<byte[]> all = new ArrayList<>();
        for (int from = 0; from < size(); from++) {
            all.add(receive(from, call));
        }
        return all;
    }

    @Override
    public void broadcast(String what, ByteBuffer data, int root) {
        String call = what + " (call " + calls.incrementAndGet() + ")";
        delay();
        if (rank == root) {
            byte[] bytes = new byte[data.remaining()];
            data.duplicate().get(bytes);
            for (int to = 0; to < size(); to++) {
                send(to, call, bytes);
            }
        }
        data.duplicate().put(receive(root, call));
    }

    @Override
    public void exchange(String what, List<Message> sends, List<Message> receives) {
        delay();
        for (Message message : sends) {
            byte[] bytes = new byte[message.data().remaining()];
            message.data().duplicate().get(bytes);
            group.bytes.addAndGet(bytes.length);
            send(message.rank(), "message " + message.tag(), bytes);
        }
        for (Message message : receives) {
            message.data().duplicate().put(receive(message.rank(), "message " + message.tag()));
        }
    }

    @Override
    public void close() {}
}
