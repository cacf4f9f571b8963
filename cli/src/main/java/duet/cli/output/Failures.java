package duet.cli.output;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

import duet.data.DataException;
import duet.device.DeviceException;
import duet.files.FileException;
import duet.files.Reasons;
import duet.model.ModelFileException;
import duet.model.SafetensorsException;
import duet.net.NetworkException;
import duet.train.schedule.TrainingException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one sentence on standard error and an exit code. */
public final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {

    @Override
    public int handleParseException(ParameterException problem, String[] arguments) {
        CommandLine command = problem.getCommandLine();
        String sentence = usageSentence(problem) + " ('./" + command.getCommandSpec().qualifiedName() + " --help' shows what can be given)";
        report(command, sentence, problem, List.of(arguments).contains("--debug"));
        return ExitCode.BAD_USAGE;
    }

    @Override
    public int handleExecutionException(Exception problem, CommandLine command, ParseResult parsed) {
        if (problem instanceof ParameterException usage) {
            return handleParseException(usage, parsed.originalArgs().toArray(String[]::new));
        }
        report(command, sentence(problem), problem, parsed.originalArgs().contains("--debug"));
        return switch (problem) {
            case CommandFailure failure -> failure.exitCode();
            case DeviceException device -> Processes.code(device);
            default -> ExitCode.FAILED;
        };
    }

    public int handleError(Error problem, CommandLine command, String[] arguments) {
        report(command, sentence(problem), problem, List.of(arguments).contains("--debug"));
        return ExitCode.FAILED;
    }

    /** What a person is told of a problem that the engine or the machine reports. */
    public static String sentence(Throwable problem) {
        return switch (problem) {
            case CommandFailure e -> oneLine(e.getMessage());
            case NetworkException e -> oneLine(e.getMessage());
            case DataException e -> oneLine(e.getMessage());
            case FileException e -> oneLine(e.getMessage());
            case DeviceException e -> oneLine(e.getMessage());
            case ModelFileException e -> oneLine(e.getMessage());
            case SafetensorsException e -> oneLine(e.getMessage());
            case TrainingException e -> oneLine(e.getMessage());
            case InvalidPathException e -> oneLine(Reasons.of(e));
            case UncheckedIOException e -> fileSentence(e.getCause());
            case IOException e -> fileSentence(e);
            case OutOfMemoryError e ->
                "Java ran out of memory (" + e.getMessage() + "); use a smaller --batch where the command has one, or give Java more by "
                        + "JAVA_TOOL_OPTIONS=-Xmx4g";
            default -> "this is a bug in duet: " + problem.getClass().getName()
                    + (problem.getMessage() == null ? "" : ": " + oneLine(problem.getMessage()))
                    + " (with --debug the command prints where it happened; please report that)";
        };
    }

    private static String fileSentence(IOException problem) {
        boolean named = problem instanceof FileSystemException e && e.getFile() != null;
        return (named ? ((FileSystemException) problem).getFile() : "a file cannot be read or written") + ": "
                + oneLine(Reasons.of(problem));
    }

    private static void report(CommandLine command, String sentence, Throwable problem, boolean debug) {
        PrintWriter err = command.getErr();
        err.println("duet: " + sentence);
        if (debug || "1".equals(System.getenv("DUET_DEBUG"))) {
            problem.printStackTrace(err);
        }
        err.flush();
    }

    private static String usageSentence(ParameterException problem) {
        if (!(problem instanceof UnmatchedArgumentException unmatched)) {
            return uncapitalize(withoutFullStop(oneLine(problem.getMessage())));
        }
        String first = unmatched.getUnmatched().getFirst();
        try {
            Path _ = Path.of(first); // picocli gives up on a list of files at the first that cannot be one
        } catch (InvalidPathException e) {
            return oneLine(Reasons.of(e));
        }
        String word = "'" + first + "'";
        boolean commandExpected = !problem.getCommandLine().getSubcommands().isEmpty();
        String what = unmatched.isUnknownOption() ? "unknown option " + word
                : commandExpected ? "unknown command " + word
                : word + " is one argument too many";
        List<String> similar = unmatched.isUnknownOption() || commandExpected ? similar(unmatched) : List.of();
        return what + (similar.isEmpty() ? "" : similar.stream().limit(3).collect(Collectors.joining(" or ", "; did you mean ", "?")));
    }

    /** picocli does not compare with the negated names of switches. */
    private static List<String> similar(UnmatchedArgumentException unmatched) {
        String word = unmatched.getUnmatched().getFirst();
        if (!word.startsWith("--no-")) {
            return unmatched.getSuggestions();
        }
        String positive = word.replaceFirst("--no-", "--");
        return new UnmatchedArgumentException(unmatched.getCommandLine(), List.of(positive)).getSuggestions().stream()
                .filter(name -> {
                    OptionSpec option = unmatched.getCommandLine().getCommandSpec().findOption(name);
                    return option != null && option.negatable();
                })
                .map(name -> name.replaceFirst("--", "--no-")).toList();
    }

    private static String oneLine(String text) {
        return text == null ? "" : text.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    private static String withoutFullStop(String text) {
        return text.endsWith(".") && !text.endsWith("...") ? text.substring(0, text.length() - 1) : text;
    }

    private static String uncapitalize(String text) {
        return text.isEmpty() ? text : text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
    }
}
