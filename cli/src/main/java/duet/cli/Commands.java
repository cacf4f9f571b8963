package duet.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
import duet.cli.commands.ServeCommand;
import duet.cli.commands.TrainCommand;
import duet.cli.commands.WatchCommand;
import picocli.CommandLine;

/** The subcommands of {@code duet}, in the order of its help. */
final class Commands {
    /** Shows what others can do, so it needs all of them. */
    private static final String HELP = "help";
    private static final Map<String, Class<?>> ALL = all();

    private Commands() {}

    private static Map<String, Class<?>> all() {
        Map<String, Class<?>> all = new LinkedHashMap<>();
        all.put("train", TrainCommand.class);
        all.put("evaluate", EvaluateCommand.class);
        all.put("predict", PredictCommand.class);
        all.put("serve", ServeCommand.class);
        all.put("watch", WatchCommand.class);
        all.put("plan", PlanCommand.class);
        all.put("devices", DevicesCommand.class);
        all.put("kernels", KernelsCommand.class);
        all.put("data", DataCommand.class);
        all.put("networks", NetworksCommand.class);
        all.put("features", FeaturesCommand.class);
        all.put("neighbours", NeighboursCommand.class);
        all.put("plot", PlotCommand.class);
        all.put("picture", PictureCommand.class);
        all.put("relu-tanh", ReluTanhCommand.class);
        all.put("export", ExportCommand.class);
        all.put("import", ImportCommand.class);
        all.put("bench", BenchCommand.class);
        all.put(HELP, HelpCommand.class);
        return all;
    }

    /**
     * Adds the command that the arguments begin with alone: to read the annotations of all of them takes longer than most short commands.
     * Adds all of them where the arguments begin with none.
     */
    static void add(CommandLine line, List<String> arguments) {
        String first = arguments.stream().filter(word -> !word.startsWith("-")).findFirst().orElse(HELP);
        if (ALL.containsKey(first) && !first.equals(HELP)) {
            line.addSubcommand(first, ALL.get(first));
        } else {
            ALL.forEach(line::addSubcommand);
        }
    }
}
