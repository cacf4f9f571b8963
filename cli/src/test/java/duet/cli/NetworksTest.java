package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;

import duet.model.Ablation;
import duet.model.Networks;
import duet.net.NetworkJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Named networks and their changes on the command line. */
class NetworksTest {
    @TempDir
    private Path temporary;

    @Test
    void everyNetworkIsListedAndShown() {
        Outcome list = Outcome.of("networks");
        for (String name : Networks.names()) {
            assertTrue(list.outLines().stream().anyMatch(line -> line.startsWith(name + ": ")), name + " in " + list);
            Outcome table = Outcome.of("networks", name);
            assertEquals(0, table.code(), table::toString);
            assertTrue(table.outLines().getFirst().startsWith(name + ": input "), table::toString);
            assertTrue(table.outLines().stream().anyMatch(line -> line.matches("conv1 +convolution .*")), table::toString);
            Outcome json = Outcome.of("networks", name, "--json");
            assertEquals(Networks.create(name), NetworkJson.parse(json.out(), name));
        }
    }

    @Test
    void changesAreShownPlannedAndTrained() {
        Outcome json = Outcome.of("networks", "alexnet-small", "--no-lrn", "--no-communication", "--json");
        assertEquals(Ablation.NO_LRN.apply(Ablation.NO_COMMUNICATION.apply(Networks.create("alexnet-small"))),
                NetworkJson.parse(json.out(), "json"));
        Outcome plan = Outcome.of("plan", "--net", "alexnet-small", "--non-overlapping-pooling", "--nonlinearity", "tanh");
        assertEquals(0, plan.code(), plan::toString);
        assertTrue(plan.out().contains("alexnet-small-non-overlapping-pooling-tanh"), plan::toString);
        Outcome compared = Outcome.of("plan", "--net", "zfnet", "--compare", "--devices", "cpu,cpu,cpu,cpu", "--parts", "8");
        assertEquals(0, compared.code(), compared::toString);
        assertTrue(compared.out().matches("(?s).*\none .*\nhalves .*\ndata  +4 .*\nhybrid  +4 .*\nnot towers: norm1: .*"),
                compared::toString);
        Outcome rounds = Outcome.of("plan", "--net", "zfnet", "--compare", "--devices", "cpu,cpu", "--rounds", "2");
        assertTrue(rounds.out().matches("(?s).*\nhybrid  +2 .*\nhybrid --rounds 2  +2 .*"), rounds::toString);
        for (String wrong : List.of("--compare --dot", "--compare --placement halves", "--placement data --parts 3 --devices cpu,cpu")) {
            assertEquals(2, Outcome.of(("plan " + wrong).split(" ")).code(), wrong);
        }
        Outcome train = Outcome.of("train", "--one-column", "--data", Runs.DATA, "--threads", "2", "--batch", "8", "--steps", "2",
                "--out", temporary.resolve("run").toString());
        assertEquals(0, train.code(), train::toString);
        assertTrue(train.out().contains("network    alexnet-small-one-column, ") && train.out().contains("one device"), train::toString);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "networks --no-lrn                                   | 2 | duet: say which network the options are for",
            "networks alexnet --one-column --no-communication    | 2 | duet: --one-column and --no-communication exclude each other",
            "networks alexnet --nonlinearity sigmoid             | 2 | duet: invalid value for option '--nonlinearity': 'sigmoid' is "
                    + "neither 'relu' nor",
            "networks alexnet-owt --no-lrn                       | 2 | duet: network alexnet-owt: no-lrn changes nothing in it",
            "train --schedule orginal-2012 | 2 | duet: invalid value for option '--schedule': there is no schedule called orginal-2012; "
                    + "did you mean",
            "train --schedule none.json    | 2 | duet: invalid value for option '--schedule': there is no schedule file none.json",
            "train --schedule original-2012 --lr-policy constant --data synthetic:1x28x28:10:8 | 2 | duet: --lr-policy and --schedule "
                    + "exclude each other",
            "train --schedule cifar-18pct --data synthetic:1x28x28:10:8 --out none | 1 | duet: the schedule has a rate for the layer fc4, "
                    + "but alexnet-small",
            "plan --net zfnet --placement towers                 | 2 | duet: norm1: 2 towers do not divide 1 group of normalised channels",
    })
    void whatCannotBeSaysWhy(String command, int code, String sentence) {
        Outcome outcome = Outcome.of(command.split(" +"));
        assertEquals(code, outcome.code(), outcome::toString);
        assertTrue(outcome.err().startsWith(sentence), outcome::toString);
    }
}
