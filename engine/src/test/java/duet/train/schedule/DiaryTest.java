package duet.train.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.RunParameters;
import duet.model.Ablation;
import duet.model.Networks;
import duet.net.ParameterShape;
import duet.plan.Placement;
import duet.train.Rates;
import duet.train.Recipe;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rates by epoch and layer: in numbers, from files, and in a training. */
class DiaryTest {
    @TempDir
    private Path folder;

    /** layer-params-145.cfg: its comments, and the rates that it ends with. */
    @Test
    void originalOf2012() {
        Diary diary = Schedules.named("original-2012");
        double[][] expected = {{0, 0.01, 0.01}, {24.99, 0.01, 0.01}, {25, 0.001, 0.001}, {51, 1e-4, 1e-4}, {67, 1e-5, 1e-4}, {72, 0, 1e-4},
                {79, 0, 1e-5}, {90.9, 0, 1e-5}};
        for (double[] row : expected) {
            assertEquals(row[1], diary.at("conv1", false, row[0], 0, 2), "conv1 at " + row[0]);
            assertEquals(row[2], diary.at("conv2", false, row[0], 0, 2), "conv2 at " + row[0]);
            assertEquals(row[2], diary.at("fc8", false, row[0], 0, 2), "fc8 at " + row[0]);
            assertEquals(row[0] < 72 ? 0.02 : 0, diary.at("conv1", true, row[0], 0, 2), "conv1's biases at " + row[0]);
            assertEquals(0.02, diary.at("fc8", true, row[0], 0, 2), "fc8's biases at " + row[0]);
            assertEquals(row[0] < 67 ? 1 : 0, diary.colourNoise(row[0]));
        }
        assertEquals(91, diary.epochs());
        assertEquals(List.of("conv1"), diary.layers());
        assertEquals("learning rate 0.00001, biases 0.02; conv1: 0, biases 0; colour noise off", diary.phase(80, 0));
        assertEquals(Recipe.of("alexnet-2012").learningRate(), diary);
        assertEquals(91, Recipe.of("alexnet-2012").epochs());
    }

    /** Half the batch: every rate is halved, and nothing else. */
    @Test
    void allRatesChangeInProportion() {
        LearningRate half = Recipe.of("alexnet-2012", 64).learningRate();
        assertEquals(0.005, half.at("fc8", false, 0, 0, 2));
        assertEquals(0.01, half.at("fc8", true, 30, 0, 2), 1e-15);
        assertEquals(5e-6, half.at("conv1", false, 68, 0, 2), 1e-18);
        assertEquals(0, half.colourNoise(70));
    }

    /** The rates and decays that a training hands to the devices. */
    @Test
    void decaysOfLayers() {
        TrainingOptions options = Recipe.of("cifar-18pct");
        List<ParameterShape> parameters = Networks.create("cifar-18pct").parameters();
        RunParameters numbers = new Rates(parameters).of(TrainingState.initial(options, "data", 128, Arithmetic.DEFAULT, null));
        for (int i = 0; i < parameters.size(); i++) {
            ParameterShape p = parameters.get(i);
            assertEquals(p.bias() ? 0.002f : 0.001f, numbers.learningRates()[i], p.name());
            assertEquals(p.bias() ? 0 : p.layer().equals("fc4") ? 1 : 0.004f, numbers.weightDecays()[i], p.name());
        }
        assertEquals("the schedule has a rate for the layer fc4, but alexnet-small has no weights of that name; did you mean \"fc6\"? "
                + "(it can be conv1, conv2, conv3, conv4, conv5, fc6, fc7, fc8)",
                assertThrows(TrainingException.class,
                        () -> Rates.requireLayers(Networks.create("alexnet-small"), options.learningRate())).getMessage());
    }

    @Test
    void everyNamedNetworkHasARecipeThatFits() {
        for (String name : Networks.names()) {
            TrainingOptions recipe = Recipe.of(name);
            Rates.requireLayers(Networks.create(name), recipe.learningRate());
            assertEquals(recipe, Recipe.of(name + "-" + Ablation.TANH.suffix()));
            assertEquals(recipe.learningRate().initial() / 2, Recipe.of(name, recipe.batch() / 2).learningRate().initial(), 1e-12);
        }
    }

