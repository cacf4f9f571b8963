package duet.bench.conformance;

import java.util.Collection;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The forms of instructions in PTX text: an instruction's name with all that follows in dots, such as {@code fma.rn.f32}, and for each
 * special register {@code mov.u32 %tid.x}.
 */
public final class Forms {
    private static final Pattern INSTRUCTION = Pattern
            .compile("(?m)^[\\t {]*(?:@!?%\\w+[\\t ]+)?([a-z]\\w*(?:\\.\\w+(?:::\\w+)*)*)(?:[\\t ][^;\\n]*)?;");
    private static final Pattern SPECIAL = Pattern.compile("%(?:n?tid|n?ctaid)\\.[xyz]|%(?:laneid|warpid|lanemask_\\w+|clock(?:64)?)\\b");

    private Forms() {}

    public static SortedSet<String> in(Collection<String> modules) {
        SortedSet<String> forms = new TreeSet<>();
        for (String text : modules) {
            for (Matcher instruction = INSTRUCTION.matcher(text); instruction.find();) {
                forms.add(instruction.group(1));
            }
            for (Matcher register = SPECIAL.matcher(text); register.find();) {
                forms.add("mov.u32 " + register.group());
            }
        }
        return forms;
    }
}
