package duet.cli;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

import duet.cli.output.ExitCode;
import duet.device.Arithmetic;
import duet.model.Networks;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.train.Recipe;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingState;

/**
 * Runs the short commands, so that Java can write down what it loads and links for them: an ahead-of-time cache (JEP 483, JEP 514) from
 * which later starts take it. The script {@code duet} runs this once after a build. Long commands are left out: Java loads all that is in a
 * cache at every start, so theirs would make the short ones slower.
 */
final class Rehearsal {
    private static final String NETWORK = "alexnet-small";
    private static final int SIDE = 64;
    private static final int IMAGES = 60_000;

    private Rehearsal() {}

    /** @param arguments a folder to write to, which exists */
    public static void main(String[] arguments) throws IOException {
        System.exit(run(Path.of(arguments[0]), new PrintWriter(System.err, true, StandardCharsets.UTF_8)));
    }

    /**
     * Runs one command after another until one fails.
     *
     * @param folder is written to
     * @param err    hears what fails
     * @return the exit code of the last command
     */
    static int run(Path folder, PrintWriter err) throws IOException {
        writeCheckpoint(Files.createDirectory(folder.resolve("run")).resolve("checkpoint-00000000.safetensors"));
        for (String format : List.of("jpg", "png")) {
            ImageIO.write(new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB), format, folder.resolve("picture." + format).toFile());
        }
        for (List<String> command : List.of(
                List.of("--version"), List.of("help"), List.of("train", "--help"), List.of("devices"),
                List.of("networks"), List.of("networks", "alexnet"), List.of("plan", "--net", "alexnet"),
                List.of("predict", "--devices", "cpu", folder + "/run", folder + "/picture.jpg", folder + "/picture.png"))) {
            int code = Main.run(new PrintWriter(Writer.nullWriter()), err, command.toArray(String[]::new));
            if (code != ExitCode.DONE) {
                err.println(command + " ended with exit code " + code);
                return code;
            }
        }
        return ExitCode.DONE;
    }

    /** As if a training had written it; all weights are 0. */
    private static void writeCheckpoint(Path file) {
        Network network = Networks.create(NETWORK);
        Map<String, float[]> tensors = new HashMap<>(Map.of(Checkpoint.MEAN, new float[Math.toIntExact(network.input().elements())]));
        for (ParameterShape shape : network.parameters()) {
            tensors.put(shape.name(), new float[shape.elements()]);
            tensors.put(shape.momentumName(), new float[shape.elements()]);
        }
        List<String> classNames = IntStream.range(0, network.classes()).mapToObj(label -> "class " + label).toList();
        TrainingState state = TrainingState.initial(Recipe.of(NETWORK), "fashion-mnist", IMAGES, Arithmetic.DEFAULT, null);
        new Checkpoint(network, classNames, network.input(), tensors, state).write(file);
    }
}
