/**
 * Measurements as {@code duet bench} takes, stores and compares them: Duet and other engines in turns, their spread, and the roofline of
 * kernels. Called by the commands {@code bench}, {@code bench compare} and {@code bench roofline}.
 *
 * <p>Read {@link duet.cli.bench.BenchResult} first, then {@link duet.cli.bench.BenchFile}; {@code bench/README.md} describes the files.
 */
package duet.cli.bench;
