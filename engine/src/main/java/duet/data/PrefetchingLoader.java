package duet.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.DoubleUnaryOperator;

import duet.data.Indices.EpochOrders;
import duet.net.Shape;

/**
 * Daemon threads claim batch numbers in order and fill a ring of buffers; batch b lies in slot b % ring, so that the order of the
 * batches, and the batch at which a failure shows, do not depend on which thread is quicker. A slot is filled again only when
 * its batch is no longer valid for the caller, which holds two: the latest and the one before.
 */
final class PrefetchingLoader implements BatchLoader {
    private static final int HELD_BY_CALLER = 2;
    private static final long CLOSE_SECONDS = 5;

    private final Dataset data;
    private final EpochOrders orders;
    private final Cropping cropping;
    /** Null if there is none. */
    private final ColourNoise noise;
    /** Of an epoch; 0: none. */
    private final DoubleUnaryOperator noiseFactor;
    private final int batch;
    private final int imageBytes;
    /** Of a batch that are wanted. */
    private final BitSet places;
    /** Exclusive; Long.MAX_VALUE in training. */
    private final long lastBatch;
    private final Slot[] ring;
    private final List<Thread> threads = new ArrayList<>();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long firstBatch;
    private long nextToFill;
    private long nextToReturn;
    private volatile boolean closed;
    private DataException failure;

    /** Written by the thread that claimed the slot, read by the caller after {@code filled} was set under the lock. */
    private static final class Slot {
        final byte[] images;
        final int[] crops;
        final float[] colourShifts;
        final int[] labels;
        boolean noisy;
        int count;
        /** The batch that it holds. */
        long filled = -1;
        Throwable failure;

        Slot(int batch, int read, Shape stored, boolean noise) {
            images = Batch.room(read, stored);
            crops = new int[3 * batch];
            colourShifts = new float[noise ? stored.channels() * batch : 0];
            labels = new int[batch];
            Arrays.fill(labels, -1); // of places that are not read it stays
        }
    }

    PrefetchingLoader(Dataset data, EpochOrders orders, Cropping cropping, ColourNoise noise, DoubleUnaryOperator noiseFactor, int batch,
            long firstBatch, long lastBatch, int threadCount, BitSet places) {
        if (batch < 1 || places.length() > batch) {
            throw new DataException("a batch of " + batch + " images is not possible" + (batch < 1 ? ": it takes 1 at least"
                    : " with place " + (places.length() - 1)));
        }
        if (data.size() < 1) {
            throw new DataException("no images to load: " + data.description());
        }
        if (threadCount < 1 || firstBatch < 0) {
            throw new DataException(String.format(Locale.ROOT,
                    "loading from batch %d on %d threads is not possible: give batch 0 or more and at least 1 thread",
                    firstBatch, threadCount));
        }
        this.data = data;
        this.orders = orders;
        this.cropping = cropping;
        this.noise = noise;
        this.noiseFactor = noiseFactor;
        this.batch = batch;
        this.places = (BitSet) places.clone();
        this.imageBytes = (int) data.stored().elements();
        this.firstBatch = firstBatch;
        this.lastBatch = lastBatch;
        nextToFill = firstBatch;
        nextToReturn = firstBatch;
        ring = new Slot[(int) Math.min(threadCount + 1L + HELD_BY_CALLER, lastBatch - firstBatch)];
        for (int i = 0; i < ring.length; i++) {
            ring[i] = new Slot(batch, places.cardinality(), data.stored(), noise != null);
        }
        for (int i = 0; i < threadCount; i++) {
            threads.add(Thread.ofPlatform().daemon().name("duet-loader-" + i).start(this::fillSlots));
        }
    }

    private Slot slot(long number) {
        return ring[(int) ((number - firstBatch) % ring.length)];
    }

