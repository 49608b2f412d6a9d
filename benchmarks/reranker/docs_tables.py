"""The tables of the rerankers."""

from __future__ import annotations

from pathlib import Path

from cells import NOT_RUN, head, interval, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"


def reranker_base_table() -> str:
    """Two rows for each set, test queries and all judged ones, and their mean: BM25 and the base, paired by query."""
    path = RESULTS / "base.json"
    if not path.is_file():
        return NOT_RUN
    lines = head("set", "queries", "BM25", "base", "difference")
    for name, one in read_json(path)["sets"].items():
        rows = {f"{name}, test": one, f"{name}, all judged": one["all"]} if "all" in one else {f"**{name}**": one}
        for label, row in rows.items():
            change = {"delta": row["difference"], **row}
            cells = [label, str(row["queries"]), f"{row['bm25']:.1f}", f"{row['reranker']:.1f}", interval(change)]
            lines.append(line(cells))
    return "\n".join(lines)


def reranker_tried_table() -> str:
    """One row for each candidate: what dev items say, and of the chosen one each seed's test queries."""
    path = RESULTS / "scifact.json"
    if not path.is_file():
        return NOT_RUN
    lines = head(
        "family", "candidate", "dev: gain", "mean loss", "seed", "SciFact", "mean out of domain", "each set", "verdict"
    )
    for family, one in read_json(path)["families"].items():
        for name, tried in one["tried"].items():
            strength = "" if tried["value"] == 1 else f" at strength {tried['value']:g}"
            cells = [family, f"**{name}**{strength}" if name == one["chosen"] else name + strength]
            cells += [f"{tried['gain']:+.1f}", f"{tried['mean_loss']:.1f}"]
            for seed, found in one["seeds"].items() if name == one["chosen"] else ():
                sets = "; ".join(f"{probe} {interval(change)}" for probe, change in found["sets"].items())
                tested = [seed, interval(found["gain"]), interval(found["mean"]), sets, found["verdict"]]
                lines.append(line([*cells, *tested]))
                cells = ["", "", "", ""]
            if name != one["chosen"]:
                lines.append(line([*cells, "", "", "", "", ""]))
    return "\n".join(lines)


def reranker_table() -> str:
    """One row for each family over all seeds: the gain, the mean loss and that of each set, with bounds."""
    path = RESULTS / "scifact.json"
    pooled = read_json(path).get("pooled") if path.is_file() else None
    if pooled is None:
        return "Not run with several seeds yet."
    lines = head("family", "gain", "mean loss (at most)", "loss of each set")
    for family in ("plain", "ours"):
        one = pooled[family]
        sets = "; ".join(
            f"{name} {found['loss']:.1f} ({found['low']:.1f} to {found['high']:.1f})"
            for name, found in one["sets"].items()
        )
        mean = one["mean_loss"]
        lines.append(f"| {family} | {interval(one['gain'])} | {mean['loss']:.1f} ({mean['at_most']:.1f}) | {sets} |")
    kept = pooled["gain_kept"]
    return "\n".join([*lines, "", f"Gain kept: {kept['share']:.0%} of plain's (at least {kept['at_least']:.0%})."])


def reranker_speed_table() -> str:
    """One row for each way: pairs a second in each round."""
    path = RESULTS / "speed.json"
    if not path.is_file():
        return NOT_RUN
    one = read_json(path)
    lines = head("", "pairs a second, in turns")
    lines += [f"| {way} | {', '.join(f'{rate:g}' for rate in rates)} |" for way, rates in one["pairs a second"].items()]
    away = one["largest difference of a score"]
    return "\n".join([*lines, "", f"{one['times as fast']:g} times as fast; scores differ by at most {away:.1g}."])


TABLES = {
    "reranker base table": reranker_base_table,
    "reranker tried table": reranker_tried_table,
    "reranker table": reranker_table,
    "reranker speed table": reranker_speed_table,
}
