package duet.cli.commands;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.cli.options.RatePolicy;
import duet.cli.output.ExitCode;
import duet.cli.output.Interruption;
import duet.cli.output.LayerTable;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.output.Progress;
import duet.cli.output.Shell;
import duet.cli.output.Top5;
import duet.cli.tensorboard.TensorBoardListener;
import duet.data.Split;
import duet.net.Network;
import duet.pictures.TrainingPictures;
import duet.plan.Placement;
import duet.text.Text;
import duet.train.Trainer;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingOptions;

/**
 * One training from the first line that it prints to the last.
 *
 * @param setting what TensorBoard shows among the hyperparameters besides the options; null: it is told nothing
 */
record TrainingConsole(Output output, Network network, TrainingOptions options, Map<String, String> setting) {

    /** @return the exit code */
    int run(Trainer trainer, String devices, Placement placement, Split images) {
        introduce(devices, placement, images);
        try (Interruption interruption = new Interruption(output, trainer::requestStop)) {
            Progress progress = Progress.create(output, options.batch(), network.classes());
            Trainer.Result result;
            TrainingListener watched = new Watched(progress, output, interruption);
            try (progress; TensorBoardListener board = options.output() == null ? null : tensorBoard(trainer, images, progress)) {
                if (options.output() == null) { // another process writes
                    return trainer.train(watched).end() == Trainer.End.STOPPED ? Processes.largest("the signal", interruption.exitCode())
                            : ExitCode.DONE;
                }
                TrainingPictures pictures = new TrainingPictures(options.output(), trainer, progress::warning);
                result = trainer.train(TrainingListener.all(watched, pictures, board == null ? TrainingListener.SILENT : board));
                pictures.finish();
                if (board != null) {
                    board.finish(result.end() != Trainer.End.STOPPED);
                }
            }
            if (result.end() == Trainer.End.STOPPED) {
                return stopped(result, interruption);
            }
            if (result.end() == Trainer.End.EARLY) {
                output.result("early      no lower error in " + Text.count(options.earlyStop(), "validation")
                        + "; --resume with a larger --early-stop goes on");
            }
            conclude(result, progress, images);
            return ExitCode.DONE;
        }
    }

    /** null: it is not wanted. */
    private TensorBoardListener tensorBoard(Trainer trainer, Split images, Progress progress) {
        return setting == null ? null
                : new TensorBoardListener(trainer, images.training().classNames(), setting, progress::warning);
    }

    private void introduce(String devices, Placement placement, Split images) {
        LayerTable table = LayerTable.of(network);
        output.say("network    " + network.name() + ", " + Text.count(table.parameters(), "parameter") + ", " + Text.flop(table.flop())
                + " an image forward, " + placement.words());
        output.say("devices    " + devices);
        output.say("data       " + images.training().description() + "; validation: " + images.validation().description());
        output.say("training   batch " + options.batch() + ", "
                + (options.steps() > 0 ? Text.count(options.steps(), "step") : Text.count(options.epochs(), "epoch")) + ", learning rate "
                + Text.number(options.learningRate().initial()) + ", " + RatePolicy.describe(options.learningRate()));
        output.say("output     " + options.output());
    }

    private int stopped(Trainer.Result result, Interruption interruption) {
        output.warn("stopped after step " + result.steps() + "; go on with: ./duet train --resume " + Shell.word(options.output()));
        return Processes.largest("the signal", interruption.exitCode());
    }

    private void conclude(Trainer.Result result, Progress progress, Split images) {
        Metrics validation = result.validation();
        if (validation != null) {
            output.result(
                    "accuracy   " + Text.percent(validation.top1()) + " of " + Text.count(images.validation().size(), "validation image")
                            + Top5.inBrackets(validation.top5(), network.classes()) + ", loss " + Text.loss(validation.loss()));
        }
        output.result("time       " + Text.duration(progress.elapsed()) + " for " + Text.count(progress.stepsDone(), "step") + ", "
                + Text.rate(progress.imagesPerSecond()) + " images/s with validation");
        output.result("checkpoint " + result.checkpoint());
        pictures().forEach(picture -> output.result("picture    " + picture));
        output.result("try        ./duet predict " + Shell.word(options.output()) + " IMAGE");
    }

    private List<Path> pictures() {
        try (Stream<Path> files = Files.list(options.output())) {
            return files.filter(file -> file.toString().endsWith(".png")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Passes everything on and stops the training when standard output can no longer be written. */
    private record Watched(Progress progress, Output output, Interruption interruption) implements TrainingListener {
        @Override
        public void started(long firstStep, long lastStep, long stepsPerEpoch) {
            progress.started(firstStep, lastStep, stepsPerEpoch);
        }

        @Override
        public void step(Metrics metrics) {
            progress.step(metrics);
            if (output.failed()) {
                interruption.outputFailed();
            }
        }

        @Override
        public void rateChanged(RateChange change) {
            progress.rateChanged(change);
        }

        @Override
        public void validating(long done, long total) {
            progress.validating(done, total);
        }

        @Override
        public void validated(Metrics metrics) {
            progress.validated(metrics);
        }

        @Override
        public void checkpoint(Path file) {
            progress.checkpoint(file);
        }

        @Override
        public void warning(String message) {
            progress.warning(message);
        }
    }
}
