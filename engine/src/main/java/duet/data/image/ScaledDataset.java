package duet.data.image;

import java.util.List;

import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.pixels.Pixels;
import duet.data.pixels.Resampling;
import duet.data.pixels.Window;
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
        new Resampling().resample(Pixels.of(image, 0, from), window, Pixels.of(target, offset, stored));
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
