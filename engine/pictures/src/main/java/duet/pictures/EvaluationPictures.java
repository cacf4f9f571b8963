package duet.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import duet.data.Dataset;
import duet.use.Evaluation;

/** An evaluation as pictures: which classes are taken for which, and the mistakes that the network was most confident of. */
public final class EvaluationPictures {
    /** With more classes a matrix cannot be read any more; then the pairs that are confused most often are shown. */
    private static final int MOST_CLASSES = 40;
    private static final int PAIRS = 30;
    private static final int COLUMNS = 8;
    private static final int CELL = 44;
    private static final int MARGIN = 12;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    private static final Color STRONGEST = new Color(0x1F4E8C);
    private static final Color TEXT = new Color(0x202020);

    private EvaluationPictures() {}

    /**
     * Writes {@code confusion.png} (a matrix, or with many classes the pairs that were confused most often) and {@code mistakes.png} (the
     * worst mistakes; not where there are none).
     *
     * @param evaluation the result to be drawn
     * @param data       what was evaluated
     * @param folder     made if need be
     * @return the files
     */
    public static List<Path> write(Evaluation evaluation, Dataset data, Path folder) {
        List<Path> files = new ArrayList<>();
        files.add(Pictures.write(folder, "confusion.png", confusion(evaluation)));
        if (!evaluation.worst().isEmpty()) {
            files.add(Pictures.write(folder, "mistakes.png", mistakes(evaluation, data)));
        }
        return files;
    }

    static BufferedImage confusion(Evaluation evaluation) {
        return evaluation.classNames().size() <= MOST_CLASSES ? matrix(evaluation) : pairs(evaluation.confusions());
    }

    /** A row for each class, shaded by the share of its images that were taken for the class of the column. */
    private static BufferedImage matrix(Evaluation evaluation) {
        List<String> names = evaluation.classNames();
        int classes = names.size();
        int cell = classes <= 20 ? CELL : CELL / 2;
        int words = widest(names) + MARGIN;
        int side = words + classes * cell + 2 * MARGIN;
        BufferedImage picture = blank(side, side + MARGIN);
        Graphics2D graphics = graphics(picture);
        FontMetrics metrics = graphics.getFontMetrics();
        int left = words + MARGIN;
        int top = words + MARGIN;
        for (int label = 0; label < classes; label++) {
            long images = evaluation.classes().get(label).images();
            graphics.setColor(TEXT);
            graphics.drawString(names.get(label), left - 6 - metrics.stringWidth(names.get(label)), top + label * cell + cell / 2 + 4);
            upward(graphics, names.get(label), left + label * cell + cell / 2 + 4, top - 6);
            for (int given = 0; given < classes; given++) {
                int count = evaluation.confusion()[label][given];
                cell(graphics, left + given * cell, top + label * cell, cell, images == 0 ? 0 : (double) count / images, count);
            }
        }
        graphics.setColor(TEXT);
        graphics.drawString("rows: the class; columns: what it was taken for; images", MARGIN, picture.getHeight() - MARGIN / 2);
        graphics.dispose();
        return picture;
    }

    private static void cell(Graphics2D graphics, int left, int top, int cell, double share, int count) {
        graphics.setColor(shade(Math.sqrt(share))); // the root: rare mistakes are to be seen beside what is mostly right
        graphics.fillRect(left, top, cell - 1, cell - 1);
        if (count > 0 && cell == CELL) {
            String text = Integer.toString(count);
            graphics.setColor(share > 0.3 ? Color.WHITE : TEXT);
            graphics.drawString(text, left + (cell - graphics.getFontMetrics().stringWidth(text)) / 2, top + cell / 2 + 4);
        }
    }

    private static Color shade(double strength) {
        return new Color(between(0xF2, STRONGEST.getRed(), strength), between(0xF4, STRONGEST.getGreen(), strength),
                between(0xF7, STRONGEST.getBlue(), strength));
    }

    private static int between(int from, int to, double share) {
        return (int) Math.round(from + (to - from) * share);
    }

    private static void upward(Graphics2D graphics, String text, int x, int y) {
        AffineTransform before = graphics.getTransform();
        graphics.rotate(-Math.PI / 2, x, y);
        graphics.drawString(text, x, y);
        graphics.setTransform(before);
    }

    /** Bars: how many images of one class were taken for another. */
    private static BufferedImage pairs(List<Evaluation.Confusion> all) {
        List<Evaluation.Confusion> pairs = all.subList(0, Math.min(PAIRS, all.size()));
        List<String> labels = pairs.stream().map(pair -> pair.name() + " taken for " + pair.takenFor()).toList();
        int words = widest(labels) + MARGIN;
        int bar = 320;
        int row = 22;
        BufferedImage picture = blank(words + bar + 60 + 2 * MARGIN, Math.max(1, pairs.size()) * row + 3 * MARGIN);
        Graphics2D graphics = graphics(picture);
        graphics.setStroke(new BasicStroke(1));
        for (int i = 0; i < pairs.size(); i++) {
            int top = MARGIN + i * row;
            int length = Math.max(1, bar * pairs.get(i).images() / pairs.getFirst().images());
            graphics.setColor(TEXT);
            graphics.drawString(labels.get(i), words - graphics.getFontMetrics().stringWidth(labels.get(i)), top + row - 7);
            graphics.drawString(Integer.toString(pairs.get(i).images()), words + MARGIN + length + 6, top + row - 7);
            graphics.setColor(STRONGEST);
            graphics.fillRect(words + MARGIN, top + 3, length, row - 6);
        }
        graphics.dispose();
        return picture;
    }

    private static int widest(List<String> texts) {
        Graphics2D graphics = graphics(blank(1, 1));
        int widest = texts.stream().mapToInt(graphics.getFontMetrics()::stringWidth).max().orElse(0);
        graphics.dispose();
        return widest;
    }

    private static BufferedImage blank(int width, int height) {
        BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, width, height);
        graphics.dispose();
        return picture;
    }

    private static Graphics2D graphics(BufferedImage picture) {
        Graphics2D graphics = picture.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(FONT);
        return graphics;
    }

    /** The worst mistakes: under each image its class, what it was taken for and how probable that seemed. */
    static BufferedImage mistakes(Evaluation evaluation, Dataset data) {
        List<List<ImageSheet.Tile>> rows = new ArrayList<>();
        for (int i = 0; i < evaluation.worst().size(); i++) {
            if (i % COLUMNS == 0) {
                rows.add(new ArrayList<>());
            }
            Evaluation.Mistake mistake = evaluation.worst().get(i);
            rows.getLast().add(new ImageSheet.Tile(ImageSheet.stored(data, mistake.index()), List.of(
                    evaluation.classNames().get(mistake.label()),
                    "not " + evaluation.classNames().get(mistake.given()),
                    String.format(Locale.ROOT, "%.1f %%", 100 * mistake.probability()))));
        }
        return ImageSheet.draw(rows, 0);
    }
}
