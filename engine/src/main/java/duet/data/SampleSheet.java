package duet.data;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

import duet.files.Reasons;
import duet.files.WholeFile;
import duet.net.Shape;

/** Pictures of images as they are stored. */
public final class SampleSheet {
    private static final int TILE = 128;
    private static final int CAPTION = 18;
    private static final int GAP = 6;
    private static final int MOST_TRIES = 200;

    private SampleSheet() {}

    /**
     * Draws images spread evenly over the data, with the names of their classes below.
     *
     * @param data    of 1 or 3 channels
     * @param rows    of the sheet
     * @param columns of the sheet
     * @return the sheet
     */
    public static BufferedImage draw(Dataset data, int rows, int columns) {
        Shape stored = data.stored();
        if (stored.channels() != 1 && stored.channels() != 3) {
            throw new DataException(
                    "images of " + stored.channels() + " channels cannot be drawn, only grey and coloured ones: " + data.description());
        }
        BufferedImage sheet = new BufferedImage(
                columns * (TILE + GAP) + GAP, rows * (TILE + CAPTION + GAP) + GAP, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, stored.height() < TILE
                ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR : RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        byte[] pixels = new byte[(int) stored.elements()];
        int count = Math.min(rows * columns, data.size());
        for (int i = 0; i < count; i++) {
            int x = GAP + i % columns * (TILE + GAP);
            int y = GAP + i / columns * (TILE + CAPTION + GAP);
            int label = data.read((int) ((2L * i + 1) * data.size() / (2L * count)), pixels, 0);
            graphics.drawImage(picture(pixels, stored), x, y, TILE, TILE, null);
            graphics.setColor(label < 0 ? Color.RED : Color.BLACK);
            graphics.drawString(fitting(label < 0 ? "damaged" : data.classNames().get(label), graphics), x, y + TILE + CAPTION - 5);
        }
        graphics.dispose();
        return sheet;
    }

    private static String fitting(String text, Graphics2D graphics) {
        String shown = text;
        for (int tries = 0; graphics.getFontMetrics().stringWidth(shown) > TILE && tries < MOST_TRIES; tries++) {
            shown = shown.substring(0, Math.max(1, shown.length() - 2)).stripTrailing() + "…";
        }
        return shown;
    }

    private static BufferedImage picture(byte[] pixels, Shape stored) {
        BufferedImage image = new BufferedImage(stored.width(), stored.height(), BufferedImage.TYPE_INT_RGB);
        int channels = stored.channels();
        for (int i = 0; i < stored.height() * stored.width(); i++) {
            int red = pixels[i * channels] & 0xFF;
            int green = channels == 3 ? pixels[i * 3 + 1] & 0xFF : red;
            int blue = channels == 3 ? pixels[i * 3 + 2] & 0xFF : red;
            image.setRGB(i % stored.width(), i / stored.width(), red << 16 | green << 8 | blue);
        }
        return image;
    }

    /**
     * Turns an image in the order of channels into a picture.
     *
     * @param levels [channels][height][width], 0 to 255
     * @param stored size of the image, 1 or 3 channels
     * @return a picture of the same size
     */
    public static BufferedImage picture(float[] levels, Shape stored) {
        byte[] pixels = new byte[levels.length];
        int plane = stored.height() * stored.width();
        for (int e = 0; e < levels.length; e++) {
            pixels[e] = (byte) Math.clamp(Math.round(levels[e % stored.channels() * plane + e / stored.channels()]), 0, 255);
        }
        return picture(pixels, stored);
    }

    /**
     * Writes a picture as a PNG file, as a whole or not at all.
     *
     * @param file    replaced if it is there
     * @param picture what to write
     * @throws duet.files.FileException with the path and the reason
     */
    public static void writePng(Path file, BufferedImage picture) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(picture, "png", bytes);
        } catch (IOException e) {
            throw new DataException(file + " cannot be written: " + Reasons.of(e), e);
        }
        WholeFile.write(file, bytes.toByteArray());
    }
}
