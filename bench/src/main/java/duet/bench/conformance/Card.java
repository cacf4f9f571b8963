package duet.bench.conformance;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.CudaLibrary;
import duet.bindings.cuda.Cuda;

/** A device by the driver's functions alone, without the engine: what is asked here is how the driver itself behaves. */
public final class Card implements AutoCloseable {
    /** Lives as long as this. */
    public final Arena arena = Arena.ofConfined();
    final MemorySegment context;
    public final MemorySegment stream;
    private final int device;

    /** @param name such as {@code cuda:0} or {@code virtual:0} */
    public Card(String name) {
        if (!name.matches("(cuda|virtual):\\d+")) {
            throw new IllegalArgumentException(name + " is no device: use cuda:N or virtual:N");
        }
        CudaLibrary.choose(virtual(name) ? CudaLibrary.Kind.VIRTUAL : CudaLibrary.Kind.DRIVER).ifPresent(problem -> {
            throw new IllegalStateException(problem);
        });
        check(Cuda.cuInit(0), "cuInit");
        MemorySegment number = arena.allocate(JAVA_INT);
        check(Cuda.cuDeviceGet(number, Integer.parseInt(name.substring(name.indexOf(':') + 1))), "cuDeviceGet");
        device = number.get(JAVA_INT, 0);
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        check(Cuda.cuDevicePrimaryCtxRetain(pointer, device), "cuDevicePrimaryCtxRetain");
        context = pointer.get(Cuda.C_POINTER, 0);
        check(Cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent");
        stream = newStream();
    }

    public static boolean virtual(String name) {
        return name.startsWith("virtual");
    }

    /** Throws unless a function of the driver has answered that all is well. */
    public static void check(int result, String function) {
        if (result != Cuda.CUDA_SUCCESS()) {
            throw new IllegalStateException(function + " answers " + result);
        }
    }

    public String model() {
        MemorySegment text = arena.allocate(256);
        check(Cuda.cuDeviceGetName(text, 256, device), "cuDeviceGetName");
        return text.getString(0);
    }

    public int driverVersion() {
        MemorySegment number = arena.allocate(JAVA_INT);
        check(Cuda.cuDriverGetVersion(number), "cuDriverGetVersion");
        return number.get(JAVA_INT, 0);
    }

    public String computeCapability() {
        return attribute(Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR()) + "."
                + attribute(Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR());
    }

    public int multiprocessors() {
        return attribute(Cuda.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT());
    }

    private int attribute(int attribute) {
        MemorySegment number = arena.allocate(JAVA_INT);
        check(Cuda.cuDeviceGetAttribute(number, attribute, device), "cuDeviceGetAttribute");
        return number.get(JAVA_INT, 0);
    }

    MemorySegment newStream() {
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        check(Cuda.cuStreamCreate(pointer, Cuda.CU_STREAM_NON_BLOCKING()), "cuStreamCreate");
        return pointer.get(Cuda.C_POINTER, 0);
    }

    /** Device memory; {@code cuMemFree_v2} gives it back. */
    public long allocate(long bytes) {
        MemorySegment address = arena.allocate(JAVA_LONG);
        check(Cuda.cuMemAlloc_v2(address, bytes), "cuMemAlloc");
        return address.get(JAVA_LONG, 0);
    }

    /** The result of loading PTX; the handle is put into {@code module}. */
    int load(String ptx, MemorySegment module) {
        return Cuda.cuModuleLoadDataEx(module, arena.allocateFrom(ptx), 0, MemorySegment.NULL, MemorySegment.NULL);
    }

    /** A module from PTX, which ends with a zero byte, or from a cubin. */
    public MemorySegment module(byte[] image) {
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        MemorySegment bytes = arena.allocate(image.length, 16).copyFrom(MemorySegment.ofArray(image));
        check(Cuda.cuModuleLoadDataEx(pointer, bytes, 0, MemorySegment.NULL, MemorySegment.NULL), "cuModuleLoadDataEx");
        return pointer.get(Cuda.C_POINTER, 0);
    }

    /** A kernel of a module. */
    public MemorySegment function(MemorySegment module, String name) {
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        check(Cuda.cuModuleGetFunction(pointer, module, arena.allocateFrom(name)), "cuModuleGetFunction");
        return pointer.get(Cuda.C_POINTER, 0);
    }

    MemorySegment function(String ptx, String name) {
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        check(load(ptx, pointer), "cuModuleLoadDataEx");
        MemorySegment module = pointer.get(Cuda.C_POINTER, 0);
        check(Cuda.cuModuleGetFunction(pointer, module, arena.allocateFrom(name)), "cuModuleGetFunction");
        return pointer.get(Cuda.C_POINTER, 0);
    }

    /** A launch of one-dimensional blocks with all arguments in one buffer. */
    public int launch(MemorySegment function, int blocks, int threads, int sharedBytes, MemorySegment arguments) {
        MemorySegment extra = arena.allocate(Cuda.C_POINTER, 5);
        extra.setAtIndex(Cuda.C_POINTER, 0, Cuda.CU_LAUNCH_PARAM_BUFFER_POINTER());
        extra.setAtIndex(Cuda.C_POINTER, 1, arguments);
        extra.setAtIndex(Cuda.C_POINTER, 2, Cuda.CU_LAUNCH_PARAM_BUFFER_SIZE());
        extra.setAtIndex(Cuda.C_POINTER, 3, arena.allocateFrom(JAVA_LONG, arguments.byteSize()));
        extra.setAtIndex(Cuda.C_POINTER, 4, Cuda.CU_LAUNCH_PARAM_END());
        return Cuda.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, sharedBytes, stream, MemorySegment.NULL, extra);
    }

