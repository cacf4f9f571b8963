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

/** Pictures of images as they are stored, and as a training sees them. */
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
        checkChannels(data);
        byte[] pixels = new byte[(int) stored.elements()];
        int count = Math.min(rows * columns, data.size());
        return sheet(rows, columns, stored.height(), tiles -> {
            for (int i = 0; i < count; i++) {
                int label = data.read(spread(i, count, data.size()), pixels, 0);
                tiles.draw(i, picture(pixels, stored), caption(data, label), label < 0);
            }
        });
    }

    /**
     * Draws images as a training gets to see them. Each row is one image: as it is stored, then as in the first epochs. What hangs over
     * the edge of the image is grey. Colour noise is not shown.
     *
     * @param data         of 1 or 3 channels
     * @param input        what the network sees
     * @param augmentation of the training
     * @param seed         of the training
     * @param rows         at most so many images, spread evenly over the data
     * @param columns      of the sheet
     * @return the sheet
     */
    public static BufferedImage drawTraining(Dataset data, Shape input, Augmentation augmentation, long seed, int rows, int columns) {
        Shape stored = data.stored();
        checkChannels(data);
        Cropping cropping = new Cropping(stored, input, augmentation, seed);
        LevelChanges changes = new LevelChanges(cropping);
        byte[] pixels = new byte[(int) stored.elements()];
        int[] crop = new int[3];
        int count = Math.min(rows, data.size());
        return sheet(count, columns, stored.height(), tiles -> {
            for (int i = 0; i < count * columns; i++) {
                int index = spread(i / columns, count, data.size());
                int epoch = i % columns - 1;
                int label = data.read(index, pixels, 0);
                if (epoch < 0) {
                    tiles.draw(i, picture(pixels, stored), caption(data, label), label < 0);
                } else {
                    cropping.draw(epoch, index, epoch, 0, crop);
                    changes.apply(epoch, index, epoch, 0, crop, pixels, 0);
                    tiles.draw(i, cut(picture(pixels, stored), input, crop), "epoch " + epoch, false);
                }
            }
        });
    }

    private static void checkChannels(Dataset data) {
        int channels = data.stored().channels();
        if (channels != 1 && channels != 3) {
            throw new DataException(
                    "images of " + channels + " channels cannot be drawn, only grey and coloured ones: " + data.description());
        }
    }

    /** The index of image {@code i} of {@code count} that are spread evenly over {@code size}. */
    private static int spread(int i, int count, int size) {
        return (int) ((2L * i + 1) * size / (2L * count));
    }

    private static String caption(Dataset data, int label) {
        return label < 0 ? "damaged" : data.classNames().get(label);
    }

    /** @param crop top, left, mirror */
    private static BufferedImage cut(BufferedImage image, Shape input, int[] crop) {
        BufferedImage seen = new BufferedImage(input.width(), input.height(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = seen.createGraphics();
        graphics.setColor(Color.GRAY);
        graphics.fillRect(0, 0, input.width(), input.height());
        if (crop[2] == 0) {
            graphics.drawImage(image, -crop[1], -crop[0], null);
        } else {
            graphics.drawImage(image, input.width() + crop[1], -crop[0], -image.getWidth(), image.getHeight(), null);
        }
        graphics.dispose();
        return seen;
    }

    private interface Drawing {
        void draw(Tiles tiles);
    }

    /** Places for pictures with a line of text below. */
    private record Tiles(int columns, Graphics2D graphics) {
        void draw(int place, BufferedImage picture, String caption, boolean wrong) {
            int x = GAP + place % columns * (TILE + GAP);
            int y = GAP + place / columns * (TILE + CAPTION + GAP);
            graphics.drawImage(picture, x, y, TILE, TILE, null);
            graphics.setColor(wrong ? Color.RED : Color.BLACK);
            graphics.drawString(fitting(caption, graphics), x, y + TILE + CAPTION - 5);
        }
    }

    private static BufferedImage sheet(int rows, int columns, int height, Drawing drawing) {
        BufferedImage sheet = new BufferedImage(
                columns * (TILE + GAP) + GAP, rows * (TILE + CAPTION + GAP) + GAP, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, height < TILE
                ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR : RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        drawing.draw(new Tiles(columns, graphics));
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
