package duet.pictures;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;

import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.net.Shape;
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
    private static final int TITLE = 16;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);

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
        List<List<Unit>> excited = features.stream().filter(units -> !units.isEmpty()).toList();
        if (excited.isEmpty()) {
            throw new TrainingException(layer + ": no image excites these features at all");
        }
        List<Unit> units = excited.stream().flatMap(List::stream).toList();
        List<float[]> projections = Deconvolution.project(checkpoint, layer, backend, data, units);
        Pictures.writeTo(file, new DeconvolutionSheet(checkpoint, layer, data, excited).draw(projections));
    }

    private BufferedImage draw(List<float[]> projections) {
        int across = Math.clamp(1000 / (2 * grid + BLOCK_GAP), 1, 3);
        int rows = Math.ceilDiv(features.size(), across);
        int down = TITLE + Math.ceilDiv(features.stream().mapToInt(List::size).max().orElse(1), COLUMNS) * (side * scale + GAP) + BLOCK_GAP;
        BufferedImage sheet = new BufferedImage(Math.min(across, features.size()) * (2 * grid + 2 * BLOCK_GAP) + BLOCK_GAP,
                rows * down + BLOCK_GAP,
                BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(FONT);
        graphics.setColor(new Color(0x202020));
        int next = 0;
        for (int f = 0; f < features.size(); f++) {
            int left = BLOCK_GAP + f % across * (2 * grid + 2 * BLOCK_GAP);
            int top = BLOCK_GAP + f / across * down;
            graphics.drawString(layer + ", feature " + features.get(f).getFirst().feature(), left, top + TITLE - 5);
            for (int i = 0; i < features.get(f).size(); i++) {
                Unit unit = features.get(f).get(i);
                int x = left + i % COLUMNS * (side * scale + GAP);
                int y = top + TITLE + i / COLUMNS * (side * scale + GAP);
                ReceptiveField field = ReceptiveField.of(checkpoint.network(), layer, unit.y(), unit.x());
                paste(sheet, cut(projected(projections.get(next++)), field), x, y);
                paste(sheet, cut(seen(unit.index()), field), x + grid + BLOCK_GAP / 2, y);
            }
        }
        graphics.dispose();
        return sheet;
    }

    /** 0 is grey, the strongest value of either sign black or white. */
    private BufferedImage projected(float[] values) {
        Shape input = checkpoint.network().input();
        float strongest = Float.MIN_NORMAL;
        for (float value : values) {
            strongest = Math.max(strongest, Math.abs(value));
        }
        byte[] pixels = new byte[values.length];
        int area = input.height() * input.width();
        for (int i = 0; i < values.length; i++) {
            pixels[i % area * input.channels() + i / area] = (byte) Math.round(127.5f + 127.5f * values[i] / strongest);
        }
        return ImageSheet.image(pixels, input);
    }

    /** What the network saw of an image. */
    private BufferedImage seen(int index) {
        Shape input = checkpoint.network().input();
        int[] crop = Views.centre(checkpoint.stored(), input);
        return ImageSheet.stored(data, index).getSubimage(crop[1], crop[0], input.width(), input.height());
    }

    private static BufferedImage cut(BufferedImage image, ReceptiveField field) {
        return image.getSubimage(field.left(), field.top(), field.width(), field.height());
    }

    private void paste(BufferedImage sheet, BufferedImage part, int left, int top) {
        for (int y = 0; y < part.getHeight() * scale; y++) {
            for (int x = 0; x < part.getWidth() * scale; x++) {
                sheet.setRGB(left + x, top + y, part.getRGB(x / scale, y / scale));
            }
        }
    }
}
