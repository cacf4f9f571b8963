package duet.cli.commands;

import java.util.List;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

@Command(
        name = "help",
        description = "Shows what a command does and its options, as --help after it does; alone, which commands there are.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet help",
                "  ./duet help train",
                "  ./duet help picture activations"
        })
public final class HelpCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "Its name, such as train or data info.")
    private List<String> names = List.of();

    @Override
    public void run() {
        CommandLine command = spec.commandLine().getParent();
        for (String name : names) {
            CommandLine next = command.getSubcommands().get(name);
            if (next == null) {
                throw new UnmatchedArgumentException(command, List.of(name));
            }
            command = next;
        }
        command.usage(spec.commandLine().getOut());
    }
}
