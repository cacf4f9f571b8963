package duet.plan;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** Copies of a plan with one small fault each, in every place where there is one of its kind. */
final class PlanMutants {
    private final Plan plan;

    PlanMutants(Plan plan) {
        this.plan = plan;
    }

    /**
     * A plan with a fault.
     *
     * @param words say which, and where
     */
    record Mutant(Supplier<String> words, Plan plan) {}

    /** @param edit gives for a step what takes its place, each time alone; nothing takes the place of what is taken away */
    private Stream<Mutant> each(Function<Step, List<Optional<Step>>> edit) {
        return IntStream.range(0, plan.streams().size()).boxed().flatMap(stream -> {
            StreamSteps old = plan.streams().get(stream);
            return IntStream.range(0, old.steps().size()).boxed().flatMap(place -> edit.apply(old.steps().get(place)).stream()
                    .map(change -> {
                        List<Step> steps = new ArrayList<>(old.steps().subList(0, place));
                        change.ifPresent(steps::add);
                        steps.addAll(old.steps().subList(place + 1, old.steps().size()));
                        List<StreamSteps> streams = new ArrayList<>(plan.streams());
                        streams.set(stream, new StreamSteps(old.device(), old.kind(), steps));
                        return new Mutant(() -> change.map(Object::toString).orElse("nothing") + " in place of step " + place + " of "
                                + old.label() + ", " + old.steps().get(place), with(streams));
                    }));
        });
    }

    /** Without one step. */
    Plan without(int stream, int place) {
        StreamSteps old = plan.streams().get(stream);
        List<Step> steps = new ArrayList<>(old.steps());
        steps.remove(place);
        List<StreamSteps> streams = new ArrayList<>(plan.streams());
        streams.set(stream, new StreamSteps(old.device(), old.kind(), steps));
        return with(streams);
    }

    private Plan with(List<StreamSteps> streams) {
        return with(streams, plan.parameters(), plan.inputs(), plan.outputs());
    }

    /** What the host is told about each lane's inputs and outputs, and where parts of parameters begin: each number changed by one. */
    Stream<Mutant> promises() {
        List<Mutant> mutants = new ArrayList<>();
        each(plan.inputs(), inputs -> Stream.concat(
                IntStream.range(0, inputs.runs().size()).mapToObj(i -> {
                    List<Range> runs = new ArrayList<>(inputs.runs());
                    runs.set(i, new Range(runs.get(i).first() + 1, runs.get(i).count()));
                    return new Plan.Inputs(runs, inputs.firstLabel(), inputs.images(), inputs.crops(), inputs.mean(),
                            inputs.colourShift(), inputs.labels(), inputs.features());
                }),
                Stream.of(new Plan.Inputs(inputs.runs(), inputs.firstLabel() + 1, inputs.images(), inputs.crops(), inputs.mean(),
                        inputs.colourShift(), inputs.labels(), inputs.features()))),
                all -> with(plan.streams(), plan.parameters(), all, plan.outputs()), mutants);
        each(plan.outputs(), outputs -> Stream.concat(
                Stream.of(new Plan.Outputs(outputs.firstImage() + 1, outputs.losses(), outputs.ranks(), outputs.probabilities(),
                        outputs.auxiliary(), outputs.status(), outputs.layers(), null)),
                outputs.layers().entrySet().stream().flatMap(layer -> IntStream.range(0, 3).mapToObj(axis -> {
                    Map<String, List<Plan.Piece>> layers = new LinkedHashMap<>(outputs.layers());
                    layers.put(layer.getKey(), layer.getValue().stream().map(piece -> new Plan.Piece(piece.tensor(),
                            piece.firstImage() + (axis == 0 ? 1 : 0), piece.firstChannel() + (axis == 1 ? 1 : 0),
                            piece.firstRow() + (axis == 2 ? 1 : 0))).toList());
                    return new Plan.Outputs(outputs.firstImage(), outputs.losses(), outputs.ranks(), outputs.probabilities(),
                            outputs.auxiliary(), outputs.status(), layers, null);
                }))), all -> with(plan.streams(), plan.parameters(), plan.inputs(), all), mutants);
        each(plan.parameters(), parameter -> parameter.bias() ? Stream.of() : Stream.concat(
                moved(parameter.parts()).map(parts -> with(parameter, parts, parameter.momentum())),
                moved(parameter.momentum()).map(momentum -> with(parameter, parameter.parts(), momentum))),
                all -> with(plan.streams(), all, plan.inputs(), plan.outputs()), mutants);
        return mutants.stream();
    }