    /** The answers of a form's kernel, for each case as many as it has. */
    long[][] run(KernelText.Kernel kernel) {
        int cases = kernel.operands().length;
        int lanes = Math.ceilDiv(cases, KernelText.LANES) * KernelText.LANES;
        long bytes = (long) lanes * KernelText.BYTES;
        MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
        check(load(kernel.text(), pointer), "cuModuleLoadDataEx of the kernel for " + kernel.form());
        MemorySegment module = pointer.get(Cuda.C_POINTER, 0);
        check(Cuda.cuModuleGetFunction(pointer, module, arena.allocateFrom(KernelText.NAME)), "cuModuleGetFunction");
        MemorySegment function = pointer.get(Cuda.C_POINTER, 0);
        MemorySegment host = arena.allocate(bytes, 16);
        for (int i = 0; i < cases; i++) {
            for (int k = 0; k < Operands.WORDS; k++) {
                host.setAtIndex(JAVA_LONG, (long) i * Operands.WORDS + k, kernel.operands()[i][k]);
            }
        }
        long in = allocate(bytes);
        long out = allocate(bytes);
        MemorySegment arguments = arena.allocate(16 + KernelText.BYTES, 16);
        arguments.setAtIndex(JAVA_LONG, 0, in);
        arguments.setAtIndex(JAVA_LONG, 1, out);
        MemorySegment.copy(host, 0, arguments, 16, KernelText.BYTES);
        check(Cuda.cuMemcpyHtoDAsync_v2(in, host, bytes, stream), "cuMemcpyHtoDAsync");
        check(Cuda.cuMemsetD8Async(out, (byte) 0, bytes, stream), "cuMemsetD8Async");
        check(launch(function, lanes / KernelText.LANES, KernelText.LANES, 0, arguments),
                "cuLaunchKernel of the kernel for " + kernel.form());
        check(Cuda.cuMemcpyDtoHAsync_v2(host, out, bytes, stream), "cuMemcpyDtoHAsync");
        check(Cuda.cuStreamSynchronize(stream), "cuStreamSynchronize after the kernel for " + kernel.form());
        long[][] answers = new long[cases][kernel.answers()];
        for (int i = 0; i < cases; i++) {
            for (int k = 0; k < kernel.answers(); k++) {
                answers[i][k] = host.getAtIndex(JAVA_LONG, (long) i * Operands.WORDS + k);
            }
        }
        Cuda.cuMemFree_v2(in);
        Cuda.cuMemFree_v2(out);
        Cuda.cuModuleUnload(module);
        return answers;
    }

    @Override
    public void close() {
        Cuda.cuStreamDestroy_v2(stream);
        Cuda.cuDevicePrimaryCtxRelease_v2(device);
        arena.close();
    }
}
