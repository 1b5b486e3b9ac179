#!/bin/sh
# Format, lint and documentation checks: what a reviewer should never have to say.
set -eu
cd "$(dirname "$0")/.."
status=0
fail() { echo "check: $1" >&2; status=1; }

swift_files=$(git ls-files '*.swift' | grep -v '/Generated/')
swift format lint --strict --parallel --configuration .swift-format $swift_files \
    || fail "swift format (run: swift format --in-place --parallel --configuration .swift-format FILES; mend what stays)"

sources=$(git ls-files 'Sources/*.swift' | grep -v '/Generated/')
if grep -nE '@unchecked Sendable|nonisolated\(unsafe\)|\btry!|\bas!|\bfatalError\(' $sources; then
    fail "forbidden construct in Sources"
fi
if grep -nE '(^|[^A-Za-z0-9_.])(debugPrint|print|dump)\(' $sources | grep -v 'func dump('; then
    fail "print in Sources; standard output belongs to StandardStreams"
fi

if git grep -nE '\b(TODO|FIXME)\b' -- . ':!scripts/check.sh' ':!*/Generated/*'; then fail "unfinished work is marked"; fi
if git ls-files | grep -iE '(^|/)placeholder\.|\.gitkeep$'; then fail "a file that only holds a place"; fi

# Lengths of files and functions, the list of unsafe files, the direction of imports.
python3 scripts/check_sources.py || status=1

# The files that start Tare on clusters; 'make deploy-check' holds them against the executable too.
scripts/check-deploy.sh || status=1

# Every file and folder that the documents name exists.
for document in README.md CHANGELOG.md $(git ls-files 'docs/*.md' 'Benchmarks/*.md' 'Examples/*.md'); do
    for path in $(grep -oE '`(Sources|Tests|Benchmarks|Examples|docs|scripts)/[A-Za-z0-9_./+-]+`' "$document" | tr -d '`'); do
        [ -e "$path" ] || fail "$document names $path, which does not exist"
    done
    if grep -nE '^@[A-Z]+@$' "$document"; then fail "$document has a place that nobody filled"; fi
done

[ $status -eq 0 ] && echo "check: everything in order"
exit $status
