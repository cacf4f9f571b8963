#!/bin/sh
# Checks how the C++ and CUDA sources look: at most 400 lines a file and 140 characters a line, formatted as .clang-format says. Another version
# than clang-format 14 would format some lines differently, so without that one the formatting is not checked.
# style.sh --format formats them.
cd "$(dirname "$0")/.." || exit 1
sources=$(find native -path native/build -prune -o -path native/target -prune -o \
  \( -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) -print | sort)
failed=0

for file in $sources; do
  awk '
    length($0) > 140 { print FILENAME ":" FNR ": " length($0) " characters; at most 140"; failed = 1 }
    END { if (FNR > 400) { print FILENAME ": " FNR " lines; at most 400"; failed = 1 }; exit failed }' "$file" || failed=1
done

formatter=
for program in clang-format-14 clang-format; do
  case $("$program" --version 2>/dev/null) in *" version 14."*) formatter=$program; break ;; esac
done
if [ -z "$formatter" ]; then
  echo "native/style.sh: formatting is not checked: no clang-format 14 (apt-get install clang-format-14)"
elif [ "${1:-}" = --format ]; then
  "$formatter" -i $sources
else
  "$formatter" --dry-run -Werror $sources || { echo "native/style.sh --format formats them"; failed=1; }
fi
exit $failed
