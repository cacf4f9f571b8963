package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.cli.options.DeviceOptions;
import duet.cli.options.RatePolicy;
import duet.cli.options.TrainingArguments;
import duet.cli.output.CommandFailure;
import duet.cli.output.Shell;
import duet.data.Augmentation;
import duet.data.Patches;
import duet.device.Backend;
import duet.device.Precision;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.Recipe;
import duet.train.schedule.LearningRate;
import duet.train.schedule.Parts;
import duet.train.schedule.Schedules;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.WarmUp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

class OptionsTest {
    private static final Network NETWORK = Networks.create("alexnet-small");

    private static TrainingArguments parse(String... arguments) {
        return CommandLine.populateCommand(new TrainingArguments(), arguments);
    }

    @Test
    void optionsReachTheTraining() {
        TrainingOptions options = parse("--batch", "32", "--epochs", "3", "--steps", "7", "--lr", "0.02", "--lr-policy", "steps:2.5:0.5",
                "--bias-lr-factor", "1", "--momentum", "0.8", "--weight-decay", "0.001", "--seed", "-9", "--no-shuffle", "--no-augment",
                "--no-dropout", "--checkpoint-every", "5").forNewTraining("alexnet", Path.of("somewhere"));
        assertEquals(32, options.batch());
        assertEquals(3, options.epochs());
        assertEquals(7, options.steps());
        assertEquals(new LearningRate.Steps(0.02, 2.5, 0.5), options.learningRate());
        assertEquals(1, options.biasRateFactor());
        assertEquals(0.8, options.momentum());
        assertEquals(0.001, options.weightDecay());
        assertEquals(-9, options.seed());
        assertEquals(false, options.shuffle());
        assertEquals(Augmentation.NONE, options.augmentation());
        assertEquals(false, options.dropout());
        assertEquals(5, options.checkpointEvery());
        assertEquals(Path.of("somewhere"), options.output());
    }

    @Test
    void switchesAreOnByDefaultAndWhenNamed() {
        for (TrainingOptions options : new TrainingOptions[] {
                parse().forNewTraining("alexnet", null), parse("--shuffle", "--augment", "--dropout").forNewTraining("alexnet", null)}) {
            assertTrue(options.shuffle());
            assertEquals(Augmentation.PAPER, options.augmentation());
            assertTrue(options.dropout());
        }
    }

    /** Without options a network's recipe holds; another batch moves the rate in proportion, but not a rate that was given. */
    @Test
    void recipesHoldUnlessOneSaysOtherwise() {
        assertEquals(Recipe.of("alexnet-small").toBuilder().output(null).loaderThreads(1).build(),
                parse().forNewTraining("alexnet-small", null).toBuilder().loaderThreads(1).build());
        assertEquals(0.01 / 16, parse("--batch", "8").forNewTraining("alexnet", null).learningRate().initial(), 1e-9);
        assertEquals(0.01 / 16, parse("--batch", "512").forNewTraining("alexnet", null, 8).learningRate().initial(), 1e-9);
        assertEquals(512, parse("--batch", "512").forNewTraining("alexnet", null, 8).batch(), "the trainer makes it smaller, and says so");
        assertEquals(0.01 / 16, parse().forNewTraining("alexnet", null, 8).learningRate().initial(), 1e-9);
        assertEquals(0.3, parse("--batch", "8", "--lr", "0.3").forNewTraining("alexnet", null).learningRate().initial());
        assertEquals(Augmentation.STANDARD, parse("--augment").forNewTraining("alexnet-small", null).augmentation());
        assertEquals(Augmentation.NONE, parse().forNewTraining("alexnet-small", null).augmentation());
    }

    private static Augmentation augmentation(String network, String... arguments) {
        return parse(arguments).forNewTraining(network, null).augmentation();
    }

