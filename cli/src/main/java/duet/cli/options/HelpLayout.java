package duet.cli.options;

import java.lang.reflect.Field;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Layout;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The help of a command with many options: they stand under headings, and the synopsis has only what must be given. */
public final class HelpLayout {
    /** So many can be read without headings. */
    private static final int FEW = 10;
    private static final int LONGEST_NAME = 30;

    private HelpLayout() {}

    /** For a command and all below it. */
    public static void apply(CommandLine line) {
        CommandSpec command = line.getCommandSpec();
        command.usageMessage().longOptionsMaxWidth(LONGEST_NAME);
        if (command.options().size() > FEW) {
            if (command.usageMessage().customSynopsis().length == 0) {
                command.usageMessage().customSynopsis(synopsis(command));
            }
            line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpLayout::options);
        }
        line.getSubcommands().values().forEach(HelpLayout::apply);
    }

    private static String synopsis(CommandSpec command) {
        String required = command.options().stream().filter(OptionSpec::required)
                .map(option -> " " + option.shortestName() + "=" + option.paramLabel()).collect(Collectors.joining());
        String positional = command.positionalParameters().stream().map(HelpLayout::word).collect(Collectors.joining());
        return command.qualifiedName() + " [OPTIONS]" + required + positional
                + (command.subcommands().isEmpty() ? "" : " [COMMAND]");
    }

    private static String word(ArgSpec parameter) {
        String word = parameter.paramLabel() + (parameter.isMultiValue() ? "..." : "");
        return parameter.required() ? " " + word : " [" + word + "]";
    }

    private static String options(Help help) {
        Map<String, List<OptionSpec>> groups = help.commandSpec().options().stream().filter(option -> !option.hidden())
                .collect(Collectors.groupingBy(HelpLayout::heading, LinkedHashMap::new, Collectors.toList()));
        groups.put(Heading.OUTPUT, groups.remove(Heading.OUTPUT)); // last
        StringBuilder text = new StringBuilder();
        groups.forEach((heading, options) -> {
            // made for all options, so that the columns of all groups are alike
            Layout layout = help.createDefaultLayout(help.commandSpec().options(), List.of(), help.colorScheme());
            layout.addOptions(options, help.createDefaultParamLabelRenderer());
            text.append(String.format("%n%s:%n%s", heading, layout));
        });
        return text.toString();
    }

    /** What nothing is said about are the options that every command has. */
    private static String heading(OptionSpec option) {
        if (!(option.userObject() instanceof Field field)) {
            return Heading.OUTPUT;
        }
        Heading own = field.getAnnotation(Heading.class);
        Heading shared = field.getDeclaringClass().getAnnotation(Heading.class);
        return own != null ? own.value() : shared != null ? shared.value()
                : field.getDeclaringClass().getName().startsWith("duet.cli.commands.") ? Heading.RUN : Heading.OUTPUT;
    }
}
