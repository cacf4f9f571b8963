/**
 * Options that several commands have in common, and what they mean: devices, networks, rates, augmentation. The commands mix them in as
 * fields; picocli sets them.
 *
 * <p>Read {@link duet.cli.options.DeviceOptions} first, then {@link duet.cli.options.TrainingArguments}, which makes a training's options
 * from a network's recipe and what was given on the command line.
 */
package duet.cli.options;
