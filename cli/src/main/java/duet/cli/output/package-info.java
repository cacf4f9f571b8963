/**
 * What people and programs see of a command: results, progress, warnings, exit codes. Results go to standard output and the rest to
 * standard error; with {@code --json} standard output has one JSON object a line, with {@code --quiet} nothing but results, warnings and
 * errors. Used by all commands.
 *
 * <p>Read {@link duet.cli.output.Output} first, then {@link duet.cli.output.Progress} for the ways a training is shown.
 */
package duet.cli.output;
