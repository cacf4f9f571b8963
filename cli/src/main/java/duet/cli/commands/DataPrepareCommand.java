package duet.cli.commands;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.Numbers;
import duet.cli.options.RankOptions;
import duet.cli.output.CommandFailure;
import duet.cli.output.CountProgress;
import duet.cli.output.DamageCount;
import duet.cli.output.ExitCode;
import duet.cli.output.Interruption;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.output.Shell;
import duet.data.DamageReport;
import duet.data.prepare.Preparation;
import duet.data.prepare.PreparationOptions;
import duet.data.shard.PreparationListener;
import duet.data.source.DataSource;
import duet.device.Ranks;
import duet.device.ranks.MpiRanks;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "prepare",
        description = {
                "Packs images into shards that train reads without decoding: shorter side scaled to the size, centre kept, with "
                        + "checksums, mean image and the principal colours of the training set.",
                "Stopped at any point and run again, it continues where it was and ends with the same bytes; shards that are there are "
                        + "verified."},
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet data prepare ilsvrc:archives imagenet-256",
                "  ./duet data prepare folder:pictures packed --size 128 --encoding jpeg --quality 95",
                "  ./duet train --net alexnet --data shards:imagenet-256"
        })
final class DataPrepareCommand implements Callable<Integer> {
    private static final int USUAL_QUALITY = 95;

    /** How images are stored. */
    private enum Encoding { bytes, jpeg }

    @Parameters(index = "0", paramLabel = "SOURCE", description = "As for train --data.")
    private String source;

    @Parameters(index = "1", paramLabel = "DIR", description = "Folder for the shards: new, empty, or left unfinished by the same command.")
    private Path folder;

    @Option(names = "--size", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Height and width to store (default: 256, or as they are where all images have one size).")
    private Integer size;

    @Option(names = "--encoding", paramLabel = "NAME", defaultValue = "bytes",
            description = "'bytes': 192 KiB an image of 256x256, nothing to decode; 'jpeg': a tenth of that (default: ${DEFAULT-VALUE}).")
    private Encoding encoding;

    @Option(names = "--quality", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "JPEG quality, 1 to 100 (default: " + USUAL_QUALITY + ").")
    private Integer quality;

    @Option(names = "--shard-images", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Images in a shard (default: as many as take 256 MiB as bytes).")
    private Integer shardImages;

    @Option(names = "--threads", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Threads that read and decode; the shards do not depend on it (default: one for each core).")
    private Integer threads;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", converter = Numbers.Seed.class,
            description = "Draws the share held out where there is no validation part (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of leaving it out.")
    private boolean strict;

    @Mixin
    private RankOptions together;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        if (quality != null && encoding == Encoding.bytes) {
            throw CommandFailure.usage("--quality is for --encoding jpeg");
        }
        CommandFailure.check(() -> DataSource.parse(source));
        PreparationOptions options = CommandFailure.checked(() -> new PreparationOptions(size == null ? 0 : size,
                encoding == Encoding.bytes ? 0 : quality == null ? USUAL_QUALITY : quality, shardImages == null ? 0 : shardImages,
                threads == null ? PreparationOptions.DEFAULTS.threads() : threads, seed));
        together.check();
        Ranks ranks = Ranks.ALONE;
        if (Processes.size() > 1) {
            MpiRanks joined = together.join();
            options = options.withThreads(RankOptions.threads(joined, threads == null ? 0 : threads));
            ranks = joined;
        }
        DamageCount damage = new DamageCount(output);
        try (Watch watch = new Watch()) {
            Preparation.Result result = Preparation.prepare(source, folder, options, strict ? DamageReport.STRICT : damage, watch,
                    ranks);
            watch.progress.close();
            damage.gather();
            if (!result.complete()) {
                output.warn("stopped; the same command goes on from here");
                return Processes.largest("the signal", watch.interruption.exitCode());
            }
            print(result);
        }
        return ExitCode.DONE;
    }

    private void print(Preparation.Result result) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("folder", folder.toString());
            object.put("training", result.training());
            object.put("validation", result.validation());
            object.put("damaged", result.damaged());
            object.put("shards", result.shards());
            object.put("verified", result.verified());
            object.put("bytes", result.bytes());
            object.put("stored", result.stored());
            output.object(object);
            return;
        }
        output.result("prepared   " + Text.count(result.training()) + " training and " + Text.count(result.validation(), "validation image")
                + " of " + result.stored() + (result.damaged() > 0 ? ", " + Text.count(result.damaged()) + " damaged left out" : ""));
        output.result("shards     " + Text.count(result.shards()) + " with " + Text.bytes(result.bytes())
                + (result.verified() > 0 ? ", " + Text.count(result.verified()) + " of them were there and are sound" : ""));
        boolean large = result.stored().height() >= 224;
        output.result("try        ./duet train " + (large ? "--net alexnet " : "") + "--data shards:" + Shell.word(folder));
    }

    /** Shows how it goes, and stops it on Ctrl-C. */
    private final class Watch implements PreparationListener, AutoCloseable {
        private final CountProgress progress = CountProgress.create(output, "preparing", "images");
        private volatile boolean stopped;
        private final Interruption interruption = new Interruption(output, "finishing a few images", () -> stopped = true);

        @Override
        public void started(long images, long bytes) {
            if (bytes > 0) {
                output.say("writing    about " + Text.bytes(bytes) + " to " + folder);
            }
        }

        @Override
        public void progress(long done, long total) {
            progress.progress(done, total);
        }

        @Override
        public void warning(String message) {
            output.warn("warning: " + message);
        }

        @Override
        public boolean stopped() {
            return stopped;
        }

        @Override
        public void close() {
            progress.close();
            interruption.close();
        }
    }
}
