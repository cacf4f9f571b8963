package duet.bench.probe;

import java.util.Locale;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;

import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.cuda.model.Mix;

/** Multiply-adds and products on tensor cores. */
final class ArithmeticProbes {
    private static final int LANES = 32;
    private static final int SCHEDULERS = 4;

    private ArithmeticProbes() {}

    /** Runs a kernel on all multiprocessors; cycles of a scheduler for a warp's turn of the loop. */
    private static double turn(ProbeCard card, ObjectNode answer, String kernel, IntToDoubleFunction expected, int threads, int turns,
            Number... more) {
        int blocks = card.virtual ? 1 : card.multiprocessors;
        long out = card.allocate(4L * blocks * threads);
        long clocks = card.allocate(16L * blocks);
        Number[] arguments = new Number[more.length + 3];
        arguments[0] = out;
        arguments[1] = clocks;
        System.arraycopy(more, 0, arguments, 2, more.length);
        arguments[arguments.length - 1] = turns;
        Runnable run = () -> card.run(kernel, blocks, threads, arguments);
        run.run();
        float[] results = card.floats(out + 4L * (blocks - 1) * threads, threads);
        boolean correct = answer.path("correct").asBoolean(true);
        for (int lane = 0; lane < LANES; lane++) {
            float right = (float) expected.applyAsDouble(lane);
            for (int thread = lane; thread < threads; thread += LANES) {
                correct &= Float.floatToIntBits(results[thread]) == Float.floatToIntBits(right);
            }
        }
        answer.put("correct", correct);
        if (card.virtual) {
            return 0;
        }
        double milliseconds = card.milliseconds(run);
        double cycles = card.cycles(clocks, blocks);
        answer.put("gigahertz", cycles / milliseconds * 1e-6);
        return cycles / turns / ((double) threads / LANES / SCHEDULERS);
    }

    private static int threads(ProbeCard card) {
        return card.virtual ? 64 : 1024;
    }

    private static int turns(ProbeCard card) {
        return card.virtual ? 3 : 4000;
    }

    static void free(ProbeCard card, ObjectNode answer) {
        float a = 0.999f;
        float b = 0.5f;
        int turns = turns(card);
        double cycles = turn(card, answer, "probe_ffma_free", lane -> {
            float sum = 0;
            for (int i = 0; i < 16; i++) {
                float x = lane + i;
                for (int k = 0; k < 24 * turns; k++) {
                    x = Math.fma(x, a, b);
                }
                sum += x;
            }
            return sum;
        }, threads(card), turns, a, b);
        answer.put("multiplyAdds", 16 * 24).put("replaces", "Card.FFMA_LANES: 1 cycle a warp and scheduler; Card.gigahertz");
        if (!card.virtual) {
            answer.put("cyclesEach", cycles / (16 * 24)).put("found", String.format(Locale.ROOT,
                    "FFMA: %.3f cycles a warp and scheduler, at %.3f GHz", cycles / (16 * 24), answer.path("gigahertz").asDouble()));
        }
    }

    static void banks(ProbeCard card, ObjectNode answer) {
        float scale = 1e-6f;
        int turns = turns(card);
        int numbers = 48;
        double cycles = turn(card, answer, "probe_ffma_banks", lane -> {
            float[] x = new float[numbers];
            for (int i = 0; i < numbers; i++) {
                x[i] = scale * ((lane + 7 * i) % 23 - 11);
            }
            for (int turn = 0; turn < turns; turn++) {
                for (int k = 0; k < 10; k++) {
                    for (int i = 0; i < numbers; i++) {
                        int c = i * 17 % numbers;
                        x[c] = Math.fma(x[(c + 1 + 5 * k) % numbers], x[(c + numbers - 2 - 3 * k) % numbers], x[c]);
                    }
                }
            }
            float sum = 0;
            for (float one : x) {
                sum += one;
            }
            return sum;
        }, threads(card), turns, scale);
        answer.put("multiplyAdds", 10 * numbers).put("replaces", "the cycle that a conflict of register banks costs (Mix.conflicts)");
        Optional<Mix> code = card.turn("probe_ffma_banks");
        code.ifPresent(mix -> answer.put("conflicts", mix.conflicts()));
        if (!card.virtual) {
            answer.put("cyclesEach", cycles / (10 * numbers));
            answer.put("found", code.map(mix -> {
                double each = (cycles - mix.instructions()) / mix.conflicts();
                answer.put("cyclesPerConflict", each);
                return String.format(Locale.ROOT, "FFMA with %.0f conflicts of register banks in %.0f: %.3f cycles, %.2f for each conflict",
                        mix.conflicts(), mix.ffma(), cycles / (10 * numbers), each);
            }).orElseGet(() -> String.format(Locale.ROOT, "FFMA with conflicts of register banks: %.3f cycles; how many there are is known "
                    + "for compute capability 9.0 alone", cycles / (10 * numbers))));
        }
    }

    /** For 1, 2 and 4 warps a scheduler: with one alone the interval of a warp shows, with four that of the tensor core. */
    static void tensor(ProbeCard card, ObjectNode answer) {
        int one = 0x3f80;
        int products = 32; // a turn
        int turns = turns(card);
        StringBuilder found = new StringBuilder();
        for (int warps : new int[] {1, 2, 4}) {
            double cycles = turn(card, answer, "probe_mma", _ -> 8 * 4 * 16.0 * 4 * turns, warps * SCHEDULERS * LANES, turns,
                    one << 16 | one);
            if (!card.virtual) {
                double interval = cycles / products;
                answer.put("interval" + warps, interval);
                found.append(String.format(Locale.ROOT, "%s%.2f with %d", found.isEmpty() ? "HMMA m16n8k16 every so many cycles: " : ", ",
                        interval, warps));
            }
        }
        answer.put("replaces", "the interval of HMMA in the machine code (MachineCode.tensorInterval): 6 on an H100, 8 on an A100");
        if (!card.virtual) {
            answer.put("found", found + " warps a scheduler");
        }
    }
}
