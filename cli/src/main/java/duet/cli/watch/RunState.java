package duet.cli.watch;

import com.fasterxml.jackson.annotation.JsonValue;

/** What has become of a training. */
enum RunState {
    /** It holds its folder, or its metrics have just grown. */
    RUNNING("running"),
    /** Its last checkpoint is that of its last step, or of an early stop. */
    FINISHED("finished"),
    /** Asked to stop, it wrote a checkpoint after its last step. */
    STOPPED("stopped"),
    /** It ended without a checkpoint of its last step: it was killed, or diverged. */
    FAILED("failed");

    private final String word;

    RunState(String word) {
        this.word = word;
    }

    @JsonValue
    String word() {
        return word;
    }
}
