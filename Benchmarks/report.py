#!/usr/bin/env python3
"""Benchmarks/RESULTS.md from measurements: report.py BENCH_JSON [PEERS_JSON...] > RESULTS.md

BENCH_JSON is what `octet bench --json` printed. PEERS_JSON are result files of a harness that ran the library's benchmark module
(octet_qbench) beside other libraries, turn by turn: objects with `suite`, `threads`, `date`, `contenders` and `rows`, each row with its
`case` and, under `results`, each contender's `min_ns`, with `maxdiff` and `fracdiff` where its outputs were compared.
"""
import json
import subprocess
import sys

SUBJECT = "octet"
# More of a contender's outputs than this may not differ by more than one step from the others'.
MOST_DIFFERING = 0.002


def commit():
    """The revision that was measured, marked when files differ from it."""
    def git(*words):
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def duration(nanoseconds):
    if nanoseconds < 1e3:
        return f"{nanoseconds:.0f} ns"
    return f"{nanoseconds / 1e3:.2f} us" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.3f} ms"


def table(header, rows):
    """A Markdown table; the first column is text, the others are figures."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(header) - 1)) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def rate(row):
    return f"{row['rate']:.1f}" if row["rate"] < 100 else f"{row['rate']:.0f}"


def own_tables(bench):
    """A section for each group, a line for each shape, the thread counts side by side."""
    threads = sorted({row["threads"] for row in bench["rows"]})
    groups = {}
    for row in bench["rows"]:
        groups.setdefault(row["group"], {}).setdefault(row["name"], {})[row["threads"]] = row
    lines = []
    for group, shapes in groups.items():
        machine = group == "machine"
        header = ["shape", "unit"]
        for count in threads:
            header += [f"{count}T rate", f"{count}T time"] + ([] if machine else [f"{count}T of bound"])
        header.append("instruction" if machine else "kernel")
        rows = []
        for name, by_threads in shapes.items():
            some = next(iter(by_threads.values()))
            cells = [name, some["unit"]]
            for count in threads:
                row = by_threads.get(count)
                cells += [rate(row), duration(row["least_ns"])] if row else ["", ""]
                if not machine:
                    cells.append(f"{100 * row['fraction']:.0f}% {row['bound']}" if row and "fraction" in row else "")
            rows.append(cells + [some["kernel"]])
        lines += ["", f"### {group}", ""] + table(header, rows)
    return lines


def is_sound(result):
    """False when a contender's outputs are not the others'."""
    return not isinstance(result.get("maxdiff"), str) and result.get("fracdiff", 0) <= MOST_DIFFERING


def peer_rows(entries):
    """A line for each row in which Octet and a peer with the same outputs were measured."""
    rows = []
    for entry in entries:
        done = {name: result for name, result in entry["results"].items() if "min_ns" in result}
        subject = done.pop(SUBJECT, None)
        sound = {name: result for name, result in done.items() if is_sound(result)}
        if not subject or not sound:
            continue
        best = min(sound, key=lambda name: sound[name]["min_ns"])
        others = sorted((name for name in done if name != best), key=lambda name: done[name]["min_ns"])
        rows.append([entry["case"]["name"], duration(subject["min_ns"]), duration(sound[best]["min_ns"]), best,
                     f"x{sound[best]['min_ns'] / subject['min_ns']:.2f}", ", ".join(f"{n} {duration(done[n]['min_ns'])}" for n in others)])
    return rows


def peer_tables(paths):
    """A section for each suite and thread count, which may have been measured in several runs."""
    runs = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
        runs.setdefault((run["suite"], run["threads"]), []).append(run)
    lines = []
    for (suite, count), parts in sorted(runs.items()):
        versions = "; ".join(sorted({c["version"] for run in parts for c in run["contenders"].values() if c.get("version")}))
        date = min(run["date"] for run in parts)
        lines += ["", f"### {suite}, {count} thread{'s' if count > 1 else ''}", "", f"{date}. {versions}.", ""]
        lines += table(["row", "Octet", "best peer", "which", "Octet is faster by", "others"],
                       peer_rows([entry for run in parts for entry in run["rows"]]))
    return lines


def main(paths):
    if not paths or paths[0].startswith("-"):
        sys.exit(__doc__)
    with open(paths[0], encoding="utf-8") as file:
        bench = json.load(file)
    if bench.get("schema") != "octet.bench/1":
        sys.exit(f"report.py: {paths[0]}: expected the schema octet.bench/1, received {bench.get('schema')!r}")
    machine = bench["machine"]
    lines = [
        "# Benchmark results",
        "",
        "Made by `scripts/bench-results`; run it again to make this file anew.",
        "",
        f"- machine: {machine['cpu']}, {machine['cores']} cores, {machine['system']}",
        f"- tier: {machine['tier']}",
        f"- version: {bench['version']}, commit {commit()}",
        f"- date: {bench['date']}, {bench['seconds_per_row']:g} s for each row",
        "",
        "Times are the least of batches of a fifth of a millisecond. \"Of bound\" compares them with what the machine could do: the shape's",
        "operations at the tier's peak on registers (`int8 peak`), or its bytes at the speed at which a buffer of their size is read or copied,",
        "whichever takes longer; both were measured in turn with the row, on one thread and on the row's. A multiply-add counts as two",
        "operations, a tap on padding as none. Above 100% the bound met more disturbance than the row, or hardware prefetching did better",
        "than the plain loop.",
        "",
        "## Octet on this machine",
    ]
    lines += own_tables(bench)
    if paths[1:]:
        lines += ["", "## Beside other libraries", "",
                  "Each library ran in a process of its own, in turn with the others, over the same data; outputs were compared. Times are the least",
                  "ones, and ratios are theirs."]
        lines += peer_tables(paths[1:])
    print("\n".join(lines))


main(sys.argv[1:])
