package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.THREADS;
import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;

import duet.bindings.cuda.kernels.duet_norm_pool;
import duet.bindings.cuda.kernels.duet_pooling;
import duet.bindings.cuda.kernels.duet_response_norm;
import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.device.cuda.driver.KernelCall;

/** Launches for response norms and pooling, one by one and together. None needs scratch memory. */
final class NeighbourhoodLowering {
    private NeighbourhoodLowering() {}

    /** Shared memory that any launch may have. */
    private static final int SHARED_LIMIT = 48 << 10;
    private static final int VECTOR_BYTES = 16;
    private static final int FUSED_FORWARD_THREADS = 512;
    /** Blocks of the fused forward pass for each multiprocessor, about twice what is resident; more blocks normalise more rows twice. */
    private static final int FUSED_FORWARD_BLOCKS = 6;

    static List<KernelCall> lower(Site site, Operation operation) {
        return switch (operation) {
            case ResponseNormForward o -> responseNormForward(site, o);
            case ResponseNormBackward o -> responseNormBackward(site, o, false);
            case MaxPoolForward o -> maxPoolForward(site, o);
            case MaxPoolBackward o -> maxPoolBackward(site, o, null);
            case AveragePoolForward o -> averagePoolForward(site, o);
            case AveragePoolBackward o -> averagePoolBackward(site, o);
            default -> throw new IllegalArgumentException(operation.kind());
        };
    }

    /**
     * Whether the pool can be done by the norm's kernel. The normalised map is then never stored: its last readers must be the
     * pool's two passes, which the caller knows.
     */
    static boolean fuses(ResponseNormForward norm, MaxPoolForward pool) {
        return norm.output().equals(pool.input()) && norm.output().role() == Role.TRANSIENT
                && fuses(norm.norm(), norm.input(), pool.geometry()) && 2 * vectors(norm.input()) <= FUSED_FORWARD_THREADS;
    }

    /** Whether the norm can be done by the pool's kernel, backward; the gradient between them is then never stored. */
    static boolean fuses(MaxPoolBackward pool, ResponseNormBackward norm) {
        return pool.inputGradient().equals(norm.outputGradient()) && pool.inputGradient().role() == Role.TRANSIENT
                && fuses(norm.norm(), norm.input(), pool.geometry()) && groupVectors(norm.norm(), norm.input()) <= THREADS;
    }

    /** The fused kernels know no padding; where the whole pool has none, parts of its map have none above either. */
    private static boolean fuses(ResponseNorm norm, Tensor input, PoolingGeometry g) {
        return vectorised(norm, input) && g.window() == 3 && g.stride() == 2 && g.padding() == 0 && g.paddingTop() == 0
                && input.elements() <= 1L << 30;
    }

    /** Window 5, beta 0.75, and each group is whole vectors of four channels. */
    private static boolean vectorised(ResponseNorm norm, Tensor input) {
        return norm.size() == 5 && norm.beta() == 0.75f && input.channels() / norm.groups() % 4 == 0;
    }

    private static int vectors(Tensor tensor) {
        return tensor.channels() / 4;
    }

    private static int groupVectors(ResponseNorm norm, Tensor tensor) {
        return vectors(tensor) / norm.groups();
    }

    static List<KernelCall> responseNormForward(Site site, ResponseNormForward o) {
        boolean fours = vectorised(o.norm(), o.input());
        int count = count(o, o.input(), fours ? 4 : 1);
        MemorySegment p = responseNorm(site, o.norm(), o.input(), o.output(), count, fours ? 4 : 1);
        return List.of(each(fours ? "response_norm_forward_x4" : "response_norm_forward", count, p));
    }

