/**
 * The command {@code duet}: where the process starts and ends. The script {@code duet} runs {@link duet.cli.Main}, which hands over to a
 * class of {@code duet.cli.commands}; failures become one sentence and an exit code.
 *
 * <p>Read {@link duet.cli.Main} first. {@code commands} has a class for each subcommand, {@code options} the options that several of them
 * share, {@code output} what people and programs see, {@code bench} the files and reports of measurements.
 */
package duet.cli;
