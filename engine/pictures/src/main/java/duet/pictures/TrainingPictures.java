package duet.pictures;

import java.awt.AWTError;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

import duet.files.FileException;
import duet.net.Network;
import duet.train.Trainer;
import duet.train.output.History;
import duet.train.output.Metrics;
import duet.train.output.MetricsLog;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/**
 * Keeps {@code curves.png} and {@code conv1.png} in a training's output folder up to date: drawn after a validation, but not more often
 * than every few seconds, and a last time by {@link #finish}. Pictures are worth no training: what goes wrong is a warning, once.
 */
public final class TrainingPictures implements TrainingListener {
    private static final long PAUSE = 5_000_000_000L; // ns

    private final Path folder;
    private final Trainer trainer;
    private final Consumer<String> warning;
    private final History history = new History();
    private boolean drawing = true;
    private int drawnLines;
    private long lastDrawing;

    /**
     * Begins the pictures of a trainer that has just been made or resumed: curves begin with what {@code metrics.jsonl} holds.
     *
     * @param folder  the output folder of the trainer
     * @param trainer the training, asked for the first layer's filters
     * @param warning told in a sentence if the pictures cannot be drawn
     */
    public TrainingPictures(Path folder, Trainer trainer, Consumer<String> warning) {
        this.folder = folder;
        this.trainer = trainer;
        this.warning = warning;
        Path log = folder.resolve(MetricsLog.FILE);
        if (Files.exists(log)) {
            MetricsLog.read(log, history::add);
        }
    }

    @Override
    public void step(Metrics metrics) {
        history.add(metrics);
    }

    @Override
    public void validated(Metrics metrics) {
        history.add(metrics);
        if (lastDrawing == 0 || System.nanoTime() - lastDrawing >= PAUSE) {
            draw();
        }
    }

    private void draw() {
        if (!drawing || drawnLines == history.lines()) {
            return;
        }
        try {
            Network network = trainer.network();
            Pictures.write(folder, "curves.png", Curves.draw(history, network.name()).image());
            BufferedImage filters = PictureOf.filters(network, trainer::parameter);
            if (filters != null) {
                Pictures.write(folder, "conv1.png", filters);
            }
            drawnLines = history.lines();
            lastDrawing = System.nanoTime();
        } catch (Exception | LinkageError | AWTError | InternalError e) {
            drawing = false;
            warning.accept("the pictures cannot be drawn and are left out: "
                    + (e instanceof FileException || e instanceof TrainingException ? e.getMessage() : e));
        }
    }

    /** Draws what has not been drawn yet: to be called when training has ended. */
    public void finish() {
        draw();
    }
}