    /** @param reluMask the result is 0 where the norm's input is not above 0 */
    static List<KernelCall> responseNormBackward(Site site, ResponseNormBackward o, boolean reluMask) {
        boolean fours = vectorised(o.norm(), o.input()) && groupVectors(o.norm(), o.input()) <= THREADS;
        int count = count(o, o.input(), fours ? 4 : 1);
        MemorySegment p = responseNorm(site, o.norm(), o.input(), o.inputGradient(), count, fours ? 4 : 1);
        duet_response_norm.output_gradient(p, address(site, o.outputGradient()));
        duet_response_norm.relu(p, reluMask ? 1 : 0);
        if (fours) {
            int threads = wholeGroups(groupVectors(o.norm(), o.input()));
            return List.of(
                    new KernelCall("response_norm_backward_x4", Math.ceilDiv(count, threads), 1, 1, threads, threads * VECTOR_BYTES, p));
        }
        int half = duet_response_norm.half(p);
        long shared = 4L * (THREADS + 4 * half + 2 * (THREADS + 2 * half));
        if (shared > SHARED_LIMIT) {
            throw new DeviceException(String.format(Locale.ROOT,
                    "%s: a response norm over %d channels is too large for the CUDA kernels (at most 2881)",
                    o.layer(), o.norm().size()));
        }
        return List.of(new KernelCall("response_norm_backward", Math.ceilDiv(count, THREADS), 1, 1, THREADS, (int) shared, p));
    }

