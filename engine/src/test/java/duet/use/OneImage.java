package duet.use;

import java.util.List;

import duet.data.Dataset;
import duet.net.Shape;
import duet.train.output.Checkpoint;

/** A stored image as a data set. */
public record OneImage(Checkpoint checkpoint, byte[] pixels) implements Dataset {
    @Override
    public String description() {
        return "one image";
    }

    @Override
    public List<String> classNames() {
        return checkpoint.classNames();
    }

    @Override
    public Shape stored() {
        return checkpoint.stored();
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        System.arraycopy(pixels, 0, target, offset, pixels.length);
        return 0;
    }

    @Override
    public void close() {}
}
