package duet.data.source;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.data.Dataset;
import duet.data.Split;
import duet.net.Shape;

/** One part of a source, or both, the images to learn from first. */
record PartOfSplit(Split split, Part part) implements Dataset {
    private List<Dataset> parts() {
        return switch (part) {
            case ALL -> Stream.of(split.training(), split.validation()).filter(data -> data.size() > 0).toList();
            case TRAINING -> List.of(split.training());
            case VALIDATION -> List.of(split.validation());
        };
    }

    @Override
    public String description() {
        return parts().stream().map(Dataset::description).collect(Collectors.joining(" and "));
    }

    @Override
    public List<String> classNames() {
        return split.training().classNames();
    }

    @Override
    public Shape stored() {
        return split.training().stored();
    }

    @Override
    public int size() {
        return parts().stream().mapToInt(Dataset::size).sum();
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        int rest = index;
        for (Dataset data : parts()) {
            if (rest < data.size()) {
                return data.read(rest, target, offset);
            }
            rest -= data.size();
        }
        throw new IndexOutOfBoundsException(index);
    }

    @Override
    public void close() {
        split.close();
    }
}
