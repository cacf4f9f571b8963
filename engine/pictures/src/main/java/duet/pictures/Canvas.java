package duet.pictures;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** A white picture to draw and write on, which knows where its words stand. */
final class Canvas {
    static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    static final Font SMALL = new Font(Font.SANS_SERIF, Font.PLAIN, 9);
    static final Color TEXT = new Color(0x202020);
    /** From one line of words to the next, pixels. */
    static final int LINE = 16;

    private final BufferedImage image;
    private final Graphics2D graphics;
    private final List<Words> words = new ArrayList<>();

    Canvas(int width, int height) {
        image = new BufferedImage(Math.max(1, width), Math.max(1, height), BufferedImage.TYPE_INT_RGB);
        graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    }

    /**
     * What is written somewhere.
     *
     * @param box what the words take, from the tops of the highest letters to the ends of the lowest
     */
    record Words(String text, Rectangle box) {}

    /** Where the words begin (their end, their middle) and on which line they stand. */
    enum Anchor { LEFT, RIGHT, MIDDLE }

    Canvas write(String text, Anchor anchor, int x, int baseline) {
        return write(text, FONT, TEXT, anchor, x, baseline);
    }

    Canvas write(String text, Font font, Color colour, Anchor anchor, int x, int baseline) {
        FontMetrics metrics = metrics(font);
        int width = metrics.stringWidth(text);
        int left = switch (anchor) {
            case LEFT -> x;
            case RIGHT -> x - width;
            case MIDDLE -> x - width / 2;
        };
        graphics.setColor(colour);
        graphics.setFont(font);
        graphics.drawString(text, left, baseline);
        words.add(new Words(text, new Rectangle(left, baseline - height(metrics), width, height(metrics) + metrics.getDescent())));
        return this;
    }

    /** From below to above, the letters' feet at {@code x}. */
    Canvas writeUpward(String text, int x, int bottom) {
        FontMetrics metrics = metrics(FONT);
        AffineTransform before = graphics.getTransform();
        graphics.setColor(TEXT);
        graphics.setFont(FONT);
        graphics.rotate(-Math.PI / 2, x, bottom);
        graphics.drawString(text, x, bottom);
        graphics.setTransform(before);
        int width = metrics.stringWidth(text);
        words.add(new Words(text, new Rectangle(x - height(metrics), bottom - width, height(metrics) + metrics.getDescent(), width)));
        return this;
    }

    /** Lines below each other; the first stands on {@code baseline}. */
    Canvas write(List<String> lines, int x, int baseline) {
        for (int i = 0; i < lines.size(); i++) {
            write(lines.get(i), Anchor.LEFT, x, baseline + i * LINE);
        }
        return this;
    }

    /** A bar of a scale, from its least value on the left to its greatest. */
    Canvas scale(int left, int top, int width, int height, java.util.function.IntUnaryOperator colourAtPixel) {
        for (int x = 0; x < width; x++) {
            fill(left + x, top, 1, height, new Color(colourAtPixel.applyAsInt(x)));
        }
        graphics.setColor(new Color(0x808080));
        graphics.drawRect(left - 1, top - 1, width + 1, height + 1);
        return this;
    }

    Canvas fill(int left, int top, int width, int height, Color colour) {
        graphics.setColor(colour);
        graphics.fillRect(left, top, width, height);
        return this;
    }

    /** A picture, each of its pixels enlarged to a square of {@code scale}. */
    Canvas paste(BufferedImage picture, int left, int top, int scale) {
        for (int y = 0; y < picture.getHeight() * scale; y++) {
            for (int x = 0; x < picture.getWidth() * scale; x++) {
                image.setRGB(left + x, top + y, picture.getRGB(x / scale, y / scale));
            }
        }
        return this;
    }

    /** Capitals are lower than the ascent, which has room for accents above them. */
    private static int height(FontMetrics metrics) {
        return Math.round(0.85f * metrics.getAscent());
    }

    Graphics2D graphics() {
        return graphics;
    }

    BufferedImage image() {
        return image;
    }

    int width() {
        return image.getWidth();
    }

    int height() {
        return image.getHeight();
    }

    /** Everything that has been written, in this order. */
    List<Words> words() {
        return List.copyOf(words);
    }

    static int width(String text, Font font) {
        return metrics(font).stringWidth(text);
    }

    static int widest(List<String> texts) {
        return texts.stream().mapToInt(text -> width(text, FONT)).max().orElse(0);
    }

    private static FontMetrics metrics(Font font) {
        Graphics2D graphics = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
        FontMetrics metrics = graphics.getFontMetrics(font);
        graphics.dispose();
        return metrics;
    }

    /** The text, or as much of it as there is room for, with an ellipsis. */
    static String fitting(String text, Font font, int width) {
        FontMetrics metrics = metrics(font);
        if (metrics.stringWidth(text) <= width) {
            return text;
        }
        int length = text.length();
        while (length > 1 && metrics.stringWidth(text.substring(0, length) + "…") > width) {
            length--;
        }
        return text.substring(0, length) + "…";
    }

    /** The text in lines that are no wider; a single word may be. */
    static List<String> wrapped(String text, int width) {
        FontMetrics metrics = metrics(FONT);
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ")) {
            if (!line.isEmpty() && metrics.stringWidth(line + " " + word) > width) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }
}
