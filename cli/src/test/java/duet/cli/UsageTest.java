package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class UsageTest {
    @ParameterizedTest
    @ValueSource(strings = {"train", "evaluate", "predict", "plan", "devices", "data info", "data fetch", "networks", "features",
            "neighbours", "plot", "watch",
            "export", "import", "kernels", "data prepare", "picture filters", "picture activations", "picture deconvolution", "relu-tanh",
            "bench", "bench compare", "bench roofline"})
    void everyCommandHasHelpWithExamples(String command) {
        Outcome outcome = Outcome.of((command + " --help").split(" "));
        assertEquals(0, outcome.code(), outcome.toString());
        assertEquals("", outcome.err());
        assertTrue(outcome.out().startsWith("Usage: duet " + command + " "), outcome.out());
        assertTrue(outcome.out().contains("Examples:"), outcome.out());
        assertTrue(outcome.out().contains("./duet " + command), outcome.out());
        assertTrue(outcome.out().contains("--json"), outcome.out());
    }

    @Test
    void helpListsTheCommands() {
        Outcome outcome = Outcome.of("--help");
        assertEquals(0, outcome.code());
        for (String command : List.of("train", "evaluate", "predict", "plan", "devices", "data", "networks")) {
            assertTrue(outcome.out().lines().anyMatch(line -> line.startsWith("  " + command + " ")), command + " in " + outcome.out());
        }
    }

    @Test
    void trainHelpShowsDefaults() {
        String help = Outcome.of("train", "--help").out().replaceAll("\\s+", " ");
        for (String part : List.of("default: alexnet-small", "default: fashion-mnist", "default: 128, alexnet-small 64", "default: 0.9",
                "default: 0.0005",
                "--[no-]shuffle", "--[no-]augment", "--[no-]dropout", "--checkpoint-every", "--resume", "--[no-]tensorboard")) {
            assertTrue(help.contains(part), part + " in " + help);
        }
    }

    @Test
    void helpIsACommandToo() {
        assertEquals(Outcome.of("--help").out(), Outcome.of("help").out());
        assertEquals(Outcome.of("picture", "activations", "--help").out(), Outcome.of("help", "picture", "activations").out());
    }

    /** A command that is built alone is what it is among the others, and has the name that its annotation says. */
    @Test
    void onlyTheCommandThatIsAskedForIsBuilt() {
        Map<String, CommandLine> all = built("help", "train").getSubcommands();
        assertTrue(all.size() > 10, all.keySet().toString());
        assertEquals(all.keySet(), built("trian").getSubcommands().keySet());
        assertEquals(all.keySet(), built("--version").getSubcommands().keySet());
        all.forEach((name, command) -> {
            assertEquals(name, command.getCommandSpec().userObject().getClass().getAnnotation(Command.class).name());
            if (!name.equals("help")) {
                assertEquals(Set.of(name), built("--debug", name, "train", "plan").getSubcommands().keySet());
                assertEquals(Outcome.of("help", name).out(), Outcome.of(name, "--help").out());
            }
        });
    }

    private static CommandLine built(String... arguments) {
        CommandLine line = new CommandLine(new Main());
        Commands.add(line, List.of(arguments));
        return line;
    }

    /** Each option under one heading, what is common to all commands last; the synopsis has only what must be given. */
    @Test
    void manyOptionsStandUnderHeadings() {
        List<String> help = Outcome.of("train", "--help").outLines();
        assertEquals("Usage: duet train [OPTIONS]", help.getFirst());
        assertEquals(List.of("What goes in and what comes out:", "Changes to the network, whose effects the paper measured:",
                "Devices and arithmetic:", "Training:", "Learning rate:", "What is done to the images:", "Output and help:", "Examples:"),
                help.stream().filter(line -> line.matches("[A-Z].*:")).toList());
        List<String> options = help.stream().filter(line -> line.matches("(  -., | {6})--.*"))
                .map(line -> line.substring(6).split("[ =]")[0]).toList();
        assertEquals(options.size(), options.stream().distinct().count(), options.toString());
        assertTrue(options.size() > 40, options.toString());
        assertTrue(options.indexOf("--lr-policy") < options.indexOf("--[no-]mirror")
                && options.indexOf("--[no-]mirror") < options.indexOf("--json"));
        assertTrue(Outcome.of("help", "neighbours").out().startsWith("Usage: duet neighbours [OPTIONS] -o=FILE RUN [IMAGE...]"));
        assertTrue(Outcome.of("help", "predict").out().startsWith("Usage: duet predict [OPTIONS] RUN IMAGE..."));
        assertTrue(Outcome.of("help", "export").out().startsWith("Usage: duet export [OPTIONS] RUN FILE"));
        assertTrue(help.stream().allMatch(line -> line.length() <= 80), "80 columns where there is no terminal");
    }

    /** One object a line, or the help says otherwise. */
    @Test
    void jsonIsOneObjectALineUnlessTheHelpSaysOtherwise() {
        for (String command : List.of("networks --json", "plan --json", "devices --json")) {
            for (String line : Outcome.of(command.split(" ")).outLines()) {
                assertTrue(line.startsWith("{") && line.endsWith("}"), command + ": " + line);
            }
        }
        assertTrue(Outcome.of("networks", "alexnet", "--json").outLines().size() > 1);
        assertTrue(Outcome.of("help", "networks").out().replaceAll("\\s+", " ").contains("over several lines"));
    }

    @Test
    void versionIsFilledIn() {
        Outcome outcome = Outcome.of("--version");
        assertEquals(0, outcome.code());
        assertTrue(outcome.outLines().getFirst().matches("duet \\d+\\.\\d+.*"), outcome.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "train --bacth 3           | unknown option '--bacth'; did you mean --batch?",
            "train --no-shufle         | unknown option '--no-shufle'; did you mean --no-shuffle",
            "trian                     | unknown command 'trian'; did you mean",
            "data inf                  | unknown command 'inf'; did you mean info?",
            "help trian                | unknown command 'trian'; did you mean",
            "help data inf             | unknown command 'inf'; did you mean info?",
            "train more                | 'more' is one argument too many",
            "train --batch             | missing required parameter for option '--batch' (N)",
            "train --batch 1 --batch 2 | option '--batch' (N) should be specified only once",
            "evaluate x --views 3      | invalid value for option '--views': '3' is neither 1 nor 10",
            "predict --checkpoint x    | name a training's output folder or a checkpoint, and what to look at: ./duet predict RUN IMAGE...",
    })
    void usageErrorsSaySoAndSuggest(String command, String sentence) {
        Outcome outcome = Outcome.of(command.split(" +"));
        assertEquals(2, outcome.code(), outcome.toString());
        assertEquals("", outcome.out());
        assertEquals(1, outcome.errLines().size(), outcome.err());
        assertTrue(outcome.err().startsWith("duet: " + sentence), outcome.err());
        assertTrue(outcome.err().contains("--help' shows what can be given"), outcome.err());
    }

    @Test
    void withoutACommandItSaysWhichThereAre() {
        Outcome outcome = Outcome.of();
        assertEquals(2, outcome.code());
        assertTrue(outcome.err().startsWith("duet: say what to do: train, evaluate,"), outcome.err());
    }
}
