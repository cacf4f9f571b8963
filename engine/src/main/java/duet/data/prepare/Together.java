package duet.data.prepare;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import duet.data.DataException;
import duet.data.shard.PreparationListener;
import duet.device.DeviceException;
import duet.device.Ranks;

/**
 * Keeps processes aware of each other while each makes shards of its own, for as long as that takes: a few times a second all tell how far
 * they are, whether they were asked to stop, and what has failed. What stops or fails in one ends all of them between two images, and a
 * process that is lost is noticed. Each process's preparation has it as its listener.
 */
final class Together implements PreparationListener {
    private static final int BEAT_MILLIS = 250;

    private final Ranks ranks;
    private final PreparationListener listener;
    /** This process's part is over; that of all. */
    private final CountDownLatch over = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Word own = new Word(0, State.WORKING, "");
    private volatile List<Word> heard = List.of();
    private volatile RuntimeException lost;
    private final List<String> warnings = new ArrayList<>();
    private long total;

    private enum State { WORKING, STOPPED, FAILED, COMPLETE }

    /**
     * What a process tells.
     *
     * @param done   images
     * @param reason why it has failed
     */
    private record Word(long done, State state, String reason) {
        byte[] bytes() {
            return (done + " " + state + " " + reason).getBytes(StandardCharsets.UTF_8);
        }

        static Word of(byte[] bytes) {
            String[] parts = new String(bytes, StandardCharsets.UTF_8).split(" ", 3);
            return new Word(Long.parseLong(parts[0]), State.valueOf(parts[1]), parts[2]);
        }
    }

    /** The part of the work that is this process's. */
    interface Work {
        /** @return false if it was stopped */
        boolean done() throws IOException;
    }

    /** @param listener told how far all processes are */
    Together(Ranks ranks, PreparationListener listener) {
        this.ranks = ranks;
        this.listener = listener;
    }

    /**
     * Does this process's part of the work while the others do theirs. What has failed in another one is a {@link DataException} that
     * names it.
     *
     * @return whether all of it is done; else it was stopped
     */
    boolean all(Work work) throws IOException {
        if (ranks.size() == 1) {
            return work.done();
        }
        Thread.ofPlatform().daemon().name("duet-together").start(this::beat);
        try {
            end(work.done() ? State.COMPLETE : State.STOPPED, "");
        } catch (IOException | RuntimeException | Error e) { // also a lack of memory: the others must not wait
            end(State.FAILED, e instanceof Error || e.getMessage() == null ? e.toString() : e.getMessage());
            throw e;
        }
        if (lost != null) {
            throw lost;
        }
        IntStream.range(0, ranks.size()).filter(rank -> heard.get(rank).state() == State.FAILED).findFirst().ifPresent(rank -> {
            throw new DataException(ranks.name(rank) + ": " + heard.get(rank).reason());
        });
        tellWarnings();
        return heard.stream().allMatch(word -> word.state() == State.COMPLETE);
    }

    /** Those of others come to the first process's listener. */
    private void tellWarnings() {
        List<byte[]> all = ranks.gather("the warnings", String.join("\n", warnings).getBytes(StandardCharsets.UTF_8));
        for (int rank = 1; rank < all.size() && ranks.first(); rank++) {
            String name = ranks.name(rank);
            new String(all.get(rank), StandardCharsets.UTF_8).lines().forEach(line -> listener.warning(name + ": " + line));
        }
    }

    /** Waits until the others have come to their end, too. */
    private void end(State state, String reason) {
        own = new Word(own.done(), state, reason);
        over.countDown();
        boolean interrupted = false;
        while (ended.getCount() > 0) {
            try {
                if (!ended.await(BEAT_MILLIS, TimeUnit.MILLISECONDS) && total > 0) {
                    progress(own.done(), total);
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** All processes hear the same, and so end after the same call. */
    private void beat() {
        try {
            while (true) {
                Word told = own;
                heard = ranks.gather("the preparation", told.bytes()).stream().map(Word::of).toList();
                if (heard.stream().noneMatch(word -> word.state() == State.WORKING)) {
                    return;
                }
                if (told.state() == State.WORKING) {
                    over.await(BEAT_MILLIS, TimeUnit.MILLISECONDS);
                } else {
                    TimeUnit.MILLISECONDS.sleep(BEAT_MILLIS);
                }
            }
        } catch (InterruptedException e) {
            lost = new DeviceException("interrupted while processes worked together", e);
        } catch (RuntimeException e) {
            lost = e;
        } catch (Error e) { // such as a lack of memory: nobody is heard any more
            lost = new DeviceException(e.toString(), e);
        } finally {
            ended.countDown();
        }
    }

    @Override
    public void started(long images, long bytes) {
        listener.started(images, bytes);
    }

    @Override
    public void progress(long done, long images) {
        total = images;
        own = new Word(done, own.state(), own.reason());
        List<Word> last = heard;
        long others = IntStream.range(0, last.size()).filter(rank -> rank != ranks.rank()).mapToLong(rank -> last.get(rank).done()).sum();
        listener.progress(done + others, images);
    }

    @Override
    public void warning(String message) {
        warnings.add(message.replaceAll("\\R", " "));
        listener.warning(message);
    }

    /** Also if another process was stopped, has failed or is lost. */
    @Override
    public boolean stopped() {
        return lost != null || listener.stopped()
                || heard.stream().anyMatch(word -> word.state() == State.STOPPED || word.state() == State.FAILED);
    }
}
