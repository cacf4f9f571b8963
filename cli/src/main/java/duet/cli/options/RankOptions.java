package duet.cli.options;

import java.time.Duration;

import duet.cli.output.CommandFailure;
import duet.cli.output.Processes;
import duet.device.ranks.MpiRanks;
import picocli.CommandLine.Option;

/** How processes work together that mpirun has started. */
@Heading(Heading.DEVICES)
public final class RankOptions {
    private static final int USUAL_PATIENCE = 300;

    @Option(names = "--patience", paramLabel = "SECONDS", converter = Numbers.PositiveInteger.class,
            description = "Where mpirun has started several processes: how long one may take to answer before it counts as lost (default: "
                    + USUAL_PATIENCE + ").")
    private Integer patience;

    /** An option that would do nothing is refused. */
    public void check() {
        if (patience != null && Processes.size() == 1) {
            throw CommandFailure.usage("--patience is for several processes, but mpirun has started none; leave it out");
        }
    }

    /** Comes together with the other processes. */
    public MpiRanks join() {
        return Processes.join(Duration.ofSeconds(patience == null ? USUAL_PATIENCE : patience));
    }

    /**
     * Processes on the same cores share them.
     *
     * @param given by an option; 0: nothing
     */
    public static int threads(MpiRanks ranks, int given) {
        return given > 0 ? given : Math.max(1, Runtime.getRuntime().availableProcessors() / ranks.sharingCores());
    }
}
