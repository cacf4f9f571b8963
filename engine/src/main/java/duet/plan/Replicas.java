package duet.plan;

import duet.net.NetworkException;
import duet.text.Text;

/**
 * Data parallel: each group of devices has the whole network and computes some of the equal runs of a batch, as another placement shares
 * out one of them; the gradients of all weights are added up, in the order of {@link Sums}, and of large weights each device updates a
 * share ({@link Shares}). The runs are what the results depend on; how many groups there are only says who computes them. So a group must
 * do the same wherever it is: a lane for each of its devices.
 *
 * @param group    how a group shares out a run; {@link OneDevice} is data parallel alone
 * @param groups   how many
 * @param replicas runs of the batch, which users call its parts
 */
record Replicas(Placement group, int groups, int replicas) implements Placement {
    Replicas {
        if (!(group instanceof Group) || group.lanes() != group.devices()) {
            throw new NetworkException("data parallel: the devices of a group have a lane each, as in one device, two towers, halves or a "
                    + "hybrid with as many parts as devices, not " + group.words());
        }
        Cuts.requireParts("data parallel", groups, group.devices() == 1 ? "device" : "group", replicas);
    }

    @Override
    public String label() {
        return group instanceof OneDevice ? "data" : "data," + group.label();
    }

    @Override
    public String words() {
        String where = group instanceof OneDevice ? Text.count(groups, "device")
                : Text.count(groups, "group") + " of " + Text.count(group.devices(), "device") + ", each " + group.words();
        return "data parallel: " + Text.count(replicas, "part") + " on " + where;
    }

    @Override
    public int devices() {
        return groups * group.devices();
    }

    @Override
    public int lanes() {
        return replicas * group.lanes();
    }

    @Override
    public int parts() {
        return replicas;
    }

    @Override
    public int rounds() {
        return group.rounds();
    }

    /**
     * Images of one of a placement's runs of a batch.
     *
     * @throws NetworkException if it cannot be cut evenly
     */
    static int imagesOfRun(Placement placement, int batch) {
        int replicas = placement.replicas();
        Placement group = placement.group();
        int smallest = smallestBatch(group);
        int least = replicas * (group.image(smallest).whole() ? 1 : smallest);
        if (replicas > 1 && batch % least != 0) {
            throw new NetworkException("a batch of " + Text.count(batch, "image") + " cannot be cut into " + replicas + " equal parts"
                    + (least == replicas ? "" : ", each for " + group.words()) + "; use a multiple of " + least + " or another placement");
        }
        return batch / replicas;
    }

    /** The smallest batch that a placement can cut. */
    static int smallestBatch(Placement placement) {
        return Math.multiplyExact(placement.lanes(), placement.rounds());
    }

    @Override
    public Distribution image(int batch) {
        return group.image(batch);
    }

    @Override
    public Cut cut(Place place) {
        return group.cut(place);
    }
}
