package duet.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.data.Dataset;
import duet.data.Datasets;
import duet.data.Split;
import duet.net.Shape;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "info",
        description = "Shows how many images there are, of which size and which classes.",
        footerHeading = "%nExamples:%n",
        footer = {"  ./duet data info fashion-mnist", "  ./duet data info folder:pictures --check"})
final class DataInfoCommand implements Callable<Integer> {
    /** A network's input for folders of mixed sizes, which are stored for some network. */
    private static final Shape USUAL_INPUT = new Shape(3, 227, 227);

    @Parameters(index = "0", paramLabel = "SOURCE", description = "As for train --data.")
    private String source;

    @Option(names = "--check", description = "Read every image and name those that are damaged; exit code 1 if there are any.")
    private boolean check;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Datasets.Description description = Datasets.describe(source);
        Shape input = description.height() == 0
                ? USUAL_INPUT
                : new Shape(description.channels(), description.height(), description.width());
        DamageCount damage = new DamageCount(output);
        try (Split split = Datasets.open(source, input, 1, damage)) {
            print(description, split);
            if (check) {
                readAll(split.training());
                readAll(split.validation());
                output.say("damaged    " + Text.count(damage.count(), "file"));
            }
        }
        return damage.count() == 0 || !check ? Main.DONE : Main.FAILED;
    }

    private void print(Datasets.Description description, Split split) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("source", source);
            object.put("channels", description.channels());
            object.put("height", description.height());
            object.put("width", description.width());
            object.put("training", split.training().size());
            object.put("validation", split.validation().size());
            object.put("classes", split.training().classNames());
            output.object(object);
            return;
        }
        output.result("training   " + split.training().description());
        output.result("validation " + split.validation().description());
        output.result("images     " + (description.height() == 0
                ? description.channels() + " channels, mixed sizes"
                : description.channels() + "x" + description.height() + "x" + description.width()));
        output.result("classes    " + description.classes() + ": " + String.join(", ", split.training().classNames()));
    }

    private static void readAll(Dataset images) {
        byte[] image = new byte[Math.toIntExact(images.stored().elements())];
        for (int i = 0; i < images.size(); i++) {
            images.read(i, image, 0);
        }
    }
}
