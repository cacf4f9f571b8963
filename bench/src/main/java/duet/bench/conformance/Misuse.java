package duet.bench.conformance;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToIntFunction;

import duet.bindings.cuda.Cuda;

/**
 * What the driver answers to calls that it should refuse. Each runs in a process of its own, because some of them end the context, and a
 * real driver may follow an invented handle and crash.
 */
final class Misuse {
    private static final String TEXT = """
            .version %s
            .target sm_80
            .address_size 64
            .visible .entry kernel(.param .u64 address)
            .maxntid 64, 1, 1
            {
            .reg .b64 %%a; .reg .b32 %%r<5>;
            ld.param.u64 %%a, [address];
            mov.u32 %%r0, 1;
            %s
            ret;
            }
            """;
    private static final String STORE = "st.global.u32 [%a], %r0;";
    private static final MemorySegment INVENTED = MemorySegment.ofAddress(0x123450);
    private static final long BYTES = 1024;

    private Misuse() {}

    /** By name, in the order in which they are written down. */
    static final Map<String, ToIntFunction<Card>> ALL = all();

    private static String text(String body) {
        return TEXT.formatted("7.4", body);
    }

    /** Launches a kernel with an address for its argument and waits. */
    private static int run(Card card, String body, long address) {
        int launched = card.launch(card.function(text(body), "kernel"), 1, 32, 0, card.arena.allocateFrom(JAVA_LONG, address));
        return launched != 0 ? launched : Cuda.cuStreamSynchronize(card.stream);
    }

    private static int launch(Card card, int blocks, int threads, int sharedBytes, int argumentBytes) {
        MemorySegment arguments = card.arena.allocate(Math.max(8, argumentBytes));
        arguments.set(JAVA_LONG, 0, card.allocate(BYTES));
        int launched = card.launch(card.function(text(STORE), "kernel"), blocks, threads, sharedBytes, arguments.asSlice(0, argumentBytes));
        return launched != 0 ? launched : Cuda.cuStreamSynchronize(card.stream);
    }

    private static MemorySegment pointer(Card card) {
        return card.arena.allocate(Cuda.C_POINTER);
    }

    private static MemorySegment event(Card card) {
        MemorySegment event = pointer(card);
        Card.check(Cuda.cuEventCreate(event, Cuda.CU_EVENT_DISABLE_TIMING()), "cuEventCreate");
        return event.get(Cuda.C_POINTER, 0);
    }

    private static void beginCapture(Card card) {
        Card.check(Cuda.cuStreamBeginCapture_v2(card.stream, Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL()), "cuStreamBeginCapture");
    }

    /** A graph of one fill, ready to launch. */
    private static MemorySegment graph(Card card) {
        long address = card.allocate(BYTES);
        MemorySegment pointer = pointer(card);
        beginCapture(card);
        Card.check(Cuda.cuMemsetD8Async(address, (byte) 1, BYTES, card.stream), "cuMemsetD8Async");
        Card.check(Cuda.cuStreamEndCapture(card.stream, pointer), "cuStreamEndCapture");
        MemorySegment graph = pointer.get(Cuda.C_POINTER, 0);
        Card.check(Cuda.cuGraphInstantiateWithFlags(pointer, graph, 0), "cuGraphInstantiate");
        return pointer.get(Cuda.C_POINTER, 0);
    }

    private static Map<String, ToIntFunction<Card>> all() {
        Map<String, ToIntFunction<Card>> all = new LinkedHashMap<>();
        memory(all);
        launches(all);
        faults(all);
        streams(all);
        graphs(all);
        return all;
    }