    /** Each part from the next output, or the next input, on. */
    private static Stream<List<Plan.Part>> moved(List<Plan.Part> all) {
        return IntStream.range(0, all.size()).boxed().flatMap(i -> Stream.of(1, 0).map(by -> {
            List<Plan.Part> parts = new ArrayList<>(all);
            Plan.Part part = parts.get(i);
            parts.set(i, new Plan.Part(part.tensor(), part.firstOutput() + by, part.firstInput() + 1 - by));
            return parts;
        }));
    }

    private static Plan.Parameter with(Plan.Parameter p, List<Plan.Part> parts, List<Plan.Part> momentum) {
        return new Plan.Parameter(p.name(), p.layer(), p.bias(), p.sizes(), parts, momentum);
    }

    private static <T> void each(List<T> list, Function<T, Stream<T>> edit, Function<List<T>, Plan> plan, List<Mutant> mutants) {
        for (int i = 0; i < list.size(); i++) {
            int place = i;
            edit.apply(list.get(i)).forEach(changed -> {
                List<T> all = new ArrayList<>(list);
                all.set(place, changed);
                mutants.add(new Mutant(changed::toString, plan.apply(all)));
            });
        }
    }

    private Plan with(List<StreamSteps> streams, List<Plan.Parameter> parameters, List<Plan.Inputs> inputs, List<Plan.Outputs> outputs) {
        return new Plan(plan.network(), plan.placement(), plan.mode(), plan.batch(), parameters, inputs, outputs, streams, plan.regions(),
                plan.persistentBytes(), plan.transientBytes(), plan.preparedBytes(), plan.checkedLayers());
    }

    /** Operations of a kind, changed. */
    <T extends Operation> Stream<Mutant> operations(Class<T> kind, Function<T, List<? extends Operation>> edit) {
        return each(step -> step instanceof Step.Launch(Operation operation, var workspace, String method) && kind.isInstance(operation)
                ? edit.apply(kind.cast(operation)).stream().map(other -> Optional.<Step>of(new Step.Launch(other, workspace, method)))
                        .toList()
                : List.of());
    }

    /** Every operation and every copy missing. */
    Stream<Mutant> missing() {
        return each(step -> step instanceof Step.Launch || step instanceof Step.Copy ? List.of(Optional.empty()) : List.of());
    }

    /** Some operations missing, each alone. */
    Stream<Mutant> missing(Predicate<Operation> which) {
        return each(step -> step instanceof Step.Launch launch && which.test(launch.operation()) ? List.of(Optional.empty()) : List.of());
    }

    /** The tensors of a parameter's first two parts swapped. */
    Stream<Mutant> parts(String name) {
        List<Mutant> mutants = new ArrayList<>();
        each(plan.parameters(), parameter -> {
            List<Plan.Part> parts = new ArrayList<>(parameter.parts());
            if (!parameter.name().equals(name)) {
                return Stream.of();
            }
            Plan.Part first = parts.getFirst();
            Plan.Part second = parts.get(1);
            parts.set(0, new Plan.Part(second.tensor(), first.firstOutput(), first.firstInput()));
            parts.set(1, new Plan.Part(first.tensor(), second.firstOutput(), second.firstInput()));
            return Stream.of(with(parameter, parts, parameter.momentum()));
        }, all -> with(plan.streams(), all, plan.inputs(), plan.outputs()), mutants);
        return mutants.stream();
    }

    /** Every copy from each other tensor of the same size on the sender. */
    Stream<Mutant> copies() {
        return each(step -> step instanceof Step.Copy(String layer, Tensor from, Tensor to)
                ? like(from).stream().map(other -> Optional.<Step>of(new Step.Copy(layer, other, to))).toList() : List.of());
    }

