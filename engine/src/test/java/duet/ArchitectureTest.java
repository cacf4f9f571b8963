package duet;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import duet.device.Backends;
import org.junit.jupiter.api.Test;

/** The house stays as it was drawn: who may use whom, and what users get to see. */
class ArchitectureTest {
    /** From the top down: each may use those after it. Packages that lie inside of one of these count as part of it. */
    private static final List<String> LAYERS = List.of(
            "duet.use", "duet.train", "duet.data", "duet.model", "duet.plan", "duet.net", "duet.device", "duet.files", "duet.json",
            "duet.text");
    /** The rooms of three layers, from the top down. */
    private static final List<List<String>> ROOMS = List.of(
            List.of("duet.train", "duet.train.output", "duet.train.schedule"),
            List.of("duet.data.prepare", "duet.data.source", "duet.data.shard", "duet.data.image", "duet.data", "duet.data.pixels"),
            List.of("duet.device.cuda", "duet.device.cuda.model", "duet.device.cuda.lowering", "duet.device.cuda.driver",
                    "duet.device.ranks",
                    "duet.device"));

    private static final JavaClasses ENGINE = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("duet");

    @Test
    void packagesUseOnlyThoseBelowThem() {
        for (int lower = 1; lower < LAYERS.size(); lower++) {
            for (String upper : LAYERS.subList(0, lower)) {
                noClasses().that().resideInAPackage(LAYERS.get(lower) + "..").should().dependOnClassesThat().resideInAPackage(upper + "..")
                        .check(ENGINE);
            }
        }
    }

    @Test
    void roomsUseOnlyThoseBelowThem() {
        for (List<String> rooms : ROOMS) {
            for (int lower = 1; lower < rooms.size(); lower++) {
                for (String upper : rooms.subList(0, lower)) {
                    noClasses().that().resideInAPackage(rooms.get(lower)).should().dependOnClassesThat().resideInAPackage(upper)
                            .check(ENGINE);
                }
            }
        }
    }

    @Test
    void noPackagesUseEachOtherInACircle() {
        SliceAssignment packages = new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass type) {
                // What jextract makes asks the hand-written finder for its library, and that asks it for the library's version.
                return SliceIdentifier.of(type.getPackageName().replaceFirst("^duet\\.bindings\\..*", "duet.bindings"));
            }

            @Override
            public String getDescription() {
                return "packages";
            }
        };
        slices().assignedFrom(packages).should().beFreeOfCycles().check(ENGINE);
    }

    /** Backends are found by {@code ServiceLoader}: a third one touches no line of these. */
    @Test
    void nobodyKnowsABackendByItsClass() {
        for (String backend : List.of("duet.device.cpu", "duet.device.cuda")) {
            noClasses().that().resideOutsideOfPackage(backend + "..").should().dependOnClassesThat().resideInAPackage(backend + "..")
                    .check(ENGINE);
        }
    }

    /** The list for the class path and the one for the module path name the same classes, and each is found. */
    @Test
    void providersAreTheSameOnClassPathAndModulePath() throws IOException {
        String descriptor = Files.readString(Path.of("src/main/java/module-info.java"));
        Matcher provides = Pattern.compile("provides duet\\.device\\.BackendProvider with([^;]*);").matcher(descriptor);
        assertTrue(provides.find(), "module-info.java provides backends");
        List<String> modular = Stream.of(provides.group(1).strip().split("\\s*,\\s*")).sorted().toList();
        assertEquals(modular, Files.readAllLines(Path.of("src/main/resources/META-INF/services/duet.device.BackendProvider")).stream()
                .sorted().toList());
        assertEquals(modular, Backends.providers().stream().map(provider -> provider.getClass().getName()).sorted().toList());
    }

    /** No parameter, result, field, component or type argument of what a user can reach is native memory. */
    @Test
    void exportedTypesShowNoNativeMemory() throws IOException {
        List<String> shown = new ArrayList<>();
        List<String> exported = exported();
        assertTrue(exported.contains("duet.device"), exported.toString());
        for (JavaClass type : ENGINE) {
            if (exported.contains(type.getPackageName()) && reachable(type)) {
                type.getMembers().stream().filter(ArchitectureTest::visible).filter(ArchitectureTest::showsNativeMemory)
                        .forEach(member -> shown.add(member.getFullName()));
            }
        }
        assertEquals(List.of(), shown);
    }

    private static List<String> exported() throws IOException {
        Matcher exports = Pattern.compile("exports ([\\w.]+);").matcher(Files.readString(Path.of("src/main/java/module-info.java")));
        return exports.results().map(result -> result.group(1)).toList();
    }

    private static boolean reachable(JavaClass type) {
        Optional<JavaClass> outer = type.getEnclosingClass();
        return type.getModifiers().contains(JavaModifier.PUBLIC) && (outer.isEmpty() || reachable(outer.get()));
    }

    private static boolean visible(JavaMember member) {
        return member.getModifiers().contains(JavaModifier.PUBLIC) || member.getModifiers().contains(JavaModifier.PROTECTED);
    }

    private static boolean showsNativeMemory(JavaMember member) {
        List<JavaType> types = new ArrayList<>();
        if (member instanceof JavaField field) {
            types.add(field.getType());
        }
        if (member instanceof JavaCodeUnit unit) {
            types.add(unit.getReturnType());
            types.addAll(unit.getParameterTypes());
        }
        return types.stream().flatMap(type -> type.getAllInvolvedRawTypes().stream())
                .anyMatch(raw -> raw.getBaseComponentType().isEquivalentTo(MemorySegment.class));
    }

    /** The rule above sees what it is there for. */
    @Test
    void theRuleOnNativeMemorySeesAllPlaces() {
        JavaClass seeded = new ClassFileImporter().importClass(Seeded.class);
        List<String> found = seeded.getMembers().stream().filter(ArchitectureTest::showsNativeMemory).map(JavaMember::getName).sorted()
                .toList();
        assertEquals(List.of("array", "field", "generic", "parameter", "result"), found);
        assertFalse(found.contains("harmless"));
    }

    @SuppressWarnings("unused")
    private static final class Seeded {
        public List<MemorySegment> field;
        public MemorySegment[] array;

        public MemorySegment result() {
            return null;
        }

        public void parameter(MemorySegment segment) {}

        public void generic(List<? super MemorySegment> segments) {}

        public List<String> harmless(int number) {
            return List.of();
        }
    }

    @Test
    void nativeFunctionsAreCalledOnlyWhereTheyBelong() {
        classes().that().resideInAPackage("duet.bindings.cpu..").should().onlyBeAccessed()
                .byAnyPackage("duet.bindings..", "duet.device.cpu..").check(ENGINE);
        classes().that().resideInAPackage("duet.bindings.cuda..").should().onlyBeAccessed()
                .byAnyPackage("duet.bindings..", "duet.device.cuda..").check(ENGINE);
        noClasses().that().resideOutsideOfPackages("duet.bindings..").and().doNotHaveFullyQualifiedName("duet.device.VirtualGpu")
                .should().dependOnClassesThat(resideInAPackage("duet.bindings.vgpu..")).check(ENGINE);
    }
}
