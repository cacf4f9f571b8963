package duet.device.cuda;

import java.util.List;

import duet.bindings.CudaLibrary.Kind;
import duet.device.Peers;
import duet.device.RankLostException;
import duet.device.StreamSteps;
import duet.device.cuda.driver.CudaDevice;

/** The processes that have the devices of a plan, and what carries their exchanges. */
final class CudaProcesses {
    private final Peers peers;
    private CudaNccl nccl;
    private boolean stuck;

    CudaProcesses(Peers peers) {
        this.peers = peers;
    }

    /** See {@link duet.device.Backend#connect}. */
    String connect(Kind kind, List<CudaDevice> devices) {
        try {
            NcclChoice choice = NcclChoice.make(kind, peers, devices);
            nccl = choice.nccl();
            return choice.words();
        } catch (RankLostException e) {
            stuck = true; // perhaps still connecting
            throw e;
        }
    }

    /** What carries exchanges from card to card; null if they go through the host's memory. */
    CudaNccl nccl() {
        return nccl;
    }

    Peers peers() {
        return peers;
    }

    /** Whether something is still under way that cannot be ended: what it uses must stay, the process can only be ended. */
    boolean broken() {
        return stuck || nccl != null && nccl.stuck() || peers.ranks().broken();
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
