/**
 * The CPU backend: devices that share the cores of this machine. Each has memory and a team of threads of its own, and a thread for each
 * stream that calls the native kernels in order. Nobody names these classes: {@link duet.device.Backends} finds
 * {@link duet.device.cpu.CpuProvider} as a service.
 *
 * <p>Read {@code CpuProgram} first, then {@code Lowering}: it turns each operation into a {@code NativeCall} with every pointer bound,
 * once, when a program is loaded. The kernels are {@code native/cpu}; {@code duet_cpu.h} declares them and describes their layout.
 *
 * <p>A new kernel is a function in a file or folder of {@code native/cpu} (named in its {@code CMakeLists.txt}), its declaration in
 * {@code duet_cpu.h} (which raises {@code DUET_CPU_ABI}), its name in {@code bindings/duet_cpu.args}, bindings made anew, and a case in
 * {@code Lowering}; if it needs workspace or another size, also in {@code CpuLayout}. {@code CpuOperationTest} compares it with the
 * reference on every instruction set that the processor has.
 */
package duet.device.cpu;
