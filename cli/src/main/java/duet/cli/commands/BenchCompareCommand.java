package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.bench.BenchFile;
import duet.cli.options.Numbers;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.text.Table;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "compare",
        description = "Compares measurements with earlier ones, by name. The exit status is 1 if any has become slower by more than the "
                + "tolerance.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet bench compare run.json bench/baselines/MACHINE.json",
                "  ./duet bench compare kernels.json bench/baselines/MACHINE.json --tolerance 0.2 --json"
        })
final class BenchCompareCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "A file by './duet bench -o' or of the kernels' benchmarks.")
    private Path run;

    @Parameters(index = "1", paramLabel = "BASELINE", description = "Such a file of an earlier time.")
    private Path baseline;

    @Option(names = "--tolerance", paramLabel = "X", defaultValue = "0.1", converter = Numbers.Fraction.class,
            description = "How much slower is not slower yet, as a fraction (default: ${DEFAULT-VALUE}).")
    private double tolerance;

    @Mixin
    private Output output;

    private record Row(BenchFile.Measurement now, BenchFile.Measurement then, double ratio) {}

    @Override
    public Integer call() {
        BenchFile now = BenchFile.read(run);
        BenchFile then = BenchFile.read(baseline);
        List<Row> rows = new ArrayList<>();
        now.measurements().forEach((name, measurement) -> {
            BenchFile.Measurement before = then.measurements().get(name);
            if (before != null && !before.unit().equals(measurement.unit())) {
                throw new CommandFailure(
                        name + " is in " + measurement.unit() + " in " + run + ", but in " + before.unit() + " in " + baseline
                                + ": measure it again for the baseline");
            }
            if (before != null) {
                rows.add(new Row(measurement, before, measurement.ratio(before)));
            }
        });
        if (rows.isEmpty()) {
            throw new CommandFailure(run + " and " + baseline + " have no measurement in common; the latter has: "
                    + String.join("; ", then.measurements().keySet()));
        }
        describe(now, then);
        if (output.json()) {
            rows.forEach(row -> output.object(object(row)));
        } else {
            table(rows).lines().forEach(output::result);
        }
        now.measurements().keySet().stream().filter(name -> !then.measurements().containsKey(name))
                .forEach(name -> output.say(name + ": not in the baseline"));
        return rows.stream().anyMatch(this::slower) ? ExitCode.FAILED : ExitCode.DONE;
    }

    private void describe(BenchFile now, BenchFile then) {
        if (!now.processor().equals(then.processor())) {
            output.warn("warning: these are different machines: " + now.processor() + ", and " + then.processor() + " for the baseline");
        }
        output.say("baseline of " + then.date() + (then.processor().isEmpty() ? "" : " on " + then.processor()));
        if (now.multiplyAddGflops() > 0 && then.multiplyAddGflops() > 0) {
            output.say(String.format(Locale.ROOT, "this machine against the baseline's: multiply-add peak %.2f times, memory %.2f times",
                    now.multiplyAddGflops() / then.multiplyAddGflops(), now.memoryGigabytes() / then.memoryGigabytes()));
        }
    }

    private boolean slower(Row row) {
        return row.ratio() < 1 - tolerance;
    }

    private Table table(List<Row> rows) {
        Table table = new Table("lrrlrl");
        table.row("", "baseline", "now", "", "ratio", "");
        rows.forEach(row -> table.row(row.now().name(), Text.rate(row.then().value()), Text.rate(row.now().value()), row.now().unit(),
                String.format(Locale.ROOT, "%.2f", row.ratio()),
                slower(row) ? "SLOWER" : row.ratio() > 1 / (1 - tolerance) ? "faster" : ""));
        return table;
    }

    private Map<String, Object> object(Row row) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("name", row.now().name());
        object.put("unit", row.now().unit());
        object.put("baseline", row.then().value());
        object.put("now", row.now().value());
        object.put("ratio", row.ratio());
        object.put("slower", slower(row));
        return object;
    }
}
