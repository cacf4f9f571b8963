package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.THREADS;
import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

import duet.bindings.cuda.kernels.duet_norm_pool;
import duet.bindings.cuda.kernels.duet_response_norm;
import duet.device.DeviceException;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.device.cuda.driver.KernelCall;

/** Launches for response norms, by themselves and with the pooling beside them. None needs scratch memory. */
final class NormLowering {
    private NormLowering() {}

    /** Shared memory that any launch may have. */
    private static final int SHARED_LIMIT = 48 << 10;
    private static final int VECTOR_BYTES = 16;
    private static final int WARP = 32;
    private static final int FUSED_FORWARD_THREADS = 512;
    /** Of a block whose groups lie in warps: registers for five blocks a multiprocessor. */
    private static final int FUSED_BACKWARD_WARP_THREADS = 128;
    /** Blocks of the fused forward pass for each multiprocessor, about twice what is resident; more blocks normalise more rows twice. */
    private static final int FUSED_FORWARD_BLOCKS = 6;

    /**
     * Whether the pool can be done by the norm's kernel. The normalised map is then never stored: its last readers must be the
     * pool's two passes, which the caller knows.
     */
    static boolean fuses(CudaLayout layout, ResponseNormForward norm, MaxPoolForward pool) {
        return norm.output().equals(pool.input()) && norm.output().role() == Role.TRANSIENT
                && alike(layout, norm.input(), norm.output(), pool.output())
                && fuses(layout, norm.norm(), norm.input(), pool.geometry()) && columns(Vectors.of(layout, norm.norm(), norm.input())) > 0;
    }

    /** Whether the norm can be done by the pool's kernel, backward; the gradient between them is then never stored. */
    static boolean fuses(CudaLayout layout, MaxPoolBackward pool, ResponseNormBackward norm) {
        return pool.inputGradient().equals(norm.outputGradient()) && pool.inputGradient().role() == Role.TRANSIENT
                && alike(layout, pool.outputGradient(), pool.inputGradient(), norm.input(), norm.inputGradient())
                && fuses(layout, norm.norm(), norm.input(), pool.geometry())
                && Vectors.of(layout, norm.norm(), norm.input()).group() <= THREADS;
    }

    private static boolean alike(CudaLayout layout, Tensor... maps) {
        return Arrays.stream(maps).map(layout::stored).distinct().count() == 1;
    }

    /** The fused kernels know no padding; where the whole pool has none, parts of its map have none above either. */
    private static boolean fuses(CudaLayout layout, ResponseNorm norm, Tensor input, PoolingGeometry g) {
        return Vectors.of(layout, norm, input).size() > 1 && g.window() == 3 && g.stride() == 2 && g.padding() == 0 && g.paddingTop() == 0
                && input.elements() <= 1L << 30;
    }

    /**
     * How threads share the channels of a pixel.
     *
     * @param size  channels of a thread: 1 if the kernels for window 5, beta 0.75 and groups of whole vectors cannot do it
     * @param pixel vectors of a pixel
     * @param group vectors of a group
     * @param lanes of a warp that have one: where neighbours are fetched from lane to lane, as many as are whole groups
     */
    private record Vectors(Numbers numbers, int size, int pixel, int group, int lanes) {
        static Vectors of(CudaLayout layout, ResponseNorm norm, Tensor input) {
            Numbers numbers = Numbers.of(layout, input);
            int channels = input.channels() / norm.groups();
            int size = norm.size() == 5 && norm.beta() == 0.75f ? numbers.vector(channels) : 1;
            if (numbers == Numbers.BF16 && channels / size > WARP) {
                size = 1;
            }
            int group = channels / size;
            return new Vectors(numbers, size, input.channels() / size, group, numbers == Numbers.BF16 ? WARP - WARP % group : WARP);
        }

        /** Threads that take so many vectors. */
        int threads(int vectors) {
            return Math.ceilDiv(vectors, lanes) * WARP;
        }

        /** The most vectors of so many threads. */
        int vectors(int threads) {
            return threads / WARP * lanes;
        }
    }

