package duet.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.Ranks;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.driver.CudaCard;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaEvent;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.driver.NcclCommunicator;
import duet.device.cuda.driver.PreparedKernelCall;
import duet.device.cuda.driver.Resources;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.CudaLowering;
import duet.device.cuda.lowering.Fusion;
import duet.device.cuda.lowering.PairedSums;
import duet.device.cuda.lowering.Site;

/** The steps of one stream, prepared. */
final class CudaQueue {
    /** One entry, prepared. */
    sealed interface Command {
        record Kernel(PreparedKernelCall launch) implements Command {}

        record Copy(String label, long to, CudaCard toCard, long from, CudaCard fromCard, long bytes) implements Command {}

        /** Between processes: by page-locked memory of the host, which waits for it. */
        record Exchange(String layer, List<Message> sends, List<Message> receives) implements Command {}

        /**
         * Between processes: by NCCL, in the stream.
         *
         * @param waited what to say if it is never over
         */
        record Group(String layer, String waited, List<NcclCommunicator.Message> messages) implements Command {}

        record Mark(int event) implements Command {}

        record Await(int event) implements Command {}
    }

    /**
     * A tensor of this device that is sent or received.
     *
     * @param host page-locked memory, which {@code message} sends or fills
     */
    record Message(long address, MemorySegment host, Ranks.Message message) {}

    private final Peers peers;
    private final Ranks ranks;
    /** Null where exchanges go through the host's memory. */
    private final CudaNccl nccl;
    /** Whether other devices of this process exchange, too, and may be waited for. */
    private final boolean several;
    final CudaStream stream;
    final StreamSteps.Kind kind;
    private final List<Command> commands = new ArrayList<>();
    private int next;
    /** The next command, if it is under way; else null. */
    private CudaExchanges.Exchange underWay;

    /**
     * @param layout     of the program's tensors
     * @param workspaces device address of a launch's scratch memory, or 0
     * @param overlap    whether two tensors share memory
     */
    CudaQueue(CudaBackend backend, CudaLayout layout, StreamSteps steps, Map<Tensor, Integer> readers, Arena arena,
            Resources resources, ToLongFunction<Tensor> address, ToLongFunction<Step.Launch> workspaces,
            BiPredicate<Tensor, Tensor> overlap, long run) {
        CudaDevice device = backend.device(steps.device());
        kind = steps.kind();
        peers = backend.processes().peers();
        ranks = peers.ranks();
        nccl = backend.processes().nccl();
        several = backend.own().size() > 1;
        stream = device.stream(kind);
        List<Fusion> fusions = backend.fuses() ? Fusion.plan(layout, steps.steps(), readers, overlap)
                : Fusion.none(steps.steps());
        for (KernelCall reset : CudaLowering.begin(fusions, site(arena, address, 0, run, layout, device))) {
            commands.add(new Command.Kernel(new PreparedKernelCall(arena, device.card, "finite check", reset)));
        }
        PairedSums.Sequence<Labelled> sequence = new PairedSums.Sequence<>(layout, (first, second) -> first.join(arena, second));
        for (int i = 0; i < steps.steps().size(); i++) {
            switch (steps.steps().get(i)) {
                case Step.Launch launch -> {
                    launch.requireOn(device.index);
                    if (fusions.get(i) != null) {
                        Site site = site(arena, address, workspaces.applyAsLong(launch), run, layout, device);
                        String label = fusions.get(i).label();
                        List<Labelled> calls = CudaLowering.lower(fusions.get(i), site).stream().map(call -> new Labelled(label, call))
                                .toList();
                        for (Labelled l : sequence.next(launch.operation(), calls)) {
                            commands.add(new Command.Kernel(new PreparedKernelCall(arena, device.card, l.label, l.call)));
                        }
                    }
                }
                case Step.Copy copy when !peers.here(copy) -> {
                    List<Step.Copy> copies = new ArrayList<>();
                    for (; i < steps.steps().size() && steps.steps().get(i) instanceof Step.Copy next && !peers.here(next); i++) {
                        copies.add(next);
                    }
                    i--;
                    commands.add(nccl == null ? exchange(backend, copies, resources, address) : group(backend, copies, address));
                }
                case Step.Copy copy -> commands.add(new Command.Copy(copy.layer() + ": copying " + copy.from() + " to device "
                        + copy.to().device(), address.applyAsLong(copy.to()), backend.device(copy.to().device()).card,
                        address.applyAsLong(copy.from()), backend.device(copy.from().device()).card, backend.bytes(copy.from())));
                case Step.Record(int event) -> commands.add(new Command.Mark(event));
                case Step.Wait(int event) -> commands.add(new Command.Await(event));
            }
        }
    }