    /** The most threads of a block that are whole groups. */
    private static int wholeGroups(int groupVectors) {
        return THREADS / groupVectors * groupVectors;
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

    static List<KernelCall> maxPoolForward(Site site, MaxPoolForward o) {
        MemorySegment p = pooling(site, o, o.geometry(), o.input(), o.output(), o.output());
        duet_pooling.winners(p, address(site, o.winners()));
        String kernel = "max_pool_forward" + (o.geometry().window() == 3 && vector(o.geometry()) == 4 ? "_3" : "");
        return List.of(pooling(kernel, o.geometry(), p));
    }

    /** @param reluMask the result is 0 where this tensor, the pool's input, is not above 0; null for none */
    static List<KernelCall> maxPoolBackward(Site site, MaxPoolBackward o, Tensor reluMask) {
        MemorySegment p = pooling(site, o, o.geometry(), o.outputGradient(), o.inputGradient(), o.inputGradient());
        duet_pooling.winners(p, address(site, o.winners()));
        duet_pooling.mask(p, address(site, reluMask));
        return List.of(pooling("max_pool_backward", o.geometry(), p));
    }

    static List<KernelCall> averagePoolForward(Site site, AveragePoolForward o) {
        return List.of(pooling("average_pool_forward", o.geometry(), pooling(site, o, o.geometry(), o.input(), o.output(), o.output())));
    }

    static List<KernelCall> averagePoolBackward(Site site, AveragePoolBackward o) {
        return List.of(pooling("average_pool_backward", o.geometry(),
                pooling(site, o, o.geometry(), o.outputGradient(), o.inputGradient(), o.inputGradient())));
    }

    private static int vector(PoolingGeometry g) {
        return g.channels() % 4 == 0 ? 4 : 1;
    }

    private static KernelCall pooling(String kernel, PoolingGeometry g, MemorySegment p) {
        return each(kernel + (vector(g) == 4 ? "_x4" : ""), duet_pooling.count(p), p);
    }

    /** @param side what the grid covers */
    private static MemorySegment pooling(Site site, Operation operation, PoolingGeometry g, Tensor from, Tensor to, Tensor side) {
        count(operation, from, 1);
        MemorySegment p = duet_pooling.allocate(site.arena());
        p.fill((byte) 0);
        duet_pooling.input(p, address(site, from));
        duet_pooling.output(p, address(site, to));
        duet_pooling.count(p, count(operation, side, vector(g)));
        duet_pooling.height(p, g.height());
        duet_pooling.width(p, g.width());
        duet_pooling.output_height(p, g.outputHeight());
        duet_pooling.output_width(p, g.outputWidth());
        duet_pooling.window(p, g.window());
        duet_pooling.padding(p, g.padding());
        duet_pooling.padding_top(p, g.paddingTop());
        divisor(duet_pooling.stride(p), g.stride());
        divisor(duet_pooling.channels(p), g.channels() / vector(g));
        divisor(duet_pooling.side_width(p), side.width());
        divisor(duet_pooling.side_height(p), side.height());
        return p;
    }

    /** A norm and the pool behind it, where {@link #fuses(ResponseNormForward, MaxPoolForward)}. */
    static List<KernelCall> normPoolForward(Site site, ResponseNormForward norm, MaxPoolForward pool) {
        PoolingGeometry g = pool.geometry();
        int batch = norm.input().batch();
        int vectors = vectors(norm.input());
        int tiles = Math.ceilDiv(g.outputWidth(), FUSED_FORWARD_THREADS / vectors - 1);
        int columns = Math.ceilDiv(g.outputWidth(), tiles);
        int wanted = Math.clamp(Math.ceilDiv(FUSED_FORWARD_BLOCKS * site.multiprocessors(), batch * tiles), 1,
                Math.ceilDiv(g.outputHeight(), 2));
        int rows = Math.ceilDiv(g.outputHeight(), wanted);
        int strips = Math.ceilDiv(g.outputHeight(), rows);
        MemorySegment p = normPool(site, norm.norm(), norm.input(), g);
        duet_norm_pool.output(p, address(site, pool.output()));
        duet_norm_pool.winners(p, address(site, pool.winners()));
        duet_norm_pool.strip_rows(p, rows);
        duet_norm_pool.tile_columns(p, columns);
        divisor(duet_norm_pool.strips(p), strips);
        divisor(duet_norm_pool.tiles(p), tiles);
        int threads = Math.ceilDiv((columns + 1) * vectors, 32) * 32;
        return List.of(new KernelCall("norm_pool_forward", batch * strips * tiles, 1, 1, threads, 4 * threads * VECTOR_BYTES, p));
    }

    /**
     * A pool's and its norm's gradient, where {@link #fuses(MaxPoolBackward, ResponseNormBackward)}.
     *
     * @param reluMask the result is 0 where the norm's input is not above 0
     */
    static List<KernelCall> normPoolBackward(Site site, MaxPoolBackward pool, ResponseNormBackward norm, boolean reluMask) {
        PoolingGeometry g = pool.geometry();
        int down = Math.ceilDiv(g.height(), 2);
        int across = Math.ceilDiv(g.width(), 2);
        int count = norm.input().batch() * down * across * vectors(norm.input());
        int threads = wholeGroups(groupVectors(norm.norm(), norm.input()));
        MemorySegment p = normPool(site, norm.norm(), norm.input(), g);
        duet_norm_pool.output(p, address(site, pool.outputGradient()));
        duet_norm_pool.winners(p, address(site, pool.winners()));
        duet_norm_pool.input_gradient(p, address(site, norm.inputGradient()));
        duet_norm_pool.count(p, count);
        duet_norm_pool.relu(p, reluMask ? 1 : 0);
        divisor(duet_norm_pool.blocks_down(p), down);
        divisor(duet_norm_pool.blocks_across(p), across);
        return List.of(new KernelCall("norm_pool_backward", Math.ceilDiv(count, threads), 1, 1, threads, 4 * threads * VECTOR_BYTES, p));
    }

    private static MemorySegment normPool(Site site, ResponseNorm norm, Tensor input, PoolingGeometry g) {
        MemorySegment p = duet_norm_pool.allocate(site.arena());
        p.fill((byte) 0);
        duet_norm_pool.input(p, address(site, input));
        duet_norm_pool.height(p, g.height());
        duet_norm_pool.width(p, g.width());
        duet_norm_pool.output_height(p, g.outputHeight());
        duet_norm_pool.output_width(p, g.outputWidth());
        duet_norm_pool.alpha(p, norm.alpha());
        duet_norm_pool.k(p, norm.k());
        duet_norm_pool.channels(p, vectors(input));
        divisor(duet_norm_pool.group(p), groupVectors(norm, input));
        divisor(duet_norm_pool.channel_vectors(p), vectors(input));
        return p;
    }
}
