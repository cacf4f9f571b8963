package duet.cli.watch;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

import duet.cli.options.RatePolicy;
import duet.data.source.DataSource;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.text.Text;
import duet.train.output.CheckpointFile;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;

/**
 * What the last checkpoint says of a training.
 *
 * @param step  of the checkpoint
 * @param file  the checkpoint
 * @param model what it says besides its tensors; the state is not null
 */
record Facts(long step, Path file, CheckpointFile.Description model) {
    private static final String SYNTHETIC = "synthetic:";

    TrainingState state() {
        return model.state();
    }

    TrainingOptions options() {
        return model.state().options();
    }

    /** Whether there is nothing more to do. */
    boolean complete() {
        return state().step() >= state().lastStep() || state().exhausted();
    }

    /** In words, for people, without a path of this machine. */
    Map<String, String> words() {
        Network network = model.network();
        TrainingOptions options = options();
        Map<String, String> words = new LinkedHashMap<>();
        long parameters = network.parameters().stream().mapToLong(ParameterShape::elements).sum();
        words.put("Network", network.name() + ", " + Text.count(parameters, "parameter") + ", input " + network.input());
        words.put("Data", source(state().data()) + ", " + Text.count(state().images(), "training image") + ", "
                + model.classNames().size() + (model.classNames().size() == 1 ? " class" : " classes"));
        words.put("Training", "batch " + options.batch() + ", "
                + (options.steps() > 0 ? Text.count(options.steps(), "step") : Text.count(options.epochs(), "epoch")) + ", seed "
                + options.seed());
        words.put("Learning rate", Text.number(options.learningRate().initial()) + ", " + RatePolicy.describe(options.learningRate()));
        words.put("Update", "momentum " + Text.number(options.momentum()) + ", weight decay " + Text.number(options.weightDecay()));
        words.put("Arithmetic", state().arithmetic().toString());
        if (!options.frozen().isEmpty()) {
            words.put("Frozen", String.join(", ", options.frozen()));
        }
        if (options.earlyStop() > 0) {
            words.put("Early stop", "after " + Text.count(options.earlyStop(), "validation") + " without a lower error");
        }
        words.put("Last checkpoint", "step " + Text.count(step));
        return words;
    }

    /** The kind of the data: the rest of it is a path, but for made-up images. */
    private static String source(String data) {
        String kind = data.replaceFirst(":.*", "");
        return data.startsWith(SYNTHETIC) ? data : DataSource.KINDS.contains(kind) ? kind : "data of a program";
    }
}