    /** The most columns that a block of the fused forward pass can make; it normalises one more. */
    private static int columns(Vectors vectors) {
        return vectors.vectors(FUSED_FORWARD_THREADS) / vectors.pixel() - 1;
    }

    static List<KernelCall> responseNormForward(Site site, ResponseNormForward o) {
        Numbers numbers = Numbers.of(site, o, o.input(), o.output());
        Vectors vectors = Vectors.of(site.layout(), o.norm(), o.input());
        int count = count(o, o.input(), vectors.size());
        MemorySegment p = responseNorm(site, o.norm(), o.input(), o.output(), count, vectors.size());
        String kernel = numbers.kernel("response_norm_forward", vectors.size());
        return List.of(vectors.size() > 1 && numbers == Numbers.BF16 ? warps(kernel, vectors, count, THREADS, p) : each(kernel, count, p));
    }

    /** @param reluMask the result is 0 where the norm's input is not above 0 */
    static List<KernelCall> responseNormBackward(Site site, ResponseNormBackward o, boolean reluMask) {
        Numbers numbers = Numbers.of(site, o, o.input(), o.outputGradient(), o.inputGradient());
        Vectors vectors = Vectors.of(site.layout(), o.norm(), o.input());
        int vector = vectors.group() <= THREADS ? vectors.size() : 1;
        int count = count(o, o.input(), vector);
        MemorySegment p = responseNorm(site, o.norm(), o.input(), o.inputGradient(), count, vector);
        duet_response_norm.output_gradient(p, address(site, o.outputGradient()));
        duet_response_norm.relu(p, reluMask ? 1 : 0);
        String kernel = numbers.kernel("response_norm_backward", vector);
        if (vector > 1 && numbers == Numbers.BF16) {
            return List.of(warps(kernel, vectors, count, THREADS, p));
        }
        if (vector > 1) {
            int threads = wholeGroups(vectors.group());
            return List.of(new KernelCall(kernel, Math.ceilDiv(count, threads), 1, 1, threads, threads * VECTOR_BYTES, p));
        }
        int half = duet_response_norm.half(p);
        long shared = 4L * (THREADS + 4 * half + 2 * (THREADS + 2 * half));
        if (shared > SHARED_LIMIT) {
            throw new DeviceException(String.format(Locale.ROOT,
                    "%s: a response norm over %d channels is too large for the CUDA kernels (at most 2881)",
                    o.layer(), o.norm().size()));
        }
        return List.of(new KernelCall(kernel, Math.ceilDiv(count, THREADS), 1, 1, THREADS, (int) shared, p));
    }

    /** The most threads of a block that are whole groups. */
    private static int wholeGroups(int groupVectors) {
        return THREADS / groupVectors * groupVectors;
    }

    /** A thread for each of {@code count} vectors, but for lanes that have none. */
    private static KernelCall warps(String kernel, Vectors vectors, int count, int threads, MemorySegment arguments) {
        return new KernelCall(kernel, Math.ceilDiv(count, vectors.vectors(threads)), 1, 1, threads, 0, arguments);
    }

    private static MemorySegment responseNorm(Site site, ResponseNorm norm, Tensor input, Tensor output, int count, int vector) {
        int groupChannels = input.channels() / norm.groups();
        MemorySegment p = duet_response_norm.allocate(site.arena());
        p.fill((byte) 0);
        duet_response_norm.input(p, address(site, input));
        duet_response_norm.output(p, address(site, output));
        duet_response_norm.count(p, count);
        duet_response_norm.half(p, Math.min(norm.size() / 2, groupChannels - 1));
        duet_response_norm.alpha(p, norm.alpha());
        duet_response_norm.beta(p, norm.beta());
        duet_response_norm.k(p, norm.k());
        divisor(duet_response_norm.channels(p), groupChannels / vector);
        return p;
    }

