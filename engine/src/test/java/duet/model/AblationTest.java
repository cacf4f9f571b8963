package duet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.device.Operation.Activation;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.NetworkJson;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.plan.Sharing;
import org.junit.jupiter.api.Test;

/** Each change against what the original code's networks of that kind have. */
class AblationTest {
    private static Map<String, String> convolutions(Network network) {
        Map<String, String> found = new LinkedHashMap<>();
        for (int i = 0; i < network.layers().size(); i++) {
            if (network.layers().get(i) instanceof Layer.Convolution l) {
                found.put(l.name(), l.filters() + " of " + l.groups() + " at " + network.shapes().get(i).height());
            }
        }
        return found;
    }

    /** layers-150.cfg: a column has 160 kernels in conv2 and 4096 outputs in the first fully connected layer. */
    @Test
    void withoutCommunicationAsNet150() {
        Network network = Ablation.NO_COMMUNICATION.apply(Networks.create("alexnet"));
        assertEquals("alexnet-no-communication", network.name());
        assertEquals(Map.of("conv1", "96 of 1 at 55", "conv2", "320 of 2 at 27", "conv3", "384 of 2 at 13", "conv4", "384 of 2 at 13",
                "conv5", "256 of 2 at 13", "fc6", "8192 of 2 at 1", "fc7", "4096 of 2 at 1"), convolutions(network));
        List<Sharing> sharing = Sharing.of(network, Placement.TWO_TOWERS);
        assertFalse(sharing.contains(Sharing.HALF_OF_BOTH));
        assertEquals(Sharing.PARTIAL_SUMS, sharing.get(sharing.size() - 2));
    }

    /** layers-145-half.cfg. */
    @Test
    void oneColumnAsNet145Half() {
        Network network = Ablation.ONE_COLUMN.apply(Networks.create("alexnet"));
        assertEquals(Map.of("conv1", "48 of 1 at 55", "conv2", "128 of 1 at 27", "conv3", "192 of 1 at 13", "conv4", "192 of 1 at 13",
                "conv5", "256 of 1 at 13"), convolutions(network));
        assertTrue(network.layers().stream().allMatch(layer -> !(layer instanceof Layer.LocalResponseNorm l) || l.groups() == 1));
        assertTrue(Planner.canPlace(Networks.create("alexnet"), Placement.TWO_TOWERS));
        assertFalse(Planner.canPlace(network, Placement.TWO_TOWERS));
    }

    /** "Equivalent dimensions" (section 3.4). */
    @Test
    void nonOverlappingPoolingKeepsTheSizes() {
        for (String name : List.of("alexnet", "alexnet-2012", "alexnet-caffe", "alexnet-owt", "zfnet", "cifar-11pct")) {
            Network before = Networks.create(name);
            Network after = Ablation.NON_OVERLAPPING_POOLING.apply(before);
            assertEquals(before.shapes(), after.shapes(), name);
            for (Layer layer : after.layers()) {
                if (layer instanceof Layer.Pooling l) {
                    assertEquals(2, l.window());
                    assertEquals(2, l.stride());
                }
            }
        }
    }

    @Test
    void withoutNormsAndWithTanh() {
        Network network = Ablation.TANH.apply(Ablation.NO_LRN.apply(Networks.create("alexnet")));
        assertEquals("alexnet-no-lrn-tanh", network.name());
        assertTrue(network.layers().stream().noneMatch(layer -> layer instanceof Layer.LocalResponseNorm));
        assertTrue(Ablation.NO_LRN.apply(Networks.create("alexnet-2012")).layers().stream().noneMatch(
                layer -> layer instanceof Layer.SpatialResponseNorm));
        assertEquals(7, network.layers().stream().filter(layer -> layer.equals(
                new Layer.Nonlinearity(layer.name(), Activation.TANH)) && layer.name().startsWith("tanh")).count());
        assertTrue(network.layers().stream().noneMatch(layer -> layer instanceof Layer.Nonlinearity l && l.function() == Activation.RELU));
        assertEquals(network, NetworkJson.parse(NetworkJson.write(network), "text"));
    }

    @Test
    void namesLeadBackToTheOriginal() {
        assertEquals("alexnet-small", Ablation.original("alexnet-small-no-lrn-tanh"));
        assertEquals("alexnet-small", Ablation.original("alexnet-small-non-overlapping-pooling"));
        assertEquals("alexnet-small", Ablation.original("alexnet-small"));
        assertEquals("tanh", Ablation.original("tanh"));
    }

    @Test
    void changesThatAreNone() {
        assertEquals("network alexnet-owt: no-lrn changes nothing in it",
                assertThrows(NetworkException.class, () -> Ablation.NO_LRN.apply(Networks.create("alexnet-owt"))).getMessage());
        for (Ablation ablation : List.of(Ablation.ONE_COLUMN, Ablation.NO_COMMUNICATION)) {
            String message = assertThrows(NetworkException.class, () -> ablation.apply(Networks.create("zfnet"))).getMessage();
            assertTrue(message.startsWith("network zfnet: ") && message.endsWith("but it has no layer of 2 groups"), message);
        }
    }
}
