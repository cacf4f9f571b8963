package duet.cli.options;

import java.nio.file.Path;
import java.util.List;

import duet.cli.output.DamageCount;
import duet.cli.output.Output;
import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.data.source.Part;
import duet.train.output.Checkpoint;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** A trained network and the images that it looks at. */
@Heading(Heading.RUN)
public final class TrainedOptions {
    @Parameters(index = "0", paramLabel = "RUN", description = "A training's output folder or one checkpoint file.")
    private Path run;

    @Mixin
    private BestOption best;

    @Option(names = "--data", paramLabel = "SOURCE", description = "As for train (default: what the network was trained with).")
    private String data;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "128", converter = Numbers.PositiveInteger.class,
            description = "Images that go through at once (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of skipping it.")
    private boolean strict;

    /** {@code training} or {@code validation}. */
    public static final class TwoParts extends Parts {
        public TwoParts() {
            super(List.of(Part.TRAINING, Part.VALIDATION));
        }
    }

    /** {@code all}, {@code training} or {@code validation}. */
    public static class Parts implements ITypeConverter<Part> {
        private final List<Part> possible;

        public Parts() {
            this(List.of(Part.values()));
        }

        Parts(List<Part> possible) {
            this.possible = possible;
        }

        @Override
        public Part convert(String text) {
            return possible.stream().filter(part -> part.toString().equals(text)).findFirst().orElseThrow(() -> new TypeConversionException(
                    "'" + text + "' is no part; it can be " + String.join(", ", possible.stream().map(Part::toString).toList())));
        }
    }

    /** One part of a split; not {@link Part#ALL}. */
    public static Dataset of(Part part, Split split) {
        return part == Part.TRAINING ? split.training() : split.validation();
    }

    Path run() {
        return run;
    }

    public int batch() {
        return batch;
    }

    public Checkpoint read(Output output) {
        return best.read(run, output);
    }

    /** The images need not have the network's classes. */
    public Split open(Checkpoint checkpoint, DamageCount damage) {
        String source = Source.trainedWith(checkpoint, run.toString(), data);
        return Datasets.open(source, checkpoint.network().input(), checkpoint.stored(), Source.seed(checkpoint),
                strict ? DamageReport.STRICT : damage);
    }
}