    /** @param label of what it does, for messages */
    private record Labelled(String label, KernelCall call) {
        List<Labelled> join(Arena arena, Labelled other) {
            List<KernelCall> joined = PairedSums.join(arena, call, other.call);
            return joined.size() == 1 ? List.of(new Labelled(label + " and " + other.label, joined.getFirst())) : List.of(this, other);
        }
    }

    private Command exchange(CudaBackend backend, List<Step.Copy> copies, Resources resources, ToLongFunction<Tensor> address) {
        List<Message> sends = new ArrayList<>();
        List<Message> receives = new ArrayList<>();
        for (Step.Copy copy : copies) {
            boolean sent = peers.here(copy.from().device());
            Tensor here = sent ? copy.from() : copy.to();
            if (backend.bytes(here) > Integer.MAX_VALUE) {
                throw new DeviceException(
                        copy.layer() + ": " + here + " is too large for a message between processes; use a smaller --batch");
            }
            int rank = peers.rank((sent ? copy.to() : copy.from()).device());
            MemorySegment host = resources.pinned(stream.device.card, backend.bytes(here)).segment.asSlice(0, backend.bytes(here));
            (sent ? sends : receives).add(new Message(address.applyAsLong(here), host,
                    new Ranks.Message(rank, copy.to().id(), host.asByteBuffer())));
        }
        return new Command.Exchange(copies.getFirst().layer(), sends, receives);
    }

    private Command group(CudaBackend backend, List<Step.Copy> copies, ToLongFunction<Tensor> address) {
        List<NcclCommunicator.Message> messages = new ArrayList<>();
        Set<Integer> senders = new TreeSet<>();
        Set<Integer> receivers = new TreeSet<>();
        for (Step.Copy copy : copies) {
            boolean sent = peers.here(copy.from().device());
            Tensor here = sent ? copy.from() : copy.to();
            int peer = (sent ? copy.to() : copy.from()).device();
            messages.add(new NcclCommunicator.Message(sent, address.applyAsLong(here), backend.bytes(here), peer));
            (sent ? receivers : senders).add(peers.rank(peer));
        }
        String layer = copies.getFirst().layer();
        Set<Integer> others = senders.isEmpty() ? receivers : senders;
        String names = others.stream().map(peers.ranks()::name).collect(Collectors.joining(" or "));
        return new Command.Group(layer, names + " has not answered about " + layer, List.copyOf(messages));
    }

    private static Site site(Arena arena, ToLongFunction<Tensor> address, long workspace, long run, CudaLayout layout,
            CudaDevice device) {
        return new Site(arena, tensor -> tensor == null ? 0 : address.applyAsLong(tensor), workspace, run, device.card.multiprocessors,
                layout);
    }

    List<Command> commands() {
        return commands;
    }

    void rewind() {
        next = 0;
        underWay = null;
    }

    boolean done() {
        return next == commands.size();
    }

    /**
     * Issues the commands of all queues, as far as nothing waits for an event that is never recorded.
     *
     * @param exchanges of this issue
     * @param each      wait for each command to end, so that a failure names it
     */
    static void issue(List<CudaQueue> queues, Map<Integer, CudaEvent> events, CudaExchanges exchanges, boolean each) {
        boolean[] recorded = new boolean[events.keySet().stream().mapToInt(event -> event + 1).max().orElse(0)];
        try {
            boolean going = true;
            while (going) {
                going = false;
                for (CudaQueue queue : queues) {
                    going |= queue.issue(events, recorded, exchanges, each);
                }
                going = going || exchanges.await();
            }
        } catch (RuntimeException | Error e) {
            throw exchanges.failed(e);
        }
    }

