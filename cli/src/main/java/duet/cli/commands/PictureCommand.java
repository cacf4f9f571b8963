package duet.cli.commands;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(name = "picture",
        description = "Draws a trained network: its first filters, what a layer makes of an image, what the features of a layer look for.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {PictureFiltersCommand.class, PictureActivationsCommand.class, PictureDeconvolutionCommand.class})
public final class PictureCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Say what to do: " + String.join(", ", spec.subcommands().keySet()));
    }
}
