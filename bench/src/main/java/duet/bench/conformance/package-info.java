/**
 * Asks a device what it makes of each form of PTX instruction that the kernels use, and of each misuse of the driver. A real card's
 * answers are kept under {@code bench/gpu/answers}; the virtual GPU has to give the same. Started by {@code bench/gpu/run.sh} and by the
 * tests.
 *
 * <p>Read {@link duet.bench.conformance.Conformance} first, then {@code KernelText}, which writes a small kernel for each form.
 */
package duet.bench.conformance;
