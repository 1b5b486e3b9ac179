#!/bin/sh
# Format, lint and documentation checks: what a reviewer should never have to say.
set -eu
cd "$(dirname "$0")/.."
status=0
fail() { echo "check: $1" >&2; status=1; }

sources=$(git ls-files '*.swift' | grep -v '/Generated/')
swift format lint --strict --parallel --configuration .swift-format $sources || fail "swift-format (run: swift format --in-place --parallel --configuration .swift-format FILES)"

code=$(git ls-files 'Sources/*.swift' | grep -v '/Generated/')
if grep -nE '@unchecked Sendable|nonisolated\(unsafe\)|try!|as!|fatalError\(' $code; then fail "forbidden construct in Sources"; fi
if grep -nE '(^|[^A-Za-z.])print\(' $code; then fail "print in Sources"; fi

# Unsafe code lives in few files, each named here.
allowed=$(sed -e 's/#.*//' -e '/^ *$/d' scripts/unsafe-files.txt)
for file in $(grep -lE '\bunsafe ' $code); do
    echo "$allowed" | grep -qxF "$file" || fail "unsafe code in $file, which scripts/unsafe-files.txt does not name"
done

for file in $code; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 400 ] || fail "$file has $lines lines (limit 400)"
done

# Every file and folder that the documents name exists.
for document in README.md CHANGELOG.md $(git ls-files 'docs/*.md' 'Benchmarks/*.md' 'Examples/*.md'); do
    for path in $(grep -oE '`(Sources|Tests|Benchmarks|Examples|docs|scripts)/[A-Za-z0-9_./-]+`' "$document" | tr -d '`'); do
        [ -e "$path" ] || fail "$document names $path, which does not exist"
    done
done
[ $status -eq 0 ] && echo "check: everything in order"
exit $status