    private static void memory(Map<String, ToIntFunction<Card>> all) {
        all.put("allocate-nothing", card -> Cuda.cuMemAlloc_v2(pointer(card), 0));
        all.put("allocate-too-much", card -> Cuda.cuMemAlloc_v2(pointer(card), 1L << 50));
        all.put("allocate-without-context", card -> {
            Card.check(Cuda.cuCtxSetCurrent(MemorySegment.NULL), "cuCtxSetCurrent");
            return Cuda.cuMemAlloc_v2(pointer(card), BYTES);
        });
        all.put("free-null", card -> Cuda.cuMemFree_v2(0));
        all.put("free-inside", card -> Cuda.cuMemFree_v2(card.allocate(BYTES) + 16));
        all.put("free-twice", card -> {
            long address = card.allocate(BYTES);
            Card.check(Cuda.cuMemFree_v2(address), "cuMemFree");
            return Cuda.cuMemFree_v2(address);
        });
        all.put("copy-to-invented-address", card -> {
            int copied = Cuda.cuMemcpyHtoDAsync_v2(0x1234500, card.arena.allocate(BYTES), BYTES, card.stream);
            return copied != 0 ? copied : Cuda.cuStreamSynchronize(card.stream);
        });
        all.put("copy-to-null", card -> Cuda.cuMemcpyHtoDAsync_v2(0, card.arena.allocate(BYTES), BYTES, card.stream));
        all.put("free-host-not-pinned", card -> Cuda.cuMemFreeHost(card.arena.allocate(BYTES)));
        all.put("device-out-of-range", card -> Cuda.cuDeviceGet(pointer(card), 1000));
        all.put("context-invented", card -> Cuda.cuCtxSetCurrent(INVENTED));
    }