    @Test
    void files() throws IOException {
        Path file = Files.writeString(folder.resolve("mine.json"), """
                {"comment": "mine", "rate": 0.1, "changes": [{"epoch": 1.5, "layers": ["conv1", "fc3"], "rate": 0.05, "comment": "why"},
                 {"epoch": 2, "rate": 0.01}]}""");
        Diary diary = Schedules.read(file);
        assertEquals(0.1, diary.at("conv1", false, 1.4, 0, 2));
        assertEquals(0.05, diary.at("conv1", false, 1.5, 0, 2));
        assertEquals(0.1, diary.at("conv1", true, 1.5, 0, 2), 1e-15);
        assertEquals(0.05, diary.at("fc3", false, 3, 0, 2));
        assertEquals(0.01, diary.at("fc4", false, 3, 0, 2));
        assertEquals(List.of("conv1", "fc3"), diary.layers());
        assertEquals("there is no schedule file " + folder.resolve("none.json"),
                assertThrows(TrainingException.class, () -> Schedules.read(folder.resolve("none.json"))).getMessage());
        assertEquals(
                "there is no schedule called orginal-2012; did you mean \"original-2012\"? (it can be original-2012, cifar-18pct, "
                        + "cifar-11pct)",
                assertThrows(TrainingException.class, () -> Schedules.named("orginal-2012")).getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "{}                                                                 | file: a schedule needs its first \"rate\"",
            "{\"rate\": 0}                                                      | file: the learning rate must be above 0, not 0.0",
            "{\"rat\": 1}                                                       | file: unknown field \"rat\"; did you mean \"rate\"?",
            "{\"rate\": 1, \"rate\": 2} | file: not valid JSON at line 1, column 19: Duplicate field 'rate'",
            "{\"rate\": \"fast\"}                                               | file: \"rate\" must be a number, not",
            "{\"rate\": 1} x                                                    | file: not valid JSON at line 1 ",
            "{\"rate\": 1, \"changes\": [{\"rate\": 2}]}                        | file: a change has no \"epoch\"",
            "{\"rate\": 1, \"changes\": [{\"epoch\": 3}]}                       | file: the change at epoch 3.0 changes nothing; it can "
                    + "have",
            "{\"rate\": 1, \"changes\": [{\"epoch\": 3, \"rate\": -1}]}         | file: the rate must be at least 0, not -1.0",
            "{\"rate\": 1, \"changes\": [{\"epoch\": 3, \"rate\": 1, \"layers\": []}]}  | file: the change at epoch 3.0 names no layers",
            "{\"rate\": 1, \"changes\": [{\"epoch\": 3, \"rate\": 1}, {\"epoch\": 2, \"rate\": 1}]} | file: the changes must be in the "
                    + "order of their epochs",
            "{\"rate\": 1, \"changes\": [{\"epoch\": 3, \"layers\": [\"a\"], \"colourNoise\": 0}]}  | file: colour noise is not for "
                    + "single layers",
    })
    void damagedFiles(String json, String message) {
        String found = assertThrows(TrainingException.class, () -> Schedules.parse(json, "file")).getMessage();
        assertTrue(found.startsWith(message), found);
    }

    private static Diary.Change change(double epoch, String layer, Double rate, Double biasRate) {
        return new Diary.Change(epoch, layer == null ? null : List.of(layer), rate, biasRate, null, null);
    }

    /** conv1 is frozen after an epoch (without momentum, which would run on); the rest goes on; the change is told and written once. */
    @Test
    void aFrozenLayerStays() throws IOException {
        Diary diary = new Diary(0.02, null, List.of(change(1, "conv1", 0.0, 0.0), change(1, null, 0.01, null)), 0, 0);
        Path out = folder.resolve("run");
        List<RateChange> told = new ArrayList<>();
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().momentum(0).steps(12).keepCheckpoints(9).learningRate(diary).output(out).build())) {
            trainer.train(new TrainingListener() {
                @Override
                public void rateChanged(RateChange change) {
                    told.add(change);
                }
            });
        }
        Checkpoint before = Checkpoint.read(out.resolve("checkpoint-00000006.safetensors"));
        Checkpoint after = Checkpoint.read(out.resolve("checkpoint-00000012.safetensors"));
        for (String name : List.of("conv1.weight", "conv1.bias")) {
            assertArrayEquals(before.tensors().get(name), after.tensors().get(name), name);
        }
        assertFalse(java.util.Arrays.equals(before.tensors().get("conv2.weight"), after.tensors().get("conv2.weight")));
        assertEquals(1, told.size());
        // 44 images in batches of 8: the first step that begins after epoch 1 is the seventh.
        assertEquals(new RateChange("rate", 7, 48 / 44.0, 0.01, "epoch", "learning rate 0.01; conv1: 0, biases 0"), told.getFirst());
        List<String> written = Files.readAllLines(out.resolve("metrics.jsonl")).stream().filter(line -> line.contains("\"rate\"")).toList();
        assertEquals(List.of("{\"event\":\"rate\",\"step\":7,\"epoch\":1.0909090909090908,\"learningRate\":0.01,\"cause\":\"epoch\","
                + "\"rates\":\"learning rate 0.01; conv1: 0, biases 0\"}"), written);
    }

    @Test
    void changesAreTold() {
        TrainingState steps = TrainingState.initial(
                Tiny.options().toBuilder().batch(4).learningRate(new LearningRate.Steps(0.8, 1.5, 0.5)).build(),
                "data", 40,
                Arithmetic.DEFAULT, null);
        assertNull(RateChange.byEpoch(steps));
        for (int step = 1; step <= 30; step++) {
            steps = steps.stepped();
            RateChange change = RateChange.byEpoch(steps);
            assertEquals(step % 15 == 0, change != null, "before step " + (step + 1));
        }
        TrainingState plateau = TrainingState.initial(Tiny.options().toBuilder().learningRate(
                new WarmUp(1, new LearningRate.Plateau(1, 0.1, 1, 1))).build(), "data", 44, Arithmetic.DEFAULT, null).stepped();
        TrainingState better = plateau.validated(0.5);
        assertNull(RateChange.byValidation(plateau, better));
        TrainingState worse = better.stepped();
        assertEquals("validation", RateChange.byValidation(worse, worse.validated(0.6)).cause());
    }
}
