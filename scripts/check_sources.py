#!/usr/bin/env python3
"""Checks what no linter does: the length of files and functions, the list of unsafe files, and the direction of imports.

Prints one line for each finding and exits with 1 when there is any.
"""

import json
import pathlib
import re
import subprocess
import sys

LINES_OF_FILE = 400
LINES_OF_FUNCTION = 60
ROOT = pathlib.Path(__file__).resolve().parent.parent

MODIFIERS = (
    r"(?:@\w+(?:\([^)]*\))? |"
    r"(?:public|package|internal|fileprivate|private|static|class|final|override|mutating|nonmutating|consuming|borrowing|"
    r"convenience|required|nonisolated) )*"
)
FUNCTION = re.compile(r"^( *)" + MODIFIERS + r"(?:func (\S+?)[(<]|(init)[?(<]|(deinit)\b|(subscript)[(<]|(?:var|let) (\w+)\b)")
IMPORT = re.compile(r"^(?:@\w+ )*(?:public |package |internal |private )?import (?:struct |class |enum |func |var )?(\w+)", re.M)


def tracked(*patterns):
    names = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [name for name in names if "/Generated/" not in name and (ROOT / name).exists()]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def reasons(name):
    """The entries of a list file: a path and, behind a #, the reason."""
    lines = (line.partition("#") for line in read(name).splitlines())
    return {entry.strip(): reason.strip() for entry, _, reason in lines if entry.strip()}


def functions(text):
    """The functions of a formatted file: name, first line, lines between its braces. The indentation tells their end."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        match = FUNCTION.match(line)
        if not match:
            continue
        indentation, name = match.group(1), next(group for group in match.groups()[1:] if group)
        body = None
        for number in range(start, len(lines)):
            current = lines[number]
            depth = len(current) - len(current.lstrip())
            if body is not None and current.startswith(indentation + "}"):
                yield name, start + 1, number - body - 1
                break
            if body is None and current.rstrip().endswith("{") and depth == len(indentation):
                body = number
            elif current.strip() and number > start and depth <= len(indentation) and current.lstrip()[0] not in ")]}":
                break  # a declaration without a body, or a body on one line


def check_lengths(sources):
    for name in sources:
        text = read(name)
        count = text.count("\n")
        if count > LINES_OF_FILE:
            yield f"{name} has {count} lines (limit {LINES_OF_FILE})"
        for function, line, length in functions(text):
            if length > LINES_OF_FUNCTION:
                yield f"{name}:{line}: {function} has {length} lines (limit {LINES_OF_FUNCTION})"


def check_unsafe(sources):
    """Unsafe code lives in few files, each listed with its reason."""
    allowed = reasons("scripts/unsafe-files.txt")
    found = {name for name in sources if re.search(r"^[^/\n]*\bunsafe\b", read(name), re.M)}
    for name in sorted(found - set(allowed)):
        yield f"unsafe code in {name}, which scripts/unsafe-files.txt does not list"
    for name in sorted(set(allowed) - found):
        yield f"scripts/unsafe-files.txt lists {name}, which has no unsafe code (any more)"
    for name in sorted(name for name, reason in allowed.items() if not reason):
        yield f"scripts/unsafe-files.txt gives no reason for {name}"


def table_order():
    """The targets of the table in docs/architecture.md, top to bottom, each with its folder."""
    order = {}
    for row in re.findall(r"^\|(.+?)\|(.+?)\|.+\|$", read("docs/architecture.md"), re.M):
        folders, targets = (re.findall(r"`([^`]+)`", cell) for cell in row)
        for folder, target in zip(folders, targets):
            order[target] = folder
    return order


def check_imports():
    """Every import is declared, every declared dependency imported, and no import points up or across."""
    package = json.loads(
        subprocess.run(["swift", "package", "dump-package"], cwd=ROOT, check=True, capture_output=True).stdout
    )
    targets = {target["name"]: target for target in package["targets"]}
    order = table_order()
    rank = {name: number for number, name in enumerate(order)}
    for name, target in targets.items():
        path = target["path"]
        if path.startswith("Sources/") and order.get(name) != path:
            yield f"docs/architecture.md does not say that {name} lies in {path}"
        imports = set()
        for source in tracked(f"{path}/*.swift"):
            text = re.sub(r'"""\n.*?"""', "", read(source), flags=re.S)
            imports |= {module for module in IMPORT.findall(text) if module in targets}
        declared = {
            dependency.get("byName", dependency.get("target", [""]))[0] for dependency in target["dependencies"]
        } & set(targets)
        for module in sorted(imports - declared):
            yield f"{name} imports {module} without declaring it in Package.swift"
        for module in sorted(declared - imports):
            if targets[module]["type"] != "executable":  # a test that starts the command needs it built
                yield f"{name} declares {module} in Package.swift without importing it"
        for module in sorted(imports):
            if name in rank and rank.get(module, len(rank)) >= rank[name]:
                yield f"{name} imports {module}, which docs/architecture.md does not have above it"
            sides = {pathlib.Path(targets[side]["path"]).parts[:2] for side in (name, module)}
            if sides == {("Sources", "Coordinator"), ("Sources", "Worker")}:
                yield f"{name} imports {module}: coordinator and worker know each other through messages only"
    for name in sorted(set(order) - set(targets)):
        yield f"docs/architecture.md lists the target {name}, which Package.swift does not have"


def main():
    sources = tracked("Sources/*.swift")
    findings = [*check_lengths(sources), *check_unsafe(sources), *check_imports()]
    for finding in findings:
        print(f"check: {finding}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
