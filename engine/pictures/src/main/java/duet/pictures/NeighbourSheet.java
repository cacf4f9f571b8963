package duet.pictures;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import duet.data.Dataset;
import duet.net.Shape;
import duet.use.Neighbours.Neighbour;
import duet.use.Neighbours.Query;

/** Images and those that a layer sees as most alike to them, as a picture (the paper's figure 4); see {@link duet.use.Neighbours}. */
public final class NeighbourSheet {
    private NeighbourSheet() {}

    /**
     * Draws a row for each query: itself on the left, then its neighbours with their classes and distances.
     *
     * @param file       replaced if it is there
     * @param queries    the images that were searched for
     * @param neighbours for each query its neighbours, the nearest first
     * @param data       where the neighbours are from
     */
    public static void write(Path file, List<Query> queries, List<List<Neighbour>> neighbours, Dataset data) {
        List<List<ImageSheet.Tile>> rows = new ArrayList<>();
        Shape stored = data.stored();
        for (int q = 0; q < queries.size(); q++) {
            List<ImageSheet.Tile> row = new ArrayList<>();
            BufferedImage asked = ImageSheet.image(queries.get(q).pixels(), stored);
            row.add(new ImageSheet.Tile(asked, List.of(queries.get(q).name())));
            for (Neighbour neighbour : neighbours.get(q)) {
                row.add(new ImageSheet.Tile(ImageSheet.stored(data, neighbour.index()), List.of(
                        data.classNames().get(neighbour.label()), String.format(Locale.ROOT, "distance %.3g", neighbour.distance()))));
            }
            rows.add(row);
        }
        Pictures.writeTo(file,
                ImageSheet.draw("On the left what was asked about, then the training images most alike to it, the nearest first.",
                        rows, 1).image());
    }
}