    @Test
    void patchesAndPhotometricDistortion() {
        assertEquals(Augmentation.GOOGLENET, augmentation("googlenet"));
        assertEquals(Augmentation.GOOGLENET, augmentation("googlenet", "--augment"));
        assertEquals(Augmentation.NONE, augmentation("googlenet", "--no-augment"));
        assertEquals(Augmentation.STANDARD, augmentation("googlenet", "--patches", "0", "--photometric", "0"));
        assertEquals(Augmentation.GOOGLENET, augmentation("alexnet", "--colour-noise", "0", "--patches", "--photometric"));
        assertEquals(Augmentation.PAPER.withPatches(new Patches(0.25, 2)).withPhotometric(0.4),
                augmentation("alexnet", "--patches", "0.25:2", "--photometric", "0.4"));
        assertEquals(Augmentation.NONE.withPatches(new Patches(1, 4 / 3.0)), augmentation("alexnet-small", "--patches", "1"));
        assertEquals(Augmentation.STANDARD.withMirror(false), augmentation("googlenet", "--patches=0", "--photometric=0", "--no-mirror"));
        for (String option : List.of("--random-crop", "--no-random-crop")) {
            CommandFailure idle = assertThrows(CommandFailure.class, () -> augmentation("googlenet", option));
            assertTrue(idle.getMessage().startsWith(option + " does nothing beside patches"), idle.getMessage());
        }
        assertEquals(Augmentation.STANDARD.withRandomCrop(false, 0),
                augmentation("googlenet", "--patches", "0", "--photometric", "0", "--no-random-crop"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--patches 1.1", "--patches -0.1", "--patches x", "--patches 0:2", "--patches 0.1:0.9", "--patches 0.1:x",
            "--patches 0.1:", "--patches NaN", "--patches 0.1:Infinity", "--patches 0.1:2:3", "--photometric 1", "--photometric -1",
            "--photometric x"})
    void nonsenseIsRefused(String arguments) {
        String message = assertThrows(CommandLine.ParameterException.class, () -> parse(arguments.split(" "))).getMessage();
        assertTrue(message.matches(".*'" + arguments.split(" ")[0] + "'.*[:;] give .*"), message);
    }

    @Test
    void schedules(@TempDir Path folder) throws IOException {
        assertEquals(new LearningRate.Exponential(0.01, 40, 0.001),
                parse("--lr-policy", "exponential:40").forNewTraining("alexnet", null).learningRate());
        assertEquals(new LearningRate.Exponential(0.5, 40, 0.25),
                parse("--lr-policy", "exponential:40:0.25", "--lr", "0.5").forNewTraining("alexnet", null).learningRate());
        assertEquals(new WarmUp(2.5, Recipe.of("alexnet").learningRate()),
                parse("--warm-up", "2.5").forNewTraining("alexnet", null).learningRate());
        TrainingOptions original = parse("--schedule", "original-2012").forNewTraining("alexnet", null);
        assertEquals(Schedules.named("original-2012"), original.learningRate());
        assertEquals(91, original.epochs());
        assertEquals(3, parse("--schedule", "original-2012", "--epochs", "3").forNewTraining("alexnet", null).epochs());
        LearningRate quarter = parse("--schedule", "original-2012", "--batch", "32").forNewTraining("alexnet", null).learningRate();
        assertEquals(0.0025, quarter.initial(), 1e-12);
        assertEquals(0.005, quarter.at("conv2", true, 0, 0, 2), 1e-12);
        Path file = Files.writeString(folder.resolve("mine.json"), "{\"rate\": 0.3, \"changes\": [{\"epoch\": 2, \"rate\": 0.1}]}");
        assertEquals(0.1, parse("--schedule", file.toString()).forNewTraining("alexnet", null).learningRate().at(2, 0));
        assertEquals(0.0001, parse().forNewTraining("alexnet-owt", null).weightDecay());
        assertEquals(1, parse().forNewTraining("alexnet-owt", null).biasRateFactor());
    }

    @Test
    void resumedTrainingKeepsItsCourse() {
        TrainingOptions begun = parse("--batch", "32", "--steps", "7", "--lr", "0.02", "--seed", "5", "--no-dropout")
                .forNewTraining("alexnet", null);
        TrainingOptions same = parse().forResumed(begun, Path.of("out"));
        assertEquals(32, same.batch());
        assertEquals(7, same.steps());
        assertEquals(begun.learningRate(), same.learningRate());
        assertEquals(5, same.seed());
        assertEquals(false, same.dropout());
        assertEquals(Path.of("out"), same.output());
        assertEquals(9, parse("--steps", "9").forResumed(begun, null).steps());
        TrainingOptions longer = parse("--epochs", "20").forResumed(begun, null);
        assertEquals(0, longer.steps(), "--epochs lifts the limit that --steps has set");
        assertEquals(20, longer.epochs());
    }

    @ParameterizedTest
    @CsvSource({"constant", "steps:2", "steps:0.5:0.3", "plateau", "plateau:3"})
    void ratePoliciesAreUnderstood(String text) {
        assertEquals(0.25, new RatePolicy.Converter().convert(text).from(0.25).initial());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "steps", "steps:", "steps:0", "steps:x", "steps:3:0", "steps:3:1", "steps:3:2", "steps:3:NaN", "steps:3:0.1:4",
                    "plateau:0", "plateau:1.5", "plateau:x", "constant:1", "linear"})
    void otherRatePoliciesAreNot(String text) {
        assertThrows(TypeConversionException.class, () -> new RatePolicy.Converter().convert(text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "                                       | two towers",
            "--devices cpu                          | one device",
            "--devices cpu,cpu                      | two towers",
            "--devices cpu,cpu,cpu                  | data parallel: 3 parts on 3 devices",
            "--placement one                        | one device",
            "--placement towers                     | two towers",
            "--placement towers --devices a,b       | two towers",
            "--placement halves                     | two halves of the image",
            "--placement data                       | data parallel: 2 parts on 2 devices",
            "--placement data --devices a           | data parallel: 1 part on 1 device",
            "--parts 8 --devices a,b                | data parallel: 8 parts on 2 devices",
            "--placement hybrid --parts 4           | hybrid of images and outputs: 4 parts on 2 devices",
            "--placement hybrid --rounds 2          | hybrid of images and outputs: 2 parts on 2 devices, fully connected layers in 2 "
                    + "rounds",
            "--rounds 4 --devices a                 | hybrid of images and outputs: 1 part on 1 device, fully connected layers in 4 "
                    + "rounds",
            "--placement hybrid --rounds 1          | hybrid of images and outputs: 2 parts on 2 devices",
            "--placement data,towers --devices a,b,c,d | data parallel: 2 parts on 2 groups of 2 devices, each two towers",
            "--placement data,halves --parts 4      | data parallel: 4 parts on 1 group of 2 devices, each two halves of the image",
            "--placement data,hybrid --devices a,b,c,d --parts 4 | data parallel: 4 parts on 2 groups of 2 devices, each hybrid of images "
                    + "and outputs: 2 parts on 2 devices",
    })
    void placementFollowsFromTheDevices(String arguments, String expected) {
        String[] words = arguments == null ? new String[0] : arguments.split(" +");
        assertEquals(expected, CommandLine.populateCommand(new DeviceOptions(), words).placement(NETWORK, Placement.TWO_TOWERS).words());
    }

    /** A training goes on in the parts that it had, where they can be shared out; else in what fits the devices. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
            "data        | 4 | 1 | - | --devices a,b             | data parallel: 4 parts on 2 devices",
            "data        | 4 | 1 | - | --devices a,b,c           | data parallel: 3 parts on 3 devices",
            "hybrid      | 4 | 2 | - | --devices a,b             | hybrid of images and outputs: 4 parts on 2 devices, fully connected "
                    + "layers in 2 rounds",
            "data,towers | 4 | 1 | - | --devices a,b             | data parallel: 4 parts on 1 group of 2 devices, each two towers",
            "data,towers | 4 | 1 | - | -                         | data parallel: 4 parts on 1 group of 2 devices, each two towers",
            "data,towers | 4 | 1 | - | --devices a               | one device",
            "data,halves | 3 | 1 | - | --devices a,b,c,d         | data parallel: 2 parts on 2 groups of 2 devices, each two halves of the "
                    + "image",
            "data,hybrid | 2 | 1 | 3 | -                         | data parallel: 2 parts on 1 group of 3 devices, each hybrid of images "
                    + "and outputs: 3 parts on 3 devices",
            "data,hybrid | 2 | 1 | 3 | --devices a,b,c,d         | data parallel: 4 parts on 4 devices",
            "data,towers | 4 | 1 | - | --placement towers        | two towers",
    })
    void trainingsGoOnInTheirParts(String begun, int parts, int rounds, Integer group, String arguments, String expected) {
        String[] words = arguments == null ? new String[0] : arguments.split(" +");
        assertEquals(expected, CommandLine.populateCommand(new DeviceOptions(), words)
                .placement(NETWORK, new Parts(begun, parts, rounds, group)).words());
    }

    /** Groups are of the size that --placement would give them. */
    @Test
    void groupsAreCompared() {
        DeviceOptions options = CommandLine.populateCommand(new DeviceOptions(), "--devices", "a,b,c,d");
        options.setRanks(2);
        assertEquals(List.of("one device", "two towers", "two halves of the image", "data parallel: 8 parts on 8 devices",
                "hybrid of images and outputs: 8 parts on 8 devices",
                "data parallel: 4 parts on 4 groups of 2 devices, each two towers",
                "data parallel: 4 parts on 4 groups of 2 devices, each two halves of the image",
                "data parallel: 2 parts on 2 groups of 4 devices, each hybrid of images and outputs: 4 parts on 4 devices"),
                options.placements().stream().map(Placement::words).toList());
        assertEquals(5, CommandLine.populateCommand(new DeviceOptions()).placements().size(), "one group is none");
    }

    /** Normalisation over all channels stands against towers. */
    @Test
    void twoDevicesAreHalvesWhereTowersCannotBe() {
        DeviceOptions options = CommandLine.populateCommand(new DeviceOptions(), "--devices", "cpu,cpu");
        assertEquals(Placement.HALVES, options.placement(Networks.create("zfnet"), Placement.ONE_DEVICE));
        assertEquals(Placement.HALVES, options.placement(Networks.create("googlenet")));
        assertEquals(Placement.ONE_DEVICE, CommandLine.populateCommand(new DeviceOptions()).placement(Networks.create("zfnet")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--placement one --devices cpu,cpu", "--placement towers --devices cpu",
            "--placement halves --devices cpu,cpu,cpu", "--placement data --parts 3 --devices cpu,cpu", "--placement towers --parts 2",
            "--placement data --rounds 2", "--placement one --rounds 1", "--placement data,towers --devices cpu,cpu,cpu",
            "--placement data,towers --devices cpu,cpu --parts 2 --rounds 2", "--placement data,halves --devices a,b,c,d --parts 3"})
    void placementMustFitTheDevices(String arguments) {
        DeviceOptions options = CommandLine.populateCommand(new DeviceOptions(), arguments.split(" "));
        assertEquals(2, assertThrows(CommandFailure.class, () -> options.placement(NETWORK, Placement.TWO_TOWERS)).exitCode());
    }

    @Test
    void waysToComputeAreUnderstood() {
        assertEquals(Precision.FP32, CommandLine.populateCommand(new DeviceOptions()).precision());
        DeviceOptions options = CommandLine.populateCommand(
                new DeviceOptions(), "--precision", "bf16", "--convolutions", "direct", "--devices", "cpu", "--threads", "2");
        assertEquals(Precision.BF16, options.precision());
        try (Backend backend = options.open(Placement.ONE_DEVICE)) {
            assertTrue(options.describe(backend).matches("1 CPU device, 2 threads, .*, bf16"), options.describe(backend));
        }
    }

    @Test
    void whatOnlyCpuDevicesDoIsRefusedForOthers() {
        DeviceOptions options = CommandLine.populateCommand(
                new DeviceOptions(), "--devices", "virtual:0", "--threads", "2", "--convolutions", "direct");
        CommandFailure failure = assertThrows(CommandFailure.class, () -> options.open(Placement.ONE_DEVICE));
        assertTrue(failure.getMessage().startsWith("--threads and --convolutions would do nothing: no device is a CPU ("),
                failure.getMessage());
        assertEquals(2, failure.exitCode());
    }

    @Test
    void pathsAreQuotedForAShellWhereTheyNeedIt() {
        assertEquals("'a b'", Shell.word(Path.of("a b")));
        assertEquals("runs/x-1", Shell.word(Path.of("runs/x-1")));
    }
}
