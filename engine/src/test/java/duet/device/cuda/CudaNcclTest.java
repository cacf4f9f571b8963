package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.IntStream;

import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.ranks.ThreadRanks;
import org.junit.jupiter.api.Test;

/** What NCCL asks of plans. */
class CudaNcclTest {
    private static Tensor tensor(int id, int device) {
        return new Tensor(id, "t" + id, device, Tensor.Format.ACTIVATION, Tensor.Role.TRANSIENT, 1, 1, 1, 1);
    }

    private static Step copy(int id, int from, int to) {
        return new Step.Copy("fc6", tensor(100 + id, from), tensor(id, to));
    }

    private static void check(List<Step> first, List<Step> second) {
        List<List<Step>> steps = List.of(first, second);
        ThreadRanks.run(2, 5, 20, ranks -> {
            CudaNccl.requireSameOrder(new Peers(ranks, 1), List.of(new StreamSteps(ranks.rank(), Kind.COPY, steps.get(ranks.rank()))));
            return null;
        });
    }

    /** What goes one way and what goes the other may stand between each other as they like. */
    @Test
    void oneOrderForEachWay() {
        check(List.of(copy(1, 0, 1), copy(2, 0, 1), copy(3, 1, 0)), List.of(copy(3, 1, 0), copy(1, 0, 1), copy(2, 0, 1)));
    }

    @Test
    void anotherOrderIsRefused() {
        List<Step> sent = List.of(copy(1, 0, 1), copy(2, 0, 1));
        String message = assertThrows(DeviceException.class, () -> check(sent, sent.reversed())).getMessage();
        assertEquals(
                "the messages from device 0 to device 1 are not received in the order in which they are sent, and NCCL would mix them up; "
                        + "DUET_NCCL=off sends them through host memory",
                message);
    }

    @Test
    void aMessageThatNobodyReceivesIsRefused() {
        List<Step> many = IntStream.range(1, 4).mapToObj(id -> copy(id, 0, 1)).toList();
        assertThrows(DeviceException.class, () -> check(many, many.subList(0, 2)));
        assertThrows(DeviceException.class, () -> check(many, List.of()));
    }
}