    private static void launches(Map<String, ToIntFunction<Card>> all) {
        all.put("module-nonsense", card -> card.load("nonsense", pointer(card)));
        all.put("module-bad-instruction", card -> card.load(text("add.f32 %r0, %r0;"), pointer(card)));
        all.put("module-version-too-new", card -> card.load(TEXT.formatted("99.0", ""), pointer(card)));
        all.put("function-unknown", card -> {
            MemorySegment module = pointer(card);
            Card.check(card.load(text(""), module), "cuModuleLoadDataEx");
            return Cuda.cuModuleGetFunction(pointer(card), module.get(Cuda.C_POINTER, 0), card.arena.allocateFrom("other"));
        });
        all.put("module-null", card -> Cuda.cuModuleUnload(MemorySegment.NULL));
        all.put("launch-null", card -> launchOf(card, MemorySegment.NULL));
        all.put("launch-invented", card -> launchOf(card, INVENTED));
        all.put("launch-no-blocks", card -> launch(card, 0, 32, 0, 8));
        all.put("launch-no-threads", card -> launch(card, 1, 0, 0, 8));
        all.put("launch-more-threads-than-maxntid", card -> launch(card, 1, 128, 0, 8));
        all.put("launch-more-threads-than-any-block", card -> launch(card, 1, 2048, 0, 8));
        all.put("launch-too-much-shared-memory", card -> launch(card, 1, 32, 49153, 8));
        all.put("launch-arguments-too-short", card -> launch(card, 1, 32, 0, 4));
        all.put("launch-arguments-too-long", card -> launch(card, 1, 32, 0, 16));
        all.put("allow-too-much-shared-memory", card -> Cuda.cuFuncSetAttribute(card.function(text(""), "kernel"),
                Cuda.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), 1 << 20));
        all.put("attribute-of-null", card -> Cuda.cuFuncGetAttribute(
                card.arena.allocate(JAVA_INT), Cuda.CU_FUNC_ATTRIBUTE_NUM_REGS(), MemorySegment.NULL));
    }

    private static int launchOf(Card card, MemorySegment function) {
        return card.launch(function, 1, 32, 0, card.arena.allocateFrom(JAVA_LONG, 0L));
    }

    private static void faults(Map<String, ToIntFunction<Card>> all) {
        all.put("store-out-of-range", card -> run(card, STORE, card.allocate(BYTES) + (1L << 40)));
        all.put("store-to-null", card -> run(card, STORE, 0));
        all.put("store-misaligned", card -> run(card, STORE, card.allocate(BYTES) + 2));
        all.put("store-misaligned-v4", card -> run(card, "st.global.v4.u32 [%a], {%r0, %r0, %r0, %r0};", card.allocate(BYTES) + 4));
        all.put("trap", card -> run(card, "trap;", 0));
        all.put("allocate-after-a-fault", card -> {
            run(card, STORE, card.allocate(BYTES) + (1L << 40));
            return Cuda.cuMemAlloc_v2(pointer(card), BYTES);
        });
        all.put("free-after-a-fault", card -> {
            long address = card.allocate(BYTES);
            run(card, STORE, address + (1L << 40));
            return Cuda.cuMemFree_v2(address);
        });
        all.put("capture-after-a-fault", card -> {
            run(card, STORE, card.allocate(BYTES) + (1L << 40));
            return Cuda.cuStreamBeginCapture_v2(card.stream, Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL());
        });
    }

    private static void streams(Map<String, ToIntFunction<Card>> all) {
        all.put("stream-invented", card -> Cuda.cuStreamSynchronize(INVENTED));
        all.put("stream-destroyed", card -> {
            MemorySegment stream = card.newStream();
            Card.check(Cuda.cuStreamDestroy_v2(stream), "cuStreamDestroy");
            return Cuda.cuStreamSynchronize(stream);
        });
        all.put("stream-destroyed-null", card -> Cuda.cuStreamDestroy_v2(MemorySegment.NULL));
        all.put("event-null-recorded", card -> Cuda.cuEventRecord(MemorySegment.NULL, card.stream));
        all.put("event-invented-recorded", card -> Cuda.cuEventRecord(INVENTED, card.stream));
        all.put("event-never-recorded-waited-for", card -> Cuda.cuStreamWaitEvent(card.stream, event(card), 0));
        all.put("event-never-recorded-synchronized", card -> Cuda.cuEventSynchronize(event(card)));
        all.put("event-destroyed-null", card -> Cuda.cuEventDestroy_v2(MemorySegment.NULL));
    }

    private static void graphs(Map<String, ToIntFunction<Card>> all) {
        all.put("capture-end-without-begin", card -> Cuda.cuStreamEndCapture(card.stream, pointer(card)));
        all.put("capture-begun-twice", card -> {
            beginCapture(card);
            return Cuda.cuStreamBeginCapture_v2(card.stream, Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL());
        });
        all.put("capture-of-the-default-stream", card -> Cuda.cuStreamBeginCapture_v2(
                MemorySegment.NULL, Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL()));
        all.put("capture-synchronized", card -> {
            beginCapture(card);
            return Cuda.cuStreamSynchronize(card.stream);
        });
        all.put("capture-end-after-synchronized", card -> {
            beginCapture(card);
            Cuda.cuStreamSynchronize(card.stream);
            return Cuda.cuStreamEndCapture(card.stream, pointer(card));
        });
        all.put("capture-allocates", card -> {
            beginCapture(card);
            return Cuda.cuMemAlloc_v2(pointer(card), BYTES);
        });
        all.put("capture-waits-for-event-never-recorded", card -> {
            MemorySegment event = event(card);
            beginCapture(card);
            return Cuda.cuStreamWaitEvent(card.stream, event, 0);
        });
        all.put("capture-waits-for-event-recorded-before", card -> {
            MemorySegment event = event(card);
            Card.check(Cuda.cuEventRecord(event, card.newStream()), "cuEventRecord");
            beginCapture(card);
            return Cuda.cuStreamWaitEvent(card.stream, event, 0);
        });
        all.put("capture-event-waited-for-afterwards", card -> {
            MemorySegment event = event(card);
            beginCapture(card);
            Card.check(Cuda.cuEventRecord(event, card.stream), "cuEventRecord");
            Card.check(Cuda.cuStreamEndCapture(card.stream, pointer(card)), "cuStreamEndCapture");
            return Cuda.cuStreamWaitEvent(card.stream, event, 0);
        });
        all.put("capture-event-synchronized", card -> {
            MemorySegment event = event(card);
            beginCapture(card);
            Card.check(Cuda.cuEventRecord(event, card.stream), "cuEventRecord");
            return Cuda.cuEventSynchronize(event);
        });
        all.put("capture-unjoined", card -> {
            MemorySegment event = event(card);
            MemorySegment other = card.newStream();
            long address = card.allocate(BYTES);
            beginCapture(card);
            Card.check(Cuda.cuEventRecord(event, card.stream), "cuEventRecord");
            Card.check(Cuda.cuStreamWaitEvent(other, event, 0), "cuStreamWaitEvent");
            Card.check(Cuda.cuMemsetD8Async(address, (byte) 1, BYTES, other), "cuMemsetD8Async");
            return Cuda.cuStreamEndCapture(card.stream, pointer(card));
        });
        all.put("graph-launched", card -> Cuda.cuGraphLaunch(graph(card), card.stream));
        all.put("graph-null-launched", card -> Cuda.cuGraphLaunch(MemorySegment.NULL, card.stream));
        all.put("graph-null-destroyed", card -> Cuda.cuGraphExecDestroy(MemorySegment.NULL));
        all.put("graph-destroyed-launched", card -> {
            MemorySegment graph = graph(card);
            Card.check(Cuda.cuGraphExecDestroy(graph), "cuGraphExecDestroy");
            return Cuda.cuGraphLaunch(graph, card.stream);
        });
    }
}
