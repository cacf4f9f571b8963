package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;

import duet.device.Operation;
import duet.device.Tensor;
import duet.plan.PlanSteps.Exchange;
import duet.plan.PlanSteps.Parcel;

/**
 * Devices that add up what each of them has computed, in an order that does not depend on how many they are: each what it has itself, and
 * then what all have, in the order of {@link Sums}.
 *
 * @param order the devices; those of an inner list are added up first
 */
record Team(List<List<Integer>> order) {
    /** Copies the lists. */
    Team {
        order = order.stream().map(List::copyOf).toList();
    }

    /** One after the other. */
    static Team of(List<Integer> devices) {
        return new Team(devices.stream().map(List::of).toList());
    }

    /** In the order of their numbers. */
    List<Integer> devices() {
        return order.stream().flatMap(List::stream).sorted().toList();
    }

    /**
     * The sums of what each device has computed itself.
     *
     * @param terms for each device, one or several; they are overwritten
     */
    List<Tensor> own(PlanSteps steps, String layer, List<List<Tensor>> terms) {
        return terms.stream().map(own -> Sums.of(own, add(steps, layer, null))).toList();
    }

    /** @param own where the sum is wanted, if it is one of the terms; else the left one has it */
    private static BinaryOperator<Tensor> add(PlanSteps steps, String layer, Tensor own) {
        return (left, right) -> {
            Tensor sum = right.equals(own) ? right : left;
            steps.launch(sum.device(), new Operation.Add(layer, left, right, sum));
            return sum;
        };
    }

    /**
     * The sum of what all devices have, on one of them.
     *
     * @param terms of each device, all there; they are overwritten
     * @param own   that of the device on which they are added up, and then the sum
     */
    Tensor sum(PlanSteps steps, String layer, List<Tensor> terms, Tensor own) {
        BinaryOperator<Tensor> add = add(steps, layer, own);
        List<Integer> devices = devices();
        return Sums.of(order.stream().map(inner -> Sums.of(inner.stream().map(device -> terms.get(devices.indexOf(device))).toList(), add))
                .toList(), add);
    }

    /**
     * The sum of what all devices have, on every one of them. Copies start at once; the sums are made when the result is asked for.
     *
     * @param terms for each device, one or several of equal size; they are overwritten
     * @param name  of what arrives
     * @return a tensor for each device
     */
    Supplier<List<Tensor>> sums(PlanSteps steps, String layer, List<List<Tensor>> terms, String name) {
        List<Tensor> sent = own(steps, layer, terms);
        if (sent.size() == 1) {
            return () -> sent;
        }
        List<Parcel> parcels = new ArrayList<>();
        for (Tensor to : sent) {
            sent.stream().filter(term -> !term.equals(to)).forEach(term -> parcels.add(new Parcel(term, layer + name, to.device())));
        }
        Exchange exchange = steps.exchange(layer, parcels);
        return () -> {
            steps.await(exchange);
            List<Tensor> sums = new ArrayList<>();
            int next = 0;
            for (Tensor to : sent) {
                List<Tensor> here = new ArrayList<>();
                for (Tensor term : sent) {
                    here.add(term.equals(to) ? term : exchange.arrived().get(next++));
                }
                sums.add(sum(steps, layer, here, to));
            }
            return sums;
        };
    }
}
