package duet.cli.watch;

import duet.train.output.Metrics;

/**
 * A run as a line of the list. What is not known is null.
 *
 * @param id          by which it is asked for
 * @param name        for people
 * @param network     name of its network
 * @param words       the state in a sentence
 * @param step        steps done
 * @param lastStep    steps in all
 * @param epoch       passes over the data done
 * @param loss        of training, mean over the last steps
 * @param validation  the last
 * @param best        that with the lowest error
 * @param speed       images a second
 * @param secondsLeft without validations
 * @param checkpoint  step of the last one
 * @param filters     changes whenever the picture of the filters does; null: there is none
 * @param generation  of the curves: another one means that they began again
 */
record RunSummary(String id, String name, String network, RunState state, String words, long step, Long lastStep, double epoch, Double loss,
        Metrics validation, Metrics best, Double speed, Double secondsLeft, Long checkpoint, Long filters, int generation) {}
