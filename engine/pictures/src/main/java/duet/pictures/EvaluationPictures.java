package duet.pictures;

import java.awt.Color;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

import duet.data.Dataset;
import duet.pictures.Canvas.Anchor;
import duet.use.Evaluation;

/** An evaluation as pictures: which classes are taken for which, and the mistakes that the network was most confident of. */
public final class EvaluationPictures {
    /** With more classes a matrix cannot be read any more; then the pairs that are confused most often are shown. */
    private static final int MOST_CLASSES = 40;
    private static final int PAIRS = 30;
    private static final int COLUMNS = 8;
    private static final int CELL = 44;
    private static final int SMALL_CELL = 22;
    /** With more classes a cell has no room for a number. */
    private static final int MOST_NUMBERED = 20;
    private static final int MARGIN = 12;
    /** Longer names of classes are shortened. */
    private static final int WIDEST_NAME = 220;
    /** So that the words below a small matrix are not too many lines. */
    private static final int NARROWEST = 300;
    private static final Color STRONGEST = new Color(0x1F4E8C);

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
        files.add(Pictures.write(folder, "confusion.png", confusion(evaluation).image()));
        if (!evaluation.worst().isEmpty()) {
            files.add(Pictures.write(folder, "mistakes.png", mistakes(evaluation, data).image()));
        }
        return files;
    }

    static Canvas confusion(Evaluation evaluation) {
        return evaluation.classNames().size() <= MOST_CLASSES ? matrix(evaluation) : pairs(evaluation.confusions());
    }

    /** A row for each class, shaded by the share of its images that were taken for the class of the column. */
    private static Canvas matrix(Evaluation evaluation) {
        List<String> names = evaluation.classNames().stream().map(EvaluationPictures::shortened).toList();
        int classes = names.size();
        boolean numbered = classes <= MOST_NUMBERED;
        int cell = numbered ? Math.max(CELL, widestNumber(evaluation) + 8) : SMALL_CELL;
        int left = MARGIN + Canvas.widest(names) + MARGIN;
        int side = left + classes * cell + MARGIN;
        int width = Math.max(NARROWEST, side);
        List<String> caption = Canvas.wrapped("Rows: the class; columns: what it was taken for. "
                + (numbered ? "Numbers: images; the darker, the larger their share of the row." : "The darker, the larger the share."),
                width - 2 * MARGIN);
        Canvas canvas = new Canvas(width, side + caption.size() * Canvas.LINE + MARGIN);
        for (int label = 0; label < classes; label++) {
            long images = evaluation.classes().get(label).images();
            canvas.write(names.get(label), Anchor.RIGHT, left - 6, left + label * cell + cell / 2 + 4);
            canvas.writeUpward(names.get(label), left + label * cell + cell / 2 + 4, left - 6);
            for (int given = 0; given < classes; given++) {
                int count = evaluation.confusion()[label][given];
                double share = images == 0 ? 0 : (double) count / images;
                cell(canvas, left + given * cell, left + label * cell, cell, share, numbered ? count : 0);
            }
        }
        return canvas.write(caption, MARGIN, side + Canvas.LINE);
    }

    private static String shortened(String name) {
        return Canvas.fitting(name, Canvas.FONT, WIDEST_NAME);
    }

    private static int widestNumber(Evaluation evaluation) {
        int most = Arrays.stream(evaluation.confusion()).flatMapToInt(Arrays::stream).max().orElse(0);
        return Canvas.width(Integer.toString(most), Canvas.FONT);
    }

    /** @param count 0 writes nothing */
    private static void cell(Canvas canvas, int left, int top, int cell, double share, int count) {
        // the root: rare mistakes are to be seen beside what is mostly right
        canvas.fill(left, top, cell - 1, cell - 1, shade(Math.sqrt(share)));
        if (count > 0) {
            canvas.write(Integer.toString(count), Canvas.FONT, share > 0.3 ? Color.WHITE : Canvas.TEXT, Anchor.MIDDLE, left + cell / 2,
                    top + cell / 2 + 4);
        }
    }

    private static Color shade(double strength) {
        return new Color(between(0xF2, STRONGEST.getRed(), strength), between(0xF4, STRONGEST.getGreen(), strength),
                between(0xF7, STRONGEST.getBlue(), strength));
    }

    private static int between(int from, int to, double share) {
        return (int) Math.round(from + (to - from) * share);
    }

    /** Bars: how many images of one class were taken for another. */
    private static Canvas pairs(List<Evaluation.Confusion> all) {
        List<Evaluation.Confusion> pairs = all.subList(0, Math.min(PAIRS, all.size()));
        List<String> labels = pairs.stream().map(pair -> shortened(pair.name()) + " taken for " + shortened(pair.takenFor())).toList();
        int bars = MARGIN + Canvas.widest(labels) + MARGIN;
        int longest = 320;
        int row = 22;
        int width = bars + longest + 60 + MARGIN;
        List<String> caption = Canvas.wrapped(pairs.isEmpty() ? "No image was taken for another class."
                : all.size() == pairs.size() ? "The pairs of classes that were confused, with their images."
                : String.format(Locale.ROOT, "The %d pairs that were confused most often, of %,d, with their images.", pairs.size(),
                        all.size()),
                width - 2 * MARGIN);
        Canvas canvas = new Canvas(width, MARGIN + pairs.size() * row + caption.size() * Canvas.LINE + MARGIN);
        for (int i = 0; i < pairs.size(); i++) {
            int top = MARGIN + i * row;
            int length = Math.max(1, (int) ((long) longest * pairs.get(i).images() / pairs.getFirst().images()));
            canvas.write(labels.get(i), Anchor.RIGHT, bars - MARGIN, top + row - 7);
            canvas.fill(bars, top + 3, length, row - 6, STRONGEST);
            canvas.write(Integer.toString(pairs.get(i).images()), Anchor.LEFT, bars + length + 6, top + row - 7);
        }
        return canvas.write(caption, MARGIN, MARGIN + pairs.size() * row + Canvas.LINE);
    }

    /** The worst mistakes: under each image its class, then what the network took it for and how sure it was. */
    static Canvas mistakes(Evaluation evaluation, Dataset data) {
        List<List<ImageSheet.Tile>> rows = new ArrayList<>();
        for (int i = 0; i < evaluation.worst().size(); i++) {
            if (i % COLUMNS == 0) {
                rows.add(new ArrayList<>());
            }
            Evaluation.Mistake mistake = evaluation.worst().get(i);
            rows.getLast().add(new ImageSheet.Tile(ImageSheet.stored(data, mistake.index()), List.of(
                    "is " + evaluation.classNames().get(mistake.label()),
                    "taken for " + evaluation.classNames().get(mistake.given()),
                    String.format(Locale.ROOT, "with %.1f %%", 100 * mistake.probability()))));
        }
        return ImageSheet.draw("Mistakes, the most confident first: what it is, what the network took it for, and with which probability.",
                rows, 0);
    }
}
