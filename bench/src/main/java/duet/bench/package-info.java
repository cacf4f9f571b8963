/**
 * JMH benchmarks of kernels, calls and plans, and programs that measure whole training steps on a card. Started by
 * {@code bench/README.md}'s commands, by {@code bench/gpu/run.sh}, and never by the product.
 *
 * <p>Read {@link duet.bench.KernelBenchmark} first, then {@code KernelCatalog}, which takes the kernels to be measured out of a plan, and
 * {@link duet.bench.KernelReport}, which makes a file of the results for {@code duet bench compare}.
 */
package duet.bench;
