package duet.bench.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import duet.bindings.KernelCode;

/**
 * Asks a device what it makes of every PTX form that the kernels use, at the edges of its operands, and of every misuse of the driver. A
 * real card's answers, kept under bench/gpu/answers, are what the virtual GPU is measured by.
 */
public final class Conformance {
    private static final int SECONDS = 120;
    private static final int PROCESSES = 4;

    private Conformance() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        String command = arguments.length == 3 ? arguments[0] : "";
        switch (command) {
            case "record" -> {
                Answers answers = ask(arguments[1]);
                answers.write(Path.of(arguments[2]));
                System.out.println(answers.forms().size() + " forms and " + answers.misuses().size() + " misuses of " + arguments[1]
                        + " are recorded in " + arguments[2]);
            }
            case "compare" -> {
                List<String> differences = compare(Path.of(arguments[2]), arguments[1], true);
                differences.forEach(System.out::println);
                System.out.println(differences.isEmpty() ? arguments[1] + " answers as recorded" : differences.size() + " differences");
                System.exit(differences.isEmpty() ? 0 : 1);
            }
            case "differ" -> {
                List<String> differences = Answers.read(Path.of(arguments[1])).differences(Answers.read(Path.of(arguments[2])));
                differences.forEach(System.out::println);
                System.out.println(differences.isEmpty() ? "no difference" : differences.size() + " differences");
                System.exit(differences.isEmpty() ? 0 : 1);
            }
            case "misuse" -> misuse(arguments[1], arguments[2]);
            default -> {
                System.err.println("usage: Conformance record DEVICE FILE | compare DEVICE FILE | differ FILE FILE | misuse DEVICE NAME");
                System.exit(2);
            }
        }
    }

    /** Forms in the built PTX that no kernel of this program asks about. */
    public static List<String> uncovered() {
        return forms().stream().filter(form -> KernelText.of(form).isEmpty()).toList();
    }

    private static Collection<String> forms() {
        return Forms.in(KernelCode.load().modules().values());
    }

    /** Everything. */
    private static Answers ask(String device) throws IOException, InterruptedException {
        Answers answers = Answers.empty();
        try (Card card = new Card(device)) {
            describe(answers, card, device);
            // ConformanceTest does not let it happen; on a card the other forms are worth having all the same.
            List<String> unknown = uncovered();
            if (!unknown.isEmpty()) {
                answers.header().put("not asked", String.join(", ", unknown));
            }
            for (String form : forms()) {
                Optional<KernelText.Kernel> kernel = KernelText.of(form);
                if (kernel.isPresent()) {
                    answers.forms().put(form, cases(kernel.get(), KernelText.used(form), card.run(kernel.get())));
                }
            }
        }
        answers.misuses().putAll(misusesOf(device, Misuse.ALL.keySet()));
        return answers;
    }

    private static void describe(Answers answers, Card card, String device) {
        answers.header().put("kind",
                Card.virtual(device) ? "virtual: not a card's answers; only to notice changes of the virtual GPU" : "card");
        answers.header().put("device", card.model() + ", compute capability " + card.computeCapability());
        answers.header().put("driver", Integer.toString(card.driverVersion()));
        answers.header().put("date", LocalDate.now(ZoneId.systemDefault()).toString());
    }

    private static List<Answers.Case> cases(KernelText.Kernel kernel, int used, long[][] answers) {
        List<Answers.Case> cases = new ArrayList<>();
        for (int i = 0; i < answers.length; i++) {
            cases.add(new Answers.Case(Arrays.copyOf(kernel.operands()[i], used), answers[i]));
        }
        return cases;
    }

    /**
     * How a device's answers to the operands in a file differ from those in it; empty if they agree.
     *
     * @param misuses also the driver's answers to misuse, which on a card takes a process for each
     */
    public static List<String> compare(Path file, String device, boolean misuses) throws IOException, InterruptedException {
        Answers recorded = Answers.read(file);
        Answers now = Answers.empty();
        List<String> unknown = new ArrayList<>();
        try (Card card = new Card(device)) {
            for (String form : recorded.forms().keySet()) {
                Optional<KernelText.Kernel> kernel = KernelText.of(form);
                if (kernel.isEmpty()) {
                    unknown.add(form + " is recorded in " + file + " but unknown to this program");
                    continue;
                }
                long[][] operands = recorded.forms().get(form).stream().map(one -> Answers.padded(one.operands())).toArray(long[][]::new);
                KernelText.Kernel same = new KernelText.Kernel(form, kernel.get().text(), operands, kernel.get().answers());
                now.forms().put(form, cases(same, KernelText.used(form), card.run(same)));
            }
        }
        if (misuses) {
            now.misuses().putAll(misusesOf(device, recorded.misuses().keySet().stream().filter(Misuse.ALL::containsKey).toList()));
        }
        List<String> differences = new ArrayList<>(recorded.differences(now));
        differences.addAll(unknown);
        return differences;
    }

    /** In the order of their names; some at a time, because a process takes most of a second to get to a card. */
    private static Map<String, String> misusesOf(String device, Collection<String> names) throws IOException, InterruptedException {
        Map<String, String> answers = new LinkedHashMap<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(Card.virtual(device) ? 1 : PROCESSES)) {
            Map<String, Future<String>> all = new LinkedHashMap<>();
            names.forEach(name -> all.put(name, pool.submit(() -> misuseOf(device, name))));
            for (Map.Entry<String, Future<String>> one : all.entrySet()) {
                answers.put(one.getKey(), one.getValue().get());
            }
        } catch (ExecutionException e) {
            throw new IOException("asking for a misuse of the driver failed", e);
        }
        return answers;
    }

    /** The driver's code, or how the process ended. The virtual GPU follows no invented handle, so it needs no process. */
    private static String misuseOf(String device, String name) throws IOException, InterruptedException {
        return Card.virtual(device) ? answer(device, name) : child(device, name);
    }

    private static String answer(String device, String name) {
        Card card = new Card(device);
        try {
            return Integer.toString(Misuse.ALL.get(name).applyAsInt(card));
        } catch (IllegalStateException e) {
            return "before it: " + e.getMessage();
        } finally {
            card.close();
        }
    }

    private static String child(String device, String name) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), "--enable-native-access=ALL-UNNAMED", "-XX:-CreateCoredumpOnCrash",
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1", "-XX:ErrorFile=/dev/null"));
        System.getProperties().stringPropertyNames().stream().filter(key -> key.startsWith("duet."))
                .forEach(key -> command.add("-D" + key + "=" + System.getProperty(key)));
        command.addAll(List.of(Conformance.class.getName(), "misuse", device, name));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        process.getOutputStream().close();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            return "no answer";
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return output.lines().filter(line -> line.startsWith("code ")).map(line -> line.substring(5)).findFirst().orElse("crash");
    }

    /** Prints the code and leaves at once: what the misuse has left behind is not cleaned up. */
    private static void misuse(String device, String name) {
        String code;
        try {
            code = Integer.toString(Misuse.ALL.get(name).applyAsInt(new Card(device)));
        } catch (IllegalStateException e) {
            code = "before it: " + e.getMessage();
        }
        System.out.println("code " + code);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
