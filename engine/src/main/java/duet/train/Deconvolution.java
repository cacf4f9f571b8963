package duet.train;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

import duet.data.Batch;
import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Requests;

/**
 * What the features of a layer look for (Zeiler and Fergus 2013, figure 2): for each the images of a data set that excite it most, and what of
 * them does: its strongest unit projected back to the pixels, with every other unit of the layer at 0.
 */
public final class Deconvolution {
    private static final int COLUMNS = 3;
    private static final int GAP = 2;
    private static final int BLOCK_GAP = 14;
    private static final int TITLE = 16;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);

    private Deconvolution() {}

    /**
     * The unit of a feature that an image excites most.
     *
     * @param index of the image in the data set
     * @param y, x  the unit's place in the layer's output
     */
    public record Unit(int index, int feature, int y, int x, float value) {}

    /**
     * Of each feature the {@code count} images that excite it most, the strongest first; images that do not excite it at all (no value above
     * 0) are left out.
     */
    public static List<List<Unit>> strongest(Activations activations, Dataset data, int count, int loaderThreads, TrainingListener listener) {
        Shape shape = activations.shape();
        int area = shape.height() * shape.width();
        Comparator<Unit> order = Comparator.comparingDouble(Unit::value).thenComparing(Unit::index, Comparator.reverseOrder());
        List<PriorityQueue<Unit>> best = new ArrayList<>();
        for (int feature = 0; feature < shape.channels(); feature++) {
            best.add(new PriorityQueue<>(order));
        }
        activations.forEach(data, loaderThreads, listener, (index, label, values, from) -> {
            for (int feature = 0; label >= 0 && feature < shape.channels(); feature++) {
                int most = from + feature * area;
                for (int i = from + feature * area; i < from + (feature + 1) * area; i++) {
                    most = values[i] > values[most] ? i : most;
                }
                int place = most - from - feature * area;
                if (values[most] > 0) {
                    PriorityQueue<Unit> queue = best.get(feature);
                    queue.add(new Unit(index, feature, place / shape.width(), place % shape.width(), values[most]));
                    if (queue.size() > count) {
                        queue.poll();
                    }
                }
            }
        });
        return best.stream().map(queue -> queue.stream().sorted(order.reversed()).toList()).toList();
    }

    /**
     * What units see: each projected back to the image, [channels][height][width] of the network's input. On one device.
     *
     * @param units all of one layer
     */
    public static List<float[]> project(Checkpoint checkpoint, String layer, Backend backend, Dataset data, List<Unit> units) {
        Network network = checkpoint.network();
        Shape shape = network.shape(layer);
        int batch = Math.max(1, Math.min(units.size(), 9));
        int length = Math.toIntExact(shape.elements());
        int image = Math.toIntExact(network.input().elements());
        List<float[]> projections = new ArrayList<>();
        try (Activations activations = Activations.create(checkpoint, Requests.projection(layer), Placement.ONE_DEVICE, backend, batch)) {
            for (int first = 0; first < units.size(); first += batch) {
                List<Unit> some = units.subList(first, Math.min(units.size(), first + batch));
                float[] features = new float[batch * length];
                for (int i = 0; i < some.size(); i++) {
                    Unit unit = some.get(i);
                    features[i * length + (unit.feature() * shape.height() + unit.y()) * shape.width() + unit.x()] = unit.value();
                }
                activations.session().setFeatures(features);
                float[] all = activations.session().evaluate(images(checkpoint, data, some, batch)).projection();
                for (int i = 0; i < some.size(); i++) {
                    projections.add(Arrays.copyOfRange(all, i * image, (i + 1) * image));
                }
            }
        }
        return projections;
    }

    private static Batch images(Checkpoint checkpoint, Dataset data, List<Unit> units, int batch) {
        int bytes = Math.toIntExact(data.stored().elements());
        byte[] pixels = new byte[batch * bytes];
        int[] crop = Views.ONE.crop(0, checkpoint.stored(), checkpoint.network().input());
        int[] crops = new int[3 * batch];
        int[] labels = new int[batch];
        for (int i = 0; i < batch; i++) {
            System.arraycopy(crop, 0, crops, 3 * i, 3);
            labels[i] = i < units.size() ? 0 : -1; // plays no part
            if (i < units.size()) {
                data.read(units.get(i).index(), pixels, i * bytes);
            }
        }
        return new Batch(0, pixels, crops, labels, units.size());
    }

    /**
     * Draws, for each feature, what its units see (grey is 0) beside the same part of the images, in threes.
     *
     * @param features the units of some features, from {@link #strongest}; features without units are left out
     */
    public static void draw(Path file, Checkpoint checkpoint, String layer, Backend backend, Dataset data, List<List<Unit>> features) {
        List<List<Unit>> excited = features.stream().filter(units -> !units.isEmpty()).toList();
        if (excited.isEmpty()) {
            throw new TrainingException(layer + ": no image excites these features at all");
        }
        List<Unit> units = excited.stream().flatMap(List::stream).toList();
        List<float[]> projections = project(checkpoint, layer, backend, data, units);
        Pictures.writeTo(file, new Sheet(checkpoint, layer, data, excited).draw(projections));
    }

    /** Blocks of a feature each, two or more beside each other. */
    private static final class Sheet {
        private final Checkpoint checkpoint;
        private final String layer;
        private final Dataset data;
        private final List<List<Unit>> features;
        private final int side;
        private final int scale;
        private final int grid;

        Sheet(Checkpoint checkpoint, String layer, Dataset data, List<List<Unit>> features) {
            this.checkpoint = checkpoint;
            this.layer = layer;
            this.data = data;
            this.features = features;
            side = ReceptiveField.size(checkpoint.network(), layer);
            scale = Math.max(1, Math.round(64f / side));
            grid = COLUMNS * (side * scale + GAP);
        }

        BufferedImage draw(List<float[]> projections) {
            int across = Math.clamp(1000 / (2 * grid + BLOCK_GAP), 1, 3);
            int rows = Math.ceilDiv(features.size(), across);
            int down = TITLE + Math.ceilDiv(features.stream().mapToInt(List::size).max().orElse(1), COLUMNS) * (side * scale + GAP) + BLOCK_GAP;
            BufferedImage sheet = new BufferedImage(Math.min(across, features.size()) * (2 * grid + 2 * BLOCK_GAP) + BLOCK_GAP, rows * down + BLOCK_GAP,
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
            int[] crop = Views.ONE.crop(0, checkpoint.stored(), input);
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
}
