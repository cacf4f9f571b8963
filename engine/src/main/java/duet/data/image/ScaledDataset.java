package duet.data.image;

import java.util.List;

import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.net.Shape;

/** Images of another data set, the shorter side scaled, the centre kept. */
public record ScaledDataset(Dataset data, Shape stored) implements Dataset, Fingerprinted {
    @Override
    public String description() {
        return data.description();
    }

    @Override
    public List<String> classNames() {
        return data.classNames();
    }

    @Override
    public int size() {
        return data.size();
    }

    @Override
    public int read(int index, byte[] target, int offset) {
        Shape from = data.stored();
        byte[] image = new byte[(int) from.elements()];
        int label = data.read(index, image, 0);
        Window window = Window.covering(from.height(), from.width(), stored.height(), stored.width());
        Decoded decoded = new Decoded(image, from.height(), from.width(), from.channels(), window);
        System.arraycopy(Resampling.resample(decoded, stored.height(), stored.width()), 0, target, offset, (int) stored.elements());
        return label;
    }

    @Override
    public int fingerprint() {
        return Fingerprinted.of(data);
    }

    @Override
    public void close() {
        data.close();
    }
}
