package duet.device.cuda;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import duet.bindings.KernelCode;

/** The kernels' PTX with changes in one of them. */
final class Ptx {
    private static final KernelCode SOUND = KernelCode.load();

    private Ptx() {}

    static KernelCode sound() {
        return SOUND;
    }

    /** A kernel's part of its module. */
    static String text(String kernel) {
        String module = SOUND.modules().get(SOUND.moduleOf(kernel));
        return module.substring(begin(module, kernel), end(module, kernel));
    }

    private static int begin(String module, String kernel) {
        return module.indexOf(".visible .entry " + kernel + "(");
    }

    private static int end(String module, String kernel) {
        return module.indexOf("\n}\n", begin(module, kernel)) + 3;
    }

    /** Throws if the change does nothing: then the kernel no longer looks as the fault needs it. */
    static KernelCode changed(String kernel, UnaryOperator<String> change) {
        String name = SOUND.moduleOf(kernel);
        String module = SOUND.modules().get(name);
        String before = text(kernel);
        String after = change.apply(before);
        if (after.equals(before)) {
            throw new AssertionError("the change of " + kernel + " changes nothing");
        }
        Map<String, String> modules = new LinkedHashMap<>(SOUND.modules());
        modules.put(name, module.substring(0, begin(module, kernel)) + after + module.substring(end(module, kernel)));
        return new KernelCode(modules);
    }

    static int count(String kernel, String pattern) {
        return (int) Pattern.compile(pattern).matcher(text(kernel)).results().count();
    }

    /**
     * Replaces one match of a pattern.
     *
     * @param index which, from 0; below 0 from the end
     * @param by    may name groups of the pattern, as $1
     */
    static UnaryOperator<String> replace(String pattern, int index, String by) {
        return text -> {
            var matches = Pattern.compile(pattern).matcher(text).results().toList();
            int at = index < 0 ? matches.size() + index : index;
            if (at < 0 || at >= matches.size()) {
                throw new AssertionError(matches.size() + " matches of " + pattern + ", wanted " + index);
            }
            MatchResult match = matches.get(at);
            String filled = by;
            for (int group = match.groupCount(); group > 0; group--) {
                filled = filled.replace("$" + group, match.group(group));
            }
            return text.substring(0, match.start()) + filled + text.substring(match.end());
        };
    }

    static UnaryOperator<String> drop(String pattern, int index) {
        return replace(pattern, index, "");
    }
}
