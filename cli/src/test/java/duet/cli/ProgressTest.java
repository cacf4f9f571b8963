package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.cli.output.Output;
import duet.cli.output.Progress;
import duet.train.output.Metrics;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class ProgressTest {
    /** Pretends to train for three steps and a validation. */
    @Command(name = "pretend")
    static final class Pretend implements Callable<Integer> {
        @Mixin
        private Output output;

        @Override
        public Integer call() {
            try (Progress progress = Progress.create(output, 8, 10)) {
                progress.started(0, 3, 3);
                for (int step = 1; step <= 3; step++) {
                    progress.step(new Metrics("train", step, step / 3.0, 2.5 - step, 0.25, 0.75, 0.01, 100));
                }
                progress.validating(5, 10);
                progress.warning("the loss does not move");
                progress.validated(new Metrics("validation", 3, 1, 0.5, 0.9142, 0.99, 0.01, 1000));
            }
            return output.failed() ? 1 : 0;
        }
    }

    private static Outcome pretend(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = new CommandLine(new Pretend()).setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        return new Outcome(line.execute(arguments), out.toString(), err.toString());
    }

    @Test
    void plainLinesTellFirstAndLastStepAndValidation() {
        Outcome outcome = pretend();
        assertEquals(List.of(
                "step 1/3, epoch 0.33: loss 1.5000, top-1 25.00 %, 100 images/s",
                "step 3/3, epoch 1.00: loss 0.0000, top-1 25.00 %, 100 images/s",
                "validation at step 3, epoch 1.00: loss 0.5000, top-1 91.42 %, top-5 99.00 %"), outcome.outLines());
        assertEquals("duet: warning: the loss does not move", outcome.err().strip());
    }

    @Test
    void jsonHasEveryStep() throws Exception {
        Outcome outcome = pretend("--json");
        assertEquals(4, outcome.outLines().size());
        JsonNode last = new ObjectMapper().readTree(outcome.outLines().getLast());
        assertEquals("validation", last.get("event").textValue());
        assertEquals(0.9142, last.get("top1").doubleValue());
        List<String> names = new java.util.ArrayList<>();
        last.fieldNames().forEachRemaining(names::add);
        assertEquals(List.of("event", "step", "epoch", "loss", "top1", "top5", "learningRate", "imagesPerSecond"), names);
    }

    @Test
    void quietShowsWarningsOnly() {
        Outcome outcome = pretend("--quiet");
        assertEquals("", outcome.out());
        assertTrue(outcome.err().contains("the loss does not move"), outcome.err());
    }
}
