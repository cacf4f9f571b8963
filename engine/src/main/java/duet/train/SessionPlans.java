package duet.train;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

import duet.data.Augmentation;
import duet.device.Backend;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.PlanChecker;
import duet.plan.Planner;
import duet.plan.Requests;
import duet.plan.StoredImages;

/**
 * The plans of a session, all found sound.
 *
 * @param evaluations  one for each size of a batch, from the smallest up
 * @param training     null for a session that does not train
 * @param withoutNoise for batches without colour noise where training has it otherwise; else null
 */
record SessionPlans(List<Plan> evaluations, Plan training, Plan withoutNoise) {
    /**
     * @param batches      images of a run; an evaluation for each, while training has the largest
     * @param requests     what evaluations give out besides
     * @param augmentation of the batches to train on
     * @param noiseEnds    whether there are batches without its colour noise, too
     */
    static SessionPlans make(Network network, Placement placement, Backend backend, Shape stored, List<Integer> batches, boolean trains,
            boolean dropout, Requests requests, Augmentation augmentation, boolean noiseEnds) {
        StoredImages images = new StoredImages(stored.height(), stored.width());
        List<Plan> evaluations = batches.stream().sorted().distinct()
                .map(n -> sound(Planner.plan(network, placement, Mode.EVALUATION, n, images, dropout, requests, backend), backend))
                .toList();
        int batch = evaluations.getLast().batch();
        boolean noise = augmentation.colourNoise() > 0;
        StoredImages noisy = new StoredImages(stored.height(), stored.width(), noise, augmentation.divisor());
        Plan training = trains ? sound(Planner.plan(network, placement, Mode.TRAINING, batch, noisy, dropout, backend), backend) : null;
        Plan withoutNoise = trains && noise && noiseEnds
                ? sound(Planner.plan(network, placement, Mode.TRAINING, batch, images, dropout, backend), backend) : null;
        List<String> names = network.parameters().stream().map(ParameterShape::name).toList();
        if (!names.equals(evaluations.getLast().parameters().stream().map(Plan.Parameter::name).toList())) {
            throw new IllegalStateException("the plan has other parameters than the network");
        }
        if (evaluations.stream().map(Plan::persistentBytes).distinct().count() > 1) {
            throw new IllegalStateException("plans of several batches share parameters, so these must lie in the same places");
        }
        return new SessionPlans(evaluations, training, withoutNoise);
    }

    private static Plan sound(Plan plan, Backend backend) {
        List<String> faults = PlanChecker.check(plan, backend);
        if (!faults.isEmpty()) {
            throw new IllegalStateException(
                    "the plan for " + plan.network().name() + " is unsound and is not run: " + String.join("; ", faults));
        }
        return plan;
    }

    /** On each device, the same for all plans. */
    long[] persistentBytes() {
        return evaluations.getLast().persistentBytes().stream().mapToLong(Long::longValue).toArray();
    }

    /** On each device, for the plan that needs most of it. */
    long[] scratchBytes() {
        long[] bytes = new long[evaluations.getLast().transientBytes().size()];
        Stream.concat(evaluations.stream(), Stream.of(training, withoutNoise).filter(Objects::nonNull)).forEach(plan -> {
            for (int device = 0; device < bytes.length; device++) {
                bytes[device] = Math.max(bytes[device], plan.transientBytes().get(device));
            }
        });
        return bytes;
    }
}
