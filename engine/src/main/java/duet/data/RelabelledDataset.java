package duet.data;

import java.util.List;

import duet.net.Shape;

/**
 * Images whose labels are indices into other names.
 *
 * @param data       the images
 * @param classNames the other names
 * @param labels     for each class of the data its index among them
 */
public record RelabelledDataset(Dataset data, List<String> classNames, List<Integer> labels) implements Dataset {
    @Override
    public String description() {
        return data.description();
    }

    @Override
    public Shape stored() {
        return data.stored();
    }

    @Override
    public int size() {
        return data.size();
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int label = data.read(index, target, offset);
        return label < 0 ? label : labels.get(label);
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
