package duet.device.cuda;

import static duet.device.cuda.Fault.Numbers.RIGHT;
import static duet.device.cuda.Fault.Numbers.WRONG;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import duet.device.Backend;
import duet.device.Operation.ConvolutionForward;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.cuda.Fault.Numbers;

/** Faults in what streams do and where tensors lie: a plan on two towers, on two cards and on one. */
final class PlanFaults {
    private final PlanBed sound = PlanBed.towers();
    private final int compute = sound.stream(0, Kind.COMPUTE);
    private final int copy = sound.stream(0, Kind.COPY);
    private final List<Fault> faults = new ArrayList<>();

    private PlanFaults() {}

    /** @param backend with two devices, on which all are run */
    static List<Fault> list(Backend backend, String where) {
        PlanFaults f = new PlanFaults();
        List<Step> computes = f.sound.steps(f.compute);
        List<Step> copies = f.sound.steps(f.copy);
        int wait = PlanBed.find(computes, step -> step instanceof Step.Wait);
        int lastCopy = PlanBed.findLast(copies, step -> step instanceof Step.Copy);
        Step lastArrival = new Step.Wait(((Step.Record) copies.get(lastCopy + 1)).event());
        int ready = PlanBed.find(computes, step -> step instanceof Step.Record);
        int firstCopy = PlanBed.find(copies, step -> step instanceof Step.Copy);
        int convolution = PlanBed.find(computes, step -> step instanceof Step.Launch l && l.operation() instanceof ConvolutionForward);

        f.add(backend, "a gather does not wait for its copy", "unordered", WRONG, f.sound.without(f.compute, wait));
        f.add(backend, "backward does not wait for the other card's gradients", "unordered", WRONG,
                f.sound.without(f.compute, computes.indexOf(lastArrival)));
        f.add(backend, "a copy does not wait for the data", "unordered", WRONG, f.sound.without(f.copy, firstCopy - 1));
        f.add(backend, "data are said to be ready before they are", "unordered", RIGHT,
                f.sound.edited(f.compute, steps -> steps.add(convolution, steps.remove(ready))));
        f.add(backend, "a copy is said to be done before it is", "unordered", RIGHT,
                f.sound.edited(f.copy, steps -> Collections.swap(steps, firstCopy, firstCopy + 1)));
        f.add(backend, "an operation is missing", "uninitialized-global", WRONG, f.sound.without(f.compute, convolution));
        f.add(backend, "an operation in the other stream", "unordered", WRONG, f.otherStream(convolution));
        f.add(backend, "a copy into a smaller tensor", "uninitialized-global", WRONG, f.otherTarget(firstCopy));
        f.add(backend, "a copy into memory of a live tensor", "unordered", RIGHT, f.overlap());
        return f.faults.stream()
                .map(fault -> new Fault(where + ": " + fault.name(), fault.sign(), fault.numbers(), fault.sound(), fault.faulty()))
                .toList();
    }

    private PlanBed otherStream(int step) {
        Step moved = sound.steps(compute).get(step);
        return sound.without(compute, step).edited(copy, steps -> steps.addFirst(moved));
    }

    private PlanBed otherTarget(int index) {
        Step.Copy step = (Step.Copy) sound.steps(copy).get(index);
        Tensor small = sound.plan.outputs().getFirst().losses();
        return sound.edited(copy, steps -> steps.set(index, new Step.Copy(step.layer(), step.from(), small)));
    }

    /** Where the last exchange's data arrive, the device computes meanwhile. */
    private PlanBed overlap() {
        List<Step> computes = sound.steps(compute);
        int last = PlanBed.findLast(computes, step -> step instanceof Step.Record);
        int next = last + PlanBed.find(computes.subList(last, computes.size()), step -> step instanceof Step.Launch);
        Tensor live = ((Step.Launch) computes.get(next)).operation().reads().getLast();
        int index = PlanBed.findLast(sound.steps(copy), step -> step instanceof Step.Copy);
        Tensor arriving = ((Step.Copy) sound.steps(copy).get(index)).to();
        return sound.moved(arriving, new Region(sound.plan.regions().get(live).area(), sound.plan.regions().get(live).offset(),
                sound.plan.regions().get(arriving).bytes()));
    }

    private void add(Backend backend, String name, String sign, Numbers numbers, PlanBed faulty) {
        faults.add(new Fault(name, sign, numbers, () -> sound.run(backend), () -> faulty.run(backend)));
    }
}
