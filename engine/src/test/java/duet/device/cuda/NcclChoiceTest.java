package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;

import duet.device.cuda.NcclChoice.Offer;
import org.junit.jupiter.api.Test;

/** All processes use NCCL or none does, for a reason that is said. */
class NcclChoiceTest {
    private static Offer offer(String version, String... cards) {
        return new Offer("", version, List.of(cards));
    }

    private static Offer without(String problem) {
        return new Offer(problem, "", List.of("a1 cuda:0"));
    }

    private static Optional<String> refusal(Offer... offers) {
        return NcclChoice.refusal(List.of(offers), rank -> "rank " + rank + " (node" + rank / 2 + ")");
    }

    @Test
    void sameVersionAndACardForEach() {
        assertEquals(Optional.empty(), refusal(offer("2.27.3", "a1 cuda:0", "a2 cuda:1"), offer("2.27.3", "b1 cuda:0", "b2 cuda:1")));
    }

    /** Where each process sees one card only, all are cuda:0: they are told apart by what they are. */
    @Test
    void cardsOfOneNameAreNotOneCard() {
        assertEquals(Optional.empty(), refusal(offer("2.27.3", "a1 cuda:0"), offer("2.27.3", "a2 cuda:0")));
    }

    @Test
    void whereNobodyHasItOneReasonIsEnough() {
        assertEquals(Optional.of("no libnccl.so.2 found"), refusal(without("no libnccl.so.2 found"), without("no libnccl.so.2 found")));
    }

    @Test
    void whereOneHasItNotThatOneIsNamed() {
        assertEquals(Optional.of("rank 2 (node1): no libnccl.so.2 found"),
                refusal(offer("2.27.3", "a1 cuda:0"), offer("2.27.3", "a2 cuda:0"), without("no libnccl.so.2 found")));
        assertEquals(Optional.of("rank 0 (node0): DUET_NCCL=off"), refusal(without("DUET_NCCL=off"), without("no libnccl.so.2 found")));
    }

    @Test
    void otherVersionsDoNotGoTogether() {
        assertEquals(Optional.of("rank 0 (node0) has NCCL 2.27.3, rank 1 (node0) 2.19.4"),
                refusal(offer("2.27.3", "a1 cuda:0"), offer("2.19.4", "a2 cuda:1")));
    }

    @Test
    void aCardForTwoIsRefused() {
        assertEquals(Optional.of("NCCL wants a card for each device, but rank 0 (node0)'s cuda:1 and rank 1 (node0)'s cuda:0 are the same"),
                refusal(offer("2.27.3", "a1 cuda:0", "a2 cuda:1"), offer("2.27.3", "a2 cuda:0", "a1 cuda:1")));
        assertEquals(Optional.of("NCCL wants a card for each device, but rank 0 (node0)'s cuda:0 has two"),
                refusal(offer("2.27.3", "a1 cuda:0", "a1 cuda:0"), offer("2.27.3", "b1 cuda:0", "b2 cuda:1")));
    }
}
