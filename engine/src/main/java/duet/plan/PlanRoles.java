package duet.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

import duet.device.Operation;
import duet.device.Step;
import duet.device.Tensor;
import duet.device.Tensor.Role;

/** The part of {@link PlanChecker} about what tensors are for: parameters, inputs and outputs. */
final class PlanRoles {
    private final Plan plan;
    private final List<Step> steps;
    private final List<String> faults = new ArrayList<>();

    private PlanRoles(Plan plan) {
        this.plan = plan;
        steps = plan.streams().stream().flatMap(stream -> stream.steps().stream()).toList();
    }

    static List<String> check(Plan plan) {
        PlanRoles roles = new PlanRoles(plan);
        plan.parameters().forEach(roles::covered);
        roles.updates();
        roles.writes();
        roles.checks();
        return roles.faults;
    }

    /**
     * Of the parts, and of those of the momentum, no two meet unless they are the same on different devices, and together they are the
     * whole.
     */
    private void covered(Plan.Parameter parameter) {
        covered(parameter, parameter.parts(), Role.PARAMETER, "its parts");
        covered(parameter, parameter.momentum(), Role.MOMENTUM, "the parts of its momentum");
    }

    private void covered(Plan.Parameter parameter, List<Plan.Part> parts, Role role, String words) {
        for (Plan.Part part : parts) {
            if (part.tensor().role() != role) {
                faults.add(parameter.name() + " has " + part.tensor() + " among " + words + ", whose role is " + part.tensor().role());
            }
            if (!plan.regions().containsKey(part.tensor())) {
                faults.add(part.tensor() + " has no memory");
            }
        }
        List<List<Plan.Part>> copies = Plan.Part.copies(parts);
        List<Plan.Part> firsts = copies.stream().map(List::getFirst).toList();
        boolean apart = copies.stream()
                .allMatch(same -> same.stream().map(part -> part.tensor().device()).distinct().count() == same.size());
        boolean disjoint = IntStream.range(0, firsts.size())
                .allMatch(i -> IntStream.range(0, i).noneMatch(j -> overlap(firsts.get(i), firsts.get(j))));
        if (!apart || !disjoint || firsts.stream().mapToLong(part -> part.tensor().elements()).sum() != parameter.elements()) {
            faults.add(parameter.name() + ": " + words + " do not make up its " + parameter.elements() + " elements");
        }
    }

    private static boolean overlap(Plan.Part one, Plan.Part other) {
        boolean vector = one.tensor().format() == Tensor.Format.VECTOR;
        return meet(one.firstOutput(), outputs(one), other.firstOutput(), outputs(other))
                && (vector || meet(one.firstInput(), one.tensor().channels(), other.firstInput(), other.tensor().channels()));
    }

    private static int outputs(Plan.Part part) {
        return part.tensor().format() == Tensor.Format.VECTOR ? part.tensor().channels() : part.tensor().batch();
    }

    private static boolean meet(int first, int count, int otherFirst, int otherCount) {
        return first < otherFirst + otherCount && otherFirst < first + count;
    }

    /**
     * Training updates every part of the momentum once, with its parameter's rate; evaluation updates nothing. That the parameter is what
     * these updates make of it is {@link PlanMeaning}'s business.
     */
    private void updates() {
        Map<Tensor, Integer> updates = new HashMap<>();
        for (Step step : steps) {
            if (step instanceof Step.Launch(Operation.SgdUpdate update, _, _)) {
                updates.merge(update.momentum(), 1, Integer::sum);
                boolean known = update.rateIndex() >= 0 && update.rateIndex() < plan.parameters().size()
                        && plan.parameters().get(update.rateIndex()).momentum().stream()
                                .anyMatch(part -> part.tensor().equals(update.momentum()));
                if (!known) {
                    faults.add("the update of " + update.weight() + " uses the momentum or learning rate of something else");
                }
            }
        }
        int wanted = plan.mode() == Mode.TRAINING ? 1 : 0;
        for (Plan.Parameter parameter : plan.parameters()) {
            for (Plan.Part part : parameter.momentum()) {
                int count = updates.getOrDefault(part.tensor(), 0);
                if (count != wanted) {
                    faults.add(part.tensor() + " is updated " + count + " times in a plan for " + plan.mode().name());
                }
            }
        }
    }

    /**
     * Only updates write what outlives the run, and in training what joins updated shares of a parameter; nobody what the host has written;
     * what the host will read is written.
     */
    private void writes() {
        Set<Tensor> written = new HashSet<>();
        for (Step step : steps) {
            written.addAll(step.writes());
            for (Tensor tensor : step.writes()) {
                if (tensor.role() == Role.INPUT || tensor.role().persistent() && !updates(step, tensor)) {
                    faults.add(tensor + " is overwritten by a step, but its role is " + tensor.role());
                }
            }
        }
        for (Plan.Outputs outputs : plan.outputs()) {
            List<Tensor> read = new ArrayList<>();
            outputs.layers().values().forEach(pieces -> pieces.forEach(piece -> read.add(piece.tensor())));
            read.addAll(outputs.auxiliary());
            read.addAll(Arrays.asList(outputs.losses(), outputs.ranks(), outputs.probabilities(), outputs.status(), outputs.projection()));
            for (Tensor tensor : read) {
                if (tensor != null && !written.contains(tensor)) {
                    faults.add(tensor + " is an output, but nothing writes it");
                }
            }
        }
    }

    private boolean updates(Step step, Tensor tensor) {
        return step instanceof Step.Launch(Operation operation, _, _) && (operation instanceof Operation.SgdUpdate
                || operation instanceof Operation.FilterRenormalise
                || operation instanceof Operation.Gather && tensor.role() == Role.PARAMETER && plan.mode() == Mode.TRAINING);
    }

    /** Every lane looks after every checked layer once. */
    private void checks() {
        Map<List<Object>, Integer> counts = new HashMap<>();
        for (Step step : steps) {
            if (step instanceof Step.Launch(Operation.FiniteCheck check, _, _)) {
                counts.merge(List.of(check.status(), check.index()), 1, Integer::sum);
            }
        }
        for (Plan.Outputs outputs : plan.outputs()) {
            for (int i = 0; i < plan.checkedLayers().size(); i++) {
                int count = outputs.status() == null ? 0 : counts.getOrDefault(List.of(outputs.status(), i), 0);
                if (count != 1) {
                    faults.add(plan.checkedLayers().get(i) + " is checked " + count + " times into " + outputs.status());
                }
            }
        }
    }
}
