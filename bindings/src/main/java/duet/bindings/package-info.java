/**
 * Finds native libraries, and says in a sentence why one cannot be used. The packages below hold classes that jextract has generated from
 * the C headers; they are never edited by hand. The engine's backends ask {@link duet.bindings.NativeLibraries#problem} first; then they
 * call generated functions, which look their symbols up by {@link duet.bindings.NativeLibraries#lookup}.
 *
 * <p>Read {@link duet.bindings.NativeLibraries} first, then {@link duet.bindings.CpuVariant} (which build of the CPU kernels),
 * {@link duet.bindings.CudaLibrary} (a card's driver or the virtual GPU) and {@link duet.bindings.KernelCode} (the kernels' PTX). <b>A new
 * native function</b> is named in the {@code .args} file of its header; {@code bindings/generate.sh} makes the class again.
 */
package duet.bindings;
