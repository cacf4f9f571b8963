package duet.cli.options;

import java.nio.file.Path;
import java.util.Locale;

import duet.cli.output.DamageCount;
import duet.cli.output.Output;
import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.train.output.Checkpoint;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** A trained network and the images that it looks at. */
@Heading(Heading.RUN)
public final class TrainedOptions {
    @Parameters(index = "0", paramLabel = "RUN", description = "A training's output folder or one checkpoint file.")
    private Path run;

    @Option(names = "--data", paramLabel = "SOURCE", description = "As for train (default: what the network was trained with).")
    private String data;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "128", converter = Numbers.PositiveInteger.class,
            description = "Images that go through at once (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of skipping it.")
    private boolean strict;

    /** Of a data source. */
    public enum Part {
        TRAINING, VALIDATION;

        public Dataset of(Split split) {
            return this == TRAINING ? split.training() : split.validation();
        }

        /** {@code training} or {@code validation}. */
        public static final class Converter implements ITypeConverter<Part> {
            @Override
            public Part convert(String text) {
                return switch (text) {
                    case "training" -> TRAINING;
                    case "validation" -> VALIDATION;
                    default -> throw new TypeConversionException("'" + text + "' is neither training nor validation");
                };
            }
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    Path run() {
        return run;
    }

    public int batch() {
        return batch;
    }

    public Checkpoint read(Output output) {
        return Checkpoint.read(run, output::warn);
    }

    /** The images need not have the network's classes. */
    public Split open(Checkpoint checkpoint, DamageCount damage) {
        String source = Source.trainedWith(checkpoint, run.toString(), data);
        return Datasets.open(source, checkpoint.network().input(), checkpoint.stored(), Source.seed(checkpoint),
                strict ? DamageReport.STRICT : damage);
    }
}