    /** A norm and the pool behind it, where {@link #fuses(CudaLayout, ResponseNormForward, MaxPoolForward)}. */
    static List<KernelCall> normPoolForward(Site site, ResponseNormForward norm, MaxPoolForward pool) {
        PoolingGeometry g = pool.geometry();
        int batch = norm.input().batch();
        Vectors vectors = Vectors.of(site.layout(), norm.norm(), norm.input());
        int tiles = Math.ceilDiv(g.outputWidth(), columns(vectors));
        int columns = Math.ceilDiv(g.outputWidth(), tiles);
        int wanted = Math.clamp(Math.ceilDiv(FUSED_FORWARD_BLOCKS * site.multiprocessors(), batch * tiles), 1,
                Math.ceilDiv(g.outputHeight(), 2));
        int rows = Math.ceilDiv(g.outputHeight(), wanted);
        int strips = Math.ceilDiv(g.outputHeight(), rows);
        MemorySegment p = normPool(site, vectors, norm.norm(), norm.input(), g);
        duet_norm_pool.output(p, address(site, pool.output()));
        duet_norm_pool.winners(p, address(site, pool.winners()));
        duet_norm_pool.strip_rows(p, rows);
        duet_norm_pool.tile_columns(p, columns);
        divisor(duet_norm_pool.strips(p), strips);
        divisor(duet_norm_pool.tiles(p), tiles);
        int threads = vectors.threads((columns + 1) * vectors.pixel());
        return List.of(new KernelCall(vectors.numbers().kernel("norm_pool_forward"), batch * strips * tiles, 1, 1, threads,
                4 * threads * VECTOR_BYTES, p));
    }

    /**
     * A pool's and its norm's gradient, where {@link #fuses(CudaLayout, MaxPoolBackward, ResponseNormBackward)}.
     *
     * @param reluMask the result is 0 where the norm's input is not above 0
     */
    static List<KernelCall> normPoolBackward(Site site, MaxPoolBackward pool, ResponseNormBackward norm, boolean reluMask) {
        PoolingGeometry g = pool.geometry();
        Vectors vectors = Vectors.of(site.layout(), norm.norm(), norm.input());
        int down = Math.ceilDiv(g.height(), 2);
        int across = Math.ceilDiv(g.width(), 2);
        int count = norm.input().batch() * down * across * vectors.pixel();
        MemorySegment p = normPool(site, vectors, norm.norm(), norm.input(), g);
        duet_norm_pool.output(p, address(site, pool.outputGradient()));
        duet_norm_pool.winners(p, address(site, pool.winners()));
        duet_norm_pool.input_gradient(p, address(site, norm.inputGradient()));
        duet_norm_pool.count(p, count);
        duet_norm_pool.relu(p, reluMask ? 1 : 0);
        divisor(duet_norm_pool.blocks_down(p), down);
        divisor(duet_norm_pool.blocks_across(p), across);
        String kernel = vectors.numbers().kernel("norm_pool_backward");
        if (vectors.numbers() == Numbers.BF16) {
            return List.of(warps(kernel, vectors, count, FUSED_BACKWARD_WARP_THREADS, p));
        }
        int threads = wholeGroups(vectors.group());
        return List.of(new KernelCall(kernel, Math.ceilDiv(count, threads), 1, 1, threads, 4 * threads * VECTOR_BYTES, p));
    }

    private static MemorySegment normPool(Site site, Vectors vectors, ResponseNorm norm, Tensor input, PoolingGeometry g) {
        MemorySegment p = duet_norm_pool.allocate(site.arena());
        p.fill((byte) 0);
        duet_norm_pool.input(p, address(site, input));
        duet_norm_pool.height(p, g.height());
        duet_norm_pool.width(p, g.width());
        duet_norm_pool.output_height(p, g.outputHeight());
        duet_norm_pool.output_width(p, g.outputWidth());
        duet_norm_pool.alpha(p, norm.alpha());
        duet_norm_pool.k(p, norm.k());
        duet_norm_pool.channels(p, vectors.pixel());
        divisor(duet_norm_pool.group(p), vectors.group());
        divisor(duet_norm_pool.channel_vectors(p), vectors.pixel());
        return p;
    }
}
