/**
 * The subcommands, a class each: picocli fills its fields with the arguments, {@code call} does the work with the engine and returns the
 * exit code. {@link duet.cli.Main} lists them.
 *
 * <p>Read {@link duet.cli.commands.TrainCommand} first, then {@code TrainingConsole}, which runs one training from its first line to its
 * last. A new command is a class here, named in {@link duet.cli.Main} (or in its parent, such as
 * {@link duet.cli.commands.DataCommand}), with a test that runs it and a line in the cli's README.
 */
package duet.cli.commands;