    /**
     * Issues commands until one waits for an event that has not been recorded yet, since in CUDA a wait only sees records issued before it,
     * or for an exchange that is under way.
     *
     * @param recorded  which events have been recorded, in this issue
     * @param exchanges those of all queues
     * @return whether any command was issued
     */
    private boolean issue(Map<Integer, CudaEvent> events, boolean[] recorded, CudaExchanges exchanges, boolean each) {
        int first = next;
        for (; next < commands.size(); next++) {
            switch (commands.get(next)) {
                case Command.Kernel(PreparedKernelCall launch) -> {
                    launch.issue(stream);
                    if (each) {
                        stream.synchronize(launch.label());
                    }
                }
                case Command.Copy copy -> {
                    copy(copy);
                    if (each) {
                        stream.synchronize(copy.label());
                    }
                }
                case Command.Exchange exchange -> {
                    if (!over(exchanges, exchange.layer(), () -> exchange(exchange))) {
                        return next > first;
                    }
                }
                case Command.Group group -> {
                    if (!several) {
                        nccl.exchange(stream, group);
                    } else if (!over(exchanges, group.layer(), () -> nccl.exchange(stream, group))) {
                        return next > first;
                    }
                    if (each) {
                        nccl.await(stream, group::waited);
                    }
                }
                case Command.Mark(int event) -> {
                    stream.record(events.get(event));
                    recorded[event] = true;
                }
                case Command.Await(int event) -> {
                    if (!recorded[event]) {
                        return next > first;
                    }
                    stream.await(events.get(event));
                }
            }
        }
        return next > first;
    }

    /** Whether the next command, an exchange, is over; begins it on a thread of its own if it is not under way yet. */
    private boolean over(CudaExchanges exchanges, String layer, Runnable exchange) {
        if (underWay == null) {
            underWay = exchanges.start(stream.label() + ": " + layer, exchange);
        }
        if (!underWay.over()) {
            return false;
        }
        underWay = null;
        return true;
    }

    /** Which exchange by NCCL has been issued and is not over, in words. */
    static String waited(List<CudaQueue> queues, Map<Integer, CudaEvent> events) {
        return queues.stream().map(queue -> queue.waited(events)).filter(Objects::nonNull).findFirst()
                .orElse("the devices have not come to the end of a run");
    }

    private String waited(Map<Integer, CudaEvent> events) {
        String last = null;
        for (Command command : commands) {
            if (command instanceof Command.Group group) {
                last = last == null ? group.waited() : last;
            } else if (command instanceof Command.Mark(int event) && last != null) {
                if (!events.get(event).over()) {
                    return last;
                }
                last = null;
            }
        }
        return last;
    }

    /** What the devices have been given to do before goes on meanwhile, and other streams are given more. */
    private void exchange(Command.Exchange exchange) {
        stream.device.card.enter(); // on a thread of its own
        for (Message sent : exchange.sends()) {
            stream.copyToHost(sent.host(), sent.address(), sent.host().byteSize(), exchange.layer() + ": sending");
        }
        stream.synchronize(exchange.layer() + ": sending");
        ranks.exchange(exchange.layer(), exchange.sends().stream().map(Message::message).toList(),
                exchange.receives().stream().map(Message::message).toList());
        for (Message received : exchange.receives()) {
            stream.copyToDevice(received.address(), received.host(), received.host().byteSize(), exchange.layer() + ": receiving");
        }
    }

    private void copy(Command.Copy copy) {
        if (copy.fromCard() == copy.toCard()) {
            stream.copyOnDevice(copy.to(), copy.from(), copy.bytes(), copy.label());
        } else {
            stream.copyBetween(copy.to(), copy.toCard(), copy.from(), copy.fromCard(), copy.bytes(), copy.label());
        }
    }
}
