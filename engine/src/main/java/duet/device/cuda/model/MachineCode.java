package duet.device.cuda.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** A kernel's instructions, and its loops as far as they can be told from branches backward. */
public final class MachineCode {
    private final List<Instruction> code;
    private final Mix[] mixes;
    private final List<Loop> loops = new ArrayList<>();
    private final int registers;
    private final int sharedBytes;

    /** @param mix of one turn, inner loops taken once */
    private record Loop(int first, int last, Mix mix) {
        boolean surrounds(Loop inner) {
            return first <= inner.first && inner.last <= last && last - first > inner.last - inner.first;
        }
    }

    MachineCode(List<Instruction> code, int registers, int sharedBytes) {
        this.code = code;
        this.registers = registers;
        this.sharedBytes = sharedBytes;
        mixes = new Mix[code.size()];
        int interval = tensorInterval();
        int[] cache = {-1, -1, -1};
        Map<Integer, Integer> ends = new TreeMap<>();
        for (int i = 0; i < mixes.length; i++) {
            Instruction instruction = code.get(i);
            mixes[i] = Mix.of(instruction, instruction.conflicts(cache), interval);
            instruction.reuse(cache);
            // Behind the last instruction of a kernel stands a branch to itself.
            if (instruction.target() >= 0 && instruction.target() < i) {
                ends.merge(instruction.target(), i, Math::max);
            }
        }
        ends.forEach((first, last) -> loops.add(new Loop(first, last, way(first, last))));
    }

    /** The way from one instruction to another that does the most work, in forward steps. */
    private Mix way(int first, int last) {
        Mix[] best = new Mix[last + 1];
        best[first] = Mix.NOTHING;
        Mix left = null;
        for (int i = first; i <= last; i++) {
            if (best[i] == null) {
                continue;
            }
            Instruction instruction = code.get(i);
            Mix behind = best[i].plus(mixes[i]);
            if (i == last || instruction.is(Instruction.EXIT)) {
                left = left == null || behind.worksMoreThan(left) ? behind : left;
            }
            if (instruction.fallsThrough()) {
                reach(best, i + 1, behind);
            }
            if (instruction.target() > i) {
                reach(best, instruction.target(), behind);
            }
        }
        return left == null ? Mix.NOTHING : left;
    }

    private static void reach(Mix[] best, int at, Mix mix) {
        if (at < best.length && (best[at] == null || mix.worksMoreThan(best[at]))) {
            best[at] = mix;
        }
    }

    /** {@return the registers of a thread} */
    public int registers() {
        return registers;
    }

    /** {@return the shared memory of a block that is not asked for at its launch, in bytes} */
    public int sharedBytes() {
        return sharedBytes;
    }

    /** {@return how many loads from and stores to local memory it has: spills, or arrays that registers cannot hold} */
    public int localAccesses() {
        return count(0, code.size() - 1, Instruction.LDL) + count(0, code.size() - 1, Instruction.STL);
    }

    /** {@return how many instructions of tensor cores it has} */
    public int tensorInstructions() {
        return count(0, code.size() - 1, Instruction.HMMA);
    }

    private int count(int first, int last, int opcode) {
        return (int) code.subList(first, last + 1).stream().filter(instruction -> instruction.is(opcode)).count();
    }

    /**
     * {@return cycles until a tensor core takes the next instruction: the stall count that those have most often which another follows; 0
     * without tensor instructions} Before other instructions the count is shorter, since those go elsewhere.
     */
    public int tensorInterval() {
        Map<Integer, Integer> times = new TreeMap<>();
        for (int i = 0; i + 1 < code.size(); i++) {
            if (code.get(i).is(Instruction.HMMA) && code.get(i + 1).is(Instruction.HMMA)) {
                times.merge(code.get(i).stall(), 1, Integer::sum);
            }
        }
        return times.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey).orElse(0);
    }

    /** {@return the share of fused multiply-adds among the instructions of the main loop; 0 without a loop that has any} */
    public double mainLoopShare() {
        return mainLoopShare(Instruction.FFMA);
    }

    /** {@return the share of tensor cores' instructions there} */
    public double mainLoopTensorShare() {
        return mainLoopShare(Instruction.HMMA);
    }

    private double mainLoopShare(int opcode) {
        return mainLoop().map(loop -> (double) count(loop.first, loop.last, opcode) / (loop.last - loop.first + 1)).orElse(0.0);
    }

    /** The loop with the most products; of nested ones the inner: nearly as many products, a larger share. */
    private Optional<Loop> mainLoop() {
        Loop main = null;
        for (Loop loop : loops) {
            double products = loop.mix.products();
            if (products > 0 && (main == null || products >= 0.9 * main.mix.products()
                    && (share(loop) > share(main) || products > main.mix.products() / 0.9))) {
                main = loop;
            }
        }
        return Optional.ofNullable(main);
    }

    private static double share(Loop loop) {
        return loop.mix.products() / loop.mix.instructions();
    }

    private Optional<Loop> around(Loop inner) {
        return loops.stream().filter(loop -> loop.surrounds(inner)).min(Comparator.comparingInt(loop -> loop.last - loop.first));
    }

    /** {@return what a warp issues in a turn of the main loop} Empty without products in a loop. */
    public Optional<Mix> mainTurn() {
        return mainLoop().map(Loop::mix);
    }

    /** {@return what a warp issues for a number of turns of the main loop within one turn of the loop around it} */
    Mix turns(double turns) {
        Loop main = mainLoop().orElseThrow();
        return turns <= 1 ? main.mix.times(turns)
                : around(main).map(outer -> outer.mix.plus(main.mix.times(turns - 1))).orElseGet(() -> main.mix.times(turns));
    }

    /** {@return the bytes of global memory that a thread moves at most; infinite with a loop that moves any} */
    double mostBytes() {
        return loops.stream().anyMatch(loop -> loop.mix.movedBytes() > 0) ? Double.POSITIVE_INFINITY : way(0, code.size() - 1).movedBytes();
    }

    /**
     * {@return what a warp issues in the whole kernel} The loop that moves the most bytes is turned until {@code bytes} have been moved,
     * other loops once.
     *
     * @param bytes of a thread
     */
    Mix whole(double bytes) {
        Mix once = way(0, code.size() - 1);
        ToDoubleFunction<Loop> moved = loop -> loop.mix.movedBytes();
        return loops.stream().filter(loop -> moved.applyAsDouble(loop) > 0).max(Comparator.comparingDouble(moved))
                .map(loop -> once.plus(loop.mix.times(Math.max(0, (bytes - once.movedBytes()) / moved.applyAsDouble(loop))))).orElse(once);
    }
}
