package duet.pictures;

import java.awt.Font;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

import duet.data.Dataset;
import duet.net.Shape;
import duet.pictures.Canvas.Anchor;

/** Pictures in rows and columns with words under each. */
final class ImageSheet {
    /** Small pictures are enlarged without smoothing to about this size, larger ones reduced. */
    private static final int TILE = 112;
    /** A column is wider than its pictures where words are, up to this; longer ones are shortened. */
    private static final int WIDEST = 170;
    private static final int GAP = 10;
    private static final int LINE = 14;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
    /** So that a heading is not a column of single words. */
    private static final int NARROWEST = 2 * (TILE + GAP) + GAP;

    private ImageSheet() {}

    /**
     * @param image   null leaves the place empty
     * @param caption lines under it, shortened where they are too wide
     */
    record Tile(BufferedImage image, List<String> caption) {
        Tile {
            caption = List.copyOf(caption);
        }
    }

    /**
     * @param heading   above all; empty for none
     * @param rows      each with as many tiles as there are, or fewer
     * @param gapAfter  a wider gap after that many columns; 0 for none
     */
    static Canvas draw(String heading, List<List<Tile>> rows, int gapAfter) {
        int columns = rows.stream().mapToInt(List::size).max().orElse(0);
        int pitch = GAP + Math.clamp(rows.stream().flatMap(List::stream).mapToInt(ImageSheet::widest).max().orElse(0), TILE, WIDEST);
        int width = Math.max(NARROWEST, GAP + columns * pitch + (gapAfter > 0 ? GAP : 0));
        List<String> lines = heading.isEmpty() ? List.of() : Canvas.wrapped(heading, width - 2 * GAP);
        int top = GAP + (lines.isEmpty() ? 0 : lines.size() * Canvas.LINE + GAP / 2);
        Canvas canvas = new Canvas(width, top + rows.stream().mapToInt(ImageSheet::height).sum());
        canvas.write(lines, GAP, GAP + Canvas.LINE - 4);
        for (List<Tile> row : rows) {
            for (int column = 0; column < row.size(); column++) {
                int left = GAP + column * pitch + (gapAfter > 0 && column >= gapAfter ? GAP : 0);
                draw(canvas, row.get(column), left + (pitch - GAP - TILE) / 2, top, pitch - GAP);
            }
            top += height(row);
        }
        return canvas;
    }

    private static int widest(Tile tile) {
        return tile.caption().stream().mapToInt(line -> Canvas.width(line, FONT)).max().orElse(0);
    }

    private static int height(List<Tile> row) {
        return TILE + LINE * row.stream().mapToInt(tile -> tile.caption().size()).max().orElse(0) + GAP;
    }

    private static void draw(Canvas canvas, Tile tile, int left, int top, int words) {
        BufferedImage image = tile.image();
        if (image != null) {
            int longest = Math.max(image.getWidth(), image.getHeight());
            double scale = longest <= TILE ? Math.floorDiv(TILE, longest) : (double) TILE / longest;
            int width = Math.max(1, (int) Math.round(image.getWidth() * scale));
            int height = Math.max(1, (int) Math.round(image.getHeight() * scale));
            canvas.graphics().setRenderingHint(RenderingHints.KEY_INTERPOLATION, scale < 1
                    ? RenderingHints.VALUE_INTERPOLATION_BILINEAR : RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
            canvas.graphics().drawImage(image, left + (TILE - width) / 2, top + (TILE - height) / 2, width, height, null);
        }
        for (int line = 0; line < tile.caption().size(); line++) {
            canvas.write(Canvas.fitting(tile.caption().get(line), FONT, words), FONT, Canvas.TEXT, Anchor.MIDDLE, left + TILE / 2,
                    top + TILE + LINE * (line + 1) - 3);
        }
    }

    /** Image {@code index} of a data set as it is stored. */
    static BufferedImage stored(Dataset data, int index) {
        byte[] pixels = new byte[Math.toIntExact(data.stored().elements())];
        data.read(index, pixels, 0);
        return image(pixels, data.stored());
    }

    /** @param pixels [height][width][channels], grey or red, green, blue; of other numbers of channels the first is shown */
    static BufferedImage image(byte[] pixels, Shape shape) {
        BufferedImage image = new BufferedImage(shape.width(), shape.height(), BufferedImage.TYPE_INT_RGB);
        int channels = shape.channels();
        for (int y = 0; y < shape.height(); y++) {
            for (int x = 0; x < shape.width(); x++) {
                int at = (y * shape.width() + x) * channels;
                int colour = 0;
                for (int c = 0; c < 3; c++) {
                    colour = colour << 8 | pixels[at + (channels == 3 ? c : 0)] & 0xFF;
                }
                image.setRGB(x, y, colour);
            }
        }
        return image;
    }
}
