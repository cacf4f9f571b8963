package duet.pictures;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;

import duet.data.Dataset;
import duet.device.Backend;
import duet.pictures.Canvas.Anchor;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;
import duet.use.Deconvolution;
import duet.use.Deconvolution.Unit;
import duet.use.ReceptiveField;

/** What features look for, as a picture: blocks of a feature each, two or more beside each other; see {@link Deconvolution}. */
public final class DeconvolutionSheet {
    private static final int COLUMNS = 3;
    private static final int GAP = 2;
    private static final int BLOCK_GAP = 14;
    private static final int NARROWEST = 300;

    private final Checkpoint checkpoint;
    private final String layer;
    private final Dataset data;
    private final List<List<Unit>> features;
    private final int side;
    private final int scale;
    private final int grid;

    private DeconvolutionSheet(Checkpoint checkpoint, String layer, Dataset data, List<List<Unit>> features) {
        this.checkpoint = checkpoint;
        this.layer = layer;
        this.data = data;
        this.features = features;
        side = ReceptiveField.size(checkpoint.network(), layer);
        scale = Math.max(1, Math.round(64f / side));
        grid = COLUMNS * (side * scale + GAP);
    }

    /**
     * Draws, for each feature, what its units see (grey is 0) beside the same part of the images, in threes.
     *
     * @param file       replaced if it is there
     * @param checkpoint the trained network
     * @param layer      the layer of the features, by name
     * @param backend    one device, to compute the projections; stays open
     * @param data       the images that the units were found in
     * @param features   the units of some features, from {@link Deconvolution#strongest}; features without units are left out
     */
    public static void write(Path file, Checkpoint checkpoint, String layer, Backend backend, Dataset data, List<List<Unit>> features) {
        Pictures.writeTo(file, draw(checkpoint, layer, backend, data, features).image());
    }

    static Canvas draw(Checkpoint checkpoint, String layer, Backend backend, Dataset data, List<List<Unit>> features) {
        List<List<Unit>> excited = features.stream().filter(units -> !units.isEmpty()).toList();
        if (excited.isEmpty()) {
            throw new TrainingException(layer + ": no image excites these features at all");
        }
        List<Unit> units = excited.stream().flatMap(List::stream).toList();
        List<float[]> projections = Deconvolution.project(checkpoint, layer, backend, data, units);
        return new DeconvolutionSheet(checkpoint, layer, data, excited).draw(projections);
    }

    private Canvas draw(List<float[]> projections) {
        int blockWidth = 2 * grid + BLOCK_GAP / 2;
        int across = Math.min(Math.clamp(1000 / blockWidth, 1, 3), features.size());
        int rows = Math.ceilDiv(features.size(), across);
        int most = Math.ceilDiv(features.stream().mapToInt(List::size).max().orElse(1), COLUMNS);
        int down = 2 * Canvas.LINE + most * (side * scale + GAP) + BLOCK_GAP;
        int width = Math.max(NARROWEST, across * (blockWidth + 3 * BLOCK_GAP / 2) + BLOCK_GAP / 2);
        List<String> heading = Canvas.wrapped(layer + ": for each feature, beside each other, what excites its strongest units, projected "
                + "back to the pixels (0 is grey), and the same part of the images.", width - 2 * BLOCK_GAP);
        int first = BLOCK_GAP + heading.size() * Canvas.LINE;
        Canvas canvas = new Canvas(width, first + rows * down);
        canvas.write(heading, BLOCK_GAP, BLOCK_GAP + Canvas.LINE - 5);
        int next = 0;
        for (int f = 0; f < features.size(); f++) {
            List<Unit> units = features.get(f);
            int left = BLOCK_GAP + f % across * (blockWidth + 3 * BLOCK_GAP / 2);
            int top = first + f / across * down + Canvas.LINE;
            int images = left + grid + BLOCK_GAP / 2;
            canvas.write("feature " + units.getFirst().feature(), Anchor.LEFT, left, top);
            canvas.write("projections", Canvas.SMALL, Canvas.TEXT, Anchor.LEFT, left, top + Canvas.LINE - 4);
            canvas.write("images", Canvas.SMALL, Canvas.TEXT, Anchor.LEFT, images, top + Canvas.LINE - 4);
            for (int i = 0; i < units.size(); i++) {
                Unit unit = units.get(i);
                int x = i % COLUMNS * (side * scale + GAP);
                int y = top + Canvas.LINE + i / COLUMNS * (side * scale + GAP);
                ReceptiveField field = ReceptiveField.of(checkpoint.network(), layer, unit.y(), unit.x());
                BufferedImage projection = Tiles.projection(checkpoint.network().input(), projections.get(next++));
                canvas.paste(Tiles.cut(projection, field), left + x, y, scale);
                canvas.paste(Tiles.cut(seen(unit.index()), field), images + x, y, scale);
            }
        }
        return canvas;
    }

    private BufferedImage seen(int index) {
        byte[] pixels = new byte[Math.toIntExact(data.stored().elements())];
        data.read(index, pixels, 0);
        return Tiles.seen(checkpoint, pixels);
    }
}