    @Override
    public Batch next() {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the batch loader is closed");
            }
            if (failure != null) {
                throw failure;
            }
            if (nextToReturn == lastBatch) {
                return null;
            }
            long number = nextToReturn++;
            changed.signalAll();
            Slot slot = slot(number);
            while (slot.filled != number && failure == null && !closed) {
                changed.await();
            }
            if (closed) {
                throw new IllegalStateException("the batch loader was closed while a batch was awaited");
            }
            if (slot.filled == number && slot.failure != null) {
                failure = surfaced(number, slot.failure);
            }
            if (failure != null) {
                throw failure;
            }
            return new Batch(number, slot.images, places.cardinality() == batch ? null : places, slot.crops,
                    slot.noisy ? slot.colourShifts : null, slot.labels, slot.count);
        } catch (InterruptedException e) {
            nextToReturn--;
            Thread.currentThread().interrupt();
            throw new DataException("interrupted while a batch was awaited", e);
        } finally {
            lock.unlock();
        }
    }

    private static DataException surfaced(long number, Throwable cause) {
        return cause instanceof DataException
                ? new DataException(cause.getMessage(), cause)
                : new DataException("batch " + number + " could not be loaded: " + cause, cause);
    }

    private void fillSlots() {
        try {
            LevelChanges changes = new LevelChanges(cropping);
            for (long number = claim(); number >= 0; number = claim()) {
                Slot slot = slot(number);
                Throwable thrown = null;
                try {
                    fill(number, slot, changes);
                } catch (RuntimeException | Error e) {
                    thrown = e;
                }
                publish(number, slot, thrown);
            }
        } catch (InterruptedException e) {
            fail(new DataException("a loader thread was interrupted", e));
        }
    }

    /** The next batch to fill, when its slot is free; -1 when there is no more to do. */
    private long claim() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!closed && nextToFill < lastBatch && !slotIsFree(nextToFill - ring.length)) {
                changed.await();
            }
            if (closed || nextToFill == lastBatch) {
                return -1;
            }
            return nextToFill++;
        } finally {
            lock.unlock();
        }
    }

    private boolean slotIsFree(long previousBatch) {
        return previousBatch < firstBatch || previousBatch < nextToReturn - HELD_BY_CALLER;
    }

    private void publish(long number, Slot slot, Throwable thrown) {
        lock.lock();
        try {
            slot.failure = thrown;
            slot.filled = number;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void fail(DataException thrown) {
        lock.lock();
        try {
            failure = thrown;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void fill(long number, Slot slot, LevelChanges changes) {
        int size = data.size();
        long first = Math.multiplyExact(number, (long) batch);
        long epoch = -1;
        int[] order = null;
        slot.count = 0;
        double factor = noise == null ? 0 : noiseFactor.applyAsDouble((double) first / size);
        slot.noisy = factor > 0;
        int offset = 0;
        for (int i = places.nextSetBit(0); i >= 0 && !closed; i = places.nextSetBit(i + 1), offset += imageBytes) {
            long position = first + i;
            if (lastBatch != Long.MAX_VALUE && position >= size) {
                leaveEmpty(slot, i, offset);
                continue;
            }
            if (position / size != epoch) {
                epoch = position / size;
                order = orders.order(epoch);
            }
            int index = order[(int) (position % size)];
            slot.labels[i] = checked(data.read(index, slot.images, offset), index);
            slot.count += slot.labels[i] >= 0 ? 1 : 0;
            cropping.draw(epoch, index, number, i, slot.crops);
            changes.apply(epoch, index, number, i, slot.crops, slot.images, offset);
            if (slot.noisy) {
                noise.draw(epoch, index, factor, slot.colourShifts, i * noise.channels());
            }
        }
    }

    /** A label that is no class would be written past the end of a row by the devices. */
    private int checked(int label, int index) {
        if (label < -1 || label >= data.classNames().size()) {
            throw new DataException(data.description() + ": image " + index + " has label " + label + ", but there are "
                    + data.classNames().size() + " classes");
        }
        return label;
    }

    private void leaveEmpty(Slot slot, int place, int offset) {
        Arrays.fill(slot.images, offset, offset + imageBytes, (byte) 0);
        Arrays.fill(slot.crops, 3 * place, 3 * place + 3, 0);
        slot.labels[place] = -1;
    }

    /** Threads end after the image that they are at; one that is stuck in a read is left behind (it is a daemon). */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CLOSE_SECONDS);
        for (Thread thread : threads) {
            try {
                long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                thread.join(Math.max(1, millis));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
