package duet.use;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import duet.device.Ranks;
import duet.train.schedule.TrainingException;

/**
 * Batches that several processes take by turns: batch b is process b % N's, and all come to process 0 in order. A batch is under way while
 * the next one is computed; process 0 receives one ahead of the one that it uses.
 */
final class Turns implements AutoCloseable {
    private final Ranks ranks;
    private final int batches;
    private final int values;
    private final int images;
    private final ByteBuffer[] buffers = new ByteBuffer[2];
    /** One message at a time, so that they keep their order. */
    private final ExecutorService messages = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("duet-turns").factory());
    private CompletableFuture<?> under = CompletableFuture.completedFuture(null);
    /** Of the messages, from 0. */
    private int next;

    /**
     * What one process has made of a batch.
     *
     * @param labels of its images
     * @param values of its images, one after the other
     */
    record Made(int[] labels, float[] values) {}

    /**
     * @param batches of all processes
     * @param images  of a batch
     * @param length  numbers of an image
     */
    Turns(Ranks ranks, int batches, int images, int length) {
        this.ranks = ranks;
        this.batches = batches;
        this.images = images;
        values = Math.multiplyExact(images, length);
        long bytes = (long) Integer.BYTES * images + (long) Float.BYTES * values;
        if (ranks.size() > 1 && bytes > Integer.MAX_VALUE) {
            throw new TrainingException("what the layer makes of " + images + " images is " + bytes
                    + " bytes, too many for a message between processes: use a smaller batch");
        }
        for (int i = 0; i < buffers.length && ranks.size() > 1; i++) {
            // reachable as long as a message that was given up may still use it
            buffers[i] = Arena.ofAuto().allocate(bytes, ValueLayout.JAVA_LONG.byteAlignment()).asByteBuffer()
                    .order(ByteOrder.nativeOrder());
        }
        if (ranks.first()) {
            receive(0);
        }
    }

    boolean own(int batch) {
        return batch % ranks.size() == ranks.rank();
    }

    /** To process 0: its own batches, and those that others send. */
    Made received(int batch) {
        wait(under);
        ByteBuffer buffer = buffers[(next - 1) % 2];
        receive(batch + 1);
        int[] labels = new int[images];
        float[] made = new float[values];
        buffer.clear().asIntBuffer().get(labels);
        buffer.position(Integer.BYTES * images).asFloatBuffer().get(made);
        return new Made(labels, made);
    }

    /** The first batch from here on that is not process 0's own. */
    private void receive(int from) {
        int batch = own(from) ? from + 1 : from;
        if (batch < batches && ranks.size() > 1) {
            ByteBuffer buffer = buffers[next++ % 2].clear();
            List<Ranks.Message> message = List.of(new Ranks.Message(batch % ranks.size(), 0, buffer));
            under = CompletableFuture.runAsync(() -> ranks.exchange("batch " + batch, List.of(), message), messages);
        }
    }

    /** From another process to process 0. */
    void send(int batch, Made made) {
        ByteBuffer buffer = buffers[next++ % 2].clear(); // its last message has left: the one after it was waited for
        buffer.asIntBuffer().put(made.labels());
        buffer.position(Integer.BYTES * images).asFloatBuffer().put(made.values());
        buffer.clear();
        wait(under);
        List<Ranks.Message> message = List.of(new Ranks.Message(0, 0, buffer));
        under = CompletableFuture.runAsync(() -> ranks.exchange("batch " + batch, message, List.of()), messages);
    }

    /** All that was sent has left. */
    void finish() {
        wait(under);
    }

    private static void wait(CompletableFuture<?> future) {
        try {
            future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw e;
        }
    }

    /** Does not wait for what is under way: where this process has failed, it never comes. */
    @Override
    public void close() {
        messages.shutdownNow();
    }
}
