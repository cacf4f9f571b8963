package duet.data;

import java.util.List;

import duet.net.Shape;

/**
 * What one of several processes sees of a data set that they share out in whole batches, by turns: process r has the batches r,
 * r + processes, ... Each image keeps the place in its batch that it has where one process sees all.
 *
 * @param data      all images; closed with this
 * @param batch     images of a batch
 * @param process   which one, from 0
 * @param processes how many
 */
public record SharedOut(Dataset data, int batch, int process, int processes) implements Dataset {
    @Override
    public String description() {
        return data.description();
    }

    @Override
    public List<String> classNames() {
        return data.classNames();
    }

    @Override
    public Shape stored() {
        return data.stored();
    }

    @Override
    public int size() {
        long turn = (long) batch * processes;
        long rest = data.size() % turn - (long) batch * process;
        return (int) (data.size() / turn * batch + Math.clamp(rest, 0, batch));
    }

    /**
     * {@return where an image is among all}
     *
     * @param index of the image here
     */
    public int whole(int index) {
        return Math.toIntExact(((long) index / batch * processes + process) * batch + index % batch);
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        return data.read(whole(index), target, offset);
    }

    @Override
    public ImageStatistics statistics() {
        return data.statistics();
    }

    @Override
    public void close() {
        data.close();
    }
}
