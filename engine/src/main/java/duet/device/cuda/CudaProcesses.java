package duet.device.cuda;

import java.util.List;

import duet.bindings.CudaLibrary.Kind;
import duet.device.Peers;
import duet.device.Ranks;
import duet.device.StreamSteps;
import duet.device.cuda.driver.CudaDevice;

/** The processes that have the devices of a plan, and what carries their exchanges. */
final class CudaProcesses {
    private final Peers peers;
    private CudaNccl nccl;

    CudaProcesses(Peers peers) {
        this.peers = peers;
    }

    /** See {@link duet.device.Backend#connect}. */
    String connect(Kind kind, List<CudaDevice> devices) {
        NcclChoice choice = NcclChoice.make(kind, peers, devices);
        nccl = choice.nccl();
        return choice.words();
    }

    /** What carries exchanges from card to card; null if they go through the host's memory. */
    CudaNccl nccl() {
        return nccl;
    }

    Ranks ranks() {
        return peers.ranks();
    }

    /** The index of this process's first device in plans. */
    int first() {
        return peers.first();
    }

    /** The process that has a device of the plan. */
    int rank(int device) {
        return peers.rank(device);
    }

    boolean here(int device) {
        return peers.here(device);
    }

    /** Of a device in plans, among the {@code count} of this process. */
    int own(int device, int count) {
        return peers.own(device, count);
    }

    /** Makes sure that what carries exchanges can carry those of these streams. All processes call it. */
    void check(List<StreamSteps> streams) {
        if (nccl != null) {
            CudaNccl.requireSameOrder(peers, streams);
        }
    }

    /** This process has failed: whatever waits for others need not wait any longer. */
    void giveUp() {
        peers.ranks().giveUp();
        abort();
    }

    /** The same for what waits on the cards, also for one that has failed. */
    void abort() {
        if (nccl != null) {
            nccl.giveUp();
        }
    }

    /** Comes before the devices are closed. */
    void close() {
        if (nccl != null) {
            nccl.close();
        }
    }
}
