package duet.pictures;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

import duet.data.Dataset;
import duet.net.Shape;

/** Pictures in rows and columns with words under each. */
final class ImageSheet {
    /** Small pictures are enlarged without smoothing to about this size, larger ones reduced. */
    private static final int TILE = 112;
    private static final int GAP = 10;
    private static final int LINE = 14;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
    private static final Color TEXT = new Color(0x202020);

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
     * @param rows      each with as many tiles as there are, or fewer
     * @param gapAfter  a wider gap after that many columns; 0 for none
     */
    static BufferedImage draw(List<List<Tile>> rows, int gapAfter) {
        int columns = rows.stream().mapToInt(List::size).max().orElse(0);
        int width = GAP + columns * (TILE + GAP) + (gapAfter > 0 ? GAP : 0);
        int height = GAP + rows.stream().mapToInt(ImageSheet::height).sum();
        BufferedImage sheet = new BufferedImage(Math.max(1, width), Math.max(1, height), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(FONT);
        int top = GAP;
        for (List<Tile> row : rows) {
            for (int column = 0; column < row.size(); column++) {
                int left = GAP + column * (TILE + GAP) + (gapAfter > 0 && column >= gapAfter ? GAP : 0);
                draw(graphics, row.get(column), left, top);
            }
            top += height(row);
        }
        graphics.dispose();
        return sheet;
    }

    private static int height(List<Tile> row) {
        return TILE + LINE * row.stream().mapToInt(tile -> tile.caption().size()).max().orElse(0) + GAP;
    }

    private static void draw(Graphics2D graphics, Tile tile, int left, int top) {
        BufferedImage image = tile.image();
        if (image != null) {
            int longest = Math.max(image.getWidth(), image.getHeight());
            double scale = longest <= TILE ? TILE / longest : (double) TILE / longest;
            int width = Math.max(1, (int) Math.round(image.getWidth() * scale));
            int height = Math.max(1, (int) Math.round(image.getHeight() * scale));
            graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, scale < 1
                    ? RenderingHints.VALUE_INTERPOLATION_BILINEAR : RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
            graphics.drawImage(image, left + (TILE - width) / 2, top + (TILE - height) / 2, width, height, null);
        }
        FontMetrics metrics = graphics.getFontMetrics();
        graphics.setColor(TEXT);
        for (int line = 0; line < tile.caption().size(); line++) {
            String text = fitting(tile.caption().get(line), metrics);
            graphics.drawString(text, left + (TILE - metrics.stringWidth(text)) / 2, top + TILE + LINE * (line + 1) - 3);
        }
    }

    private static String fitting(String text, FontMetrics metrics) {
        if (metrics.stringWidth(text) <= TILE) {
            return text;
        }
        int length = text.length();
        while (length > 1 && metrics.stringWidth(text.substring(0, length) + "…") > TILE) {
            length--;
        }
        return text.substring(0, length) + "…";
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