    /** Every copy of a share to each tensor of its size that is none, and the other way about. */
    Stream<Mutant> copiesOfOtherRoles() {
        return each(step -> step instanceof Step.Copy(String layer, Tensor from, Tensor to)
                ? plan.regions().keySet().stream().filter(other -> other.device() == to.device() && other.format() == to.format()
                        && other.sizes().equals(to.sizes()) && (other.role() == Tensor.Role.SHARE) != (to.role() == Tensor.Role.SHARE))
                        .map(other -> Optional.<Step>of(new Step.Copy(layer, from, other))).toList()
                : List.of());
    }

    /** Every number of some operations, of their geometries and normalisations changed by one, and every factor doubled. */
    Stream<Mutant> numbers(Predicate<Operation> which) {
        return operations(Operation.class, operation -> which.test(operation) ? changed(operation).toList() : List.of());
    }

    /** Every tensor that some operations read or write replaced by each other one of the same size, role and device. */
    Stream<Mutant> operands(Predicate<Operation> which) {
        return operations(Operation.class, operation -> {
            List<Operation> others = new ArrayList<>();
            if (!which.test(operation)) {
                return others;
            }
            RecordComponent[] components = operation.getClass().getRecordComponents();
            for (int i = 0; i < components.length; i++) {
                if (value(operation, components[i]) instanceof Tensor tensor) {
                    for (Tensor other : like(tensor)) {
                        others.add(with(operation, i, other));
                    }
                }
            }
            return others;
        });
    }

    /** The parts of what is joined and the terms of what is added in another order, or one of them twice. */
    Stream<Mutant> orders() {
        return operations(Operation.class, operation -> switch (operation) {
            case Operation.Gather op -> List.of(
                    new Operation.Gather(op.layer(), op.axis(), op.parts().reversed(), op.whole()),
                    new Operation.Gather(op.layer(), op.axis(), Collections.nCopies(op.parts().size(), op.parts().getFirst()),
                            op.whole()));
            case Operation.Add op -> List.of(
                    new Operation.Add(op.layer(), op.right(), op.left(), op.output()),
                    new Operation.Add(op.layer(), op.left(), op.left(), op.output()),
                    new Operation.Add(op.layer(), op.right(), op.right(), op.output()));
            default -> List.of();
        });
    }

    /** But for what a layer has gathered, or cut out run by run: another may have done the same. */
    private List<Tensor> like(Tensor tensor) {
        if (tensor.name().endsWith(".input") || tensor.name().endsWith(".run")) {
            return List.of();
        }
        return plan.regions().keySet().stream().filter(other -> !other.equals(tensor) && other.device() == tensor.device()
                && other.format() == tensor.format() && other.sizes().equals(tensor.sizes()) && other.groups() == tensor.groups()
                && other.role() == tensor.role() && !other.name().endsWith(".input")).sorted(Comparator.comparingInt(Tensor::id))
                .toList();
    }

    private static <T> Stream<T> changed(T record) {
        RecordComponent[] components = record.getClass().getRecordComponents();
        return IntStream.range(0, components.length).boxed().flatMap(i -> {
            List<Object> others = switch (value(record, components[i])) {
                case Integer n -> List.of(n - 1, n + 1);
                case Float x -> List.of(2 * x);
                case ConvolutionGeometry g -> changed(g).map(Object.class::cast).toList();
                case PoolingGeometry g -> changed(g).map(Object.class::cast).toList();
                case ResponseNorm n -> changed(n).map(Object.class::cast).toList();
                case null, default -> List.of();
            };
            return others.stream().map(other -> with(record, i, other));
        });
    }

    private static Object value(Object record, RecordComponent component) {
        try {
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    @SuppressWarnings("unchecked") // of the same class
    private static <T> T with(T record, int place, Object value) {
        RecordComponent[] components = record.getClass().getRecordComponents();
        Object[] values = Arrays.stream(components).map(component -> value(record, component)).toArray();
        values[place] = value;
        try {
            return (T) record.getClass().getDeclaredConstructor(Arrays.stream(components).map(RecordComponent::getType)
                    .toArray(Class[]::new)).newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }
}
