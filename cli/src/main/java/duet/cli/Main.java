package duet.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;

import duet.cli.commands.BenchCommand;
import duet.cli.commands.DataCommand;
import duet.cli.commands.DevicesCommand;
import duet.cli.commands.EvaluateCommand;
import duet.cli.commands.ExportCommand;
import duet.cli.commands.FeaturesCommand;
import duet.cli.commands.HelpCommand;
import duet.cli.commands.ImportCommand;
import duet.cli.commands.KernelsCommand;
import duet.cli.commands.NeighboursCommand;
import duet.cli.commands.NetworksCommand;
import duet.cli.commands.PictureCommand;
import duet.cli.commands.PlanCommand;
import duet.cli.commands.PlotCommand;
import duet.cli.commands.PredictCommand;
import duet.cli.commands.ReluTanhCommand;
import duet.cli.commands.TrainCommand;
import duet.cli.commands.WatchCommand;
import duet.cli.options.HelpLayout;
import duet.cli.output.ExitCode;
import duet.cli.output.Failures;
import duet.cli.output.Processes;
import duet.cli.output.Version;
import duet.cli.output.WatchedStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command {@code duet}. Each subcommand has a class of its own. */
@Command(
        name = "duet",
        description = "Trains and runs AlexNet the way it was first trained in 2012: on two devices that work in concert.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
                TrainCommand.class, EvaluateCommand.class, PredictCommand.class, WatchCommand.class, PlanCommand.class,
                DevicesCommand.class, KernelsCommand.class, DataCommand.class, NetworksCommand.class, FeaturesCommand.class,
                NeighboursCommand.class,
                PlotCommand.class, PictureCommand.class, ReluTanhCommand.class, ExportCommand.class, ImportCommand.class,
                BenchCommand.class, HelpCommand.class
        },
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        usageHelpAutoWidth = true)
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show stack traces of errors (also: DUET_DEBUG=1).")
    @SuppressWarnings("UnusedVariable") // also read when the arguments cannot be parsed: from their text
    private boolean debug;

    public static void main(String[] arguments) {
        if (!Processes.begin(List.of(arguments))) {
            System.exit(ExitCode.DONE);
        }
        WatchedStream standardOutput = new WatchedStream(new FileOutputStream(FileDescriptor.out));
        PrintWriter out = new PrintWriter(standardOutput, false, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        StringWriter kept = new StringWriter(); // of a process that leaves speaking to another
        int code = Processes.first() ? run(out, err, arguments)
                : run(new PrintWriter(Writer.nullWriter()), new PrintWriter(kept, true), arguments);
        out.flush();
        code = Processes.end(code, kept.toString(), err);
        if (standardOutput.failure() != null && code == ExitCode.DONE) {
            code = standardOutput.hungUp() ? ExitCode.HUNG_UP : ExitCode.FAILED;
        }
        if (standardOutput.failure() != null && !standardOutput.hungUp()) {
            err.println("duet: standard output cannot be written: " + standardOutput.failure().getMessage());
        }
        System.exit(code);
    }

    /** Runs a command in this process and returns its exit code. */
    static int run(PrintWriter out, PrintWriter err, String... arguments) {
        CommandLine line = new CommandLine(new Main());
        HelpLayout.apply(line);
        line.setOut(out);
        line.setErr(err);
        Failures failures = new Failures();
        line.setExecutionExceptionHandler(failures);
        line.setParameterExceptionHandler(failures);
        try {
            return line.execute(arguments);
        } catch (Error e) { // picocli hands over exceptions only
            return failures.handleError(e, line, arguments);
        }
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Say what to do: " + String.join(", ", spec.subcommands().keySet()));
    }
}
