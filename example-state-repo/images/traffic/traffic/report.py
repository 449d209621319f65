"""One self-contained page about a recording: pictures, charts and tables, no outside references.

Reads ``summary.json``, ``video.json``, ``background.jpg``, ``heatmap.png`` and ``frames/*.jpg``;
writes ``report.html``.
"""

import base64
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2

from traffic import charts
from traffic.stage import BadInput, Stage, read_json, run, write_bytes
from traffic.video import fitted

INPUTS: dict[str, str] = {}

SIDES = ("N", "E", "S", "W", "?")
SIDE_NAMES = {"N": "north", "E": "east", "S": "south", "W": "west", "?": "unknown"}
KMH = 3.6
SPEED_BINS = 10
PICTURE_WIDTH = 960
SAMPLE_WIDTH = 480
LONGEST_TABLE = 60

STYLE = """
:root{--ink:#1c2430;--soft:#5d6b7e;--line:#dfe5ec;--paper:#f5f7fa;--card:#fff;--accent:#0b72b9;--tint:11,114,185}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf2;--soft:#98a6b8;--line:#2c3644;--paper:#11161d;--card:#1a212b;
--accent:#4db1f5;--tint:77,177,245}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0}h2{font-size:16px;margin:0 0 10px}
p{margin:4px 0}.soft{color:var(--soft)}.facts,.two,.four{display:grid;gap:14px;margin-top:16px}
.facts{grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.two{grid-template-columns:repeat(auto-fit,minmax(380px,1fr))}
.two>:last-child:nth-child(odd){grid-column:1/-1}
.four{grid-template-columns:repeat(auto-fit,minmax(200px,1fr))}
.card{background:var(--card);border:1px solid var(--line);
border-radius:10px;padding:16px;min-width:0}.fact b{display:block;font-size:24px;line-height:1.2}
img,svg{width:100%;height:auto;
display:block;border-radius:6px}
svg text{font-size:11px;fill:var(--soft)}.grid{stroke:var(--line)}.bar{fill:var(--accent)}
.area{fill:rgba(var(--tint),.18)}
.line{fill:none;stroke:var(--accent);stroke-width:2}
.path{stroke-width:2.5;stroke-opacity:.9}
.path:hover{stroke-width:6}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;text-align:right;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
.meter{display:block;height:8px;border-radius:4px;background:var(--line);
min-width:90px}.meter span{display:block;height:100%;border-radius:4px;background:var(--accent)}
.cell{display:block;padding:6px;border-radius:4px}
.matrix td,.matrix th{text-align:center}
"""

Facts = dict[str, Any]


def data_uri(path: Path, *, width: int) -> str:
    """A picture as a JPEG inside the page."""
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        raise BadInput(f"{path.name} is missing or no picture: run the stages before report again")
    data = cv2.imencode(".jpg", fitted(image, width), [cv2.IMWRITE_JPEG_QUALITY, 78])[1]
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def card(title: str, body: str) -> str:
    return f'<section class="card"><h2>{escape(title)}</h2>{body}</section>'


def fact(value: str, name: str) -> str:
    return f'<div class="card fact"><b>{escape(value)}</b><span class="soft">{escape(name)}</span></div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "") -> str:
    """Cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def headline(facts: Facts) -> str:
    tracks = facts["tracks"]
    seconds = facts["video"]["frames"] / facts["video"]["fps"]
    top = max(track["top_speed_mps"] for track in tracks) * KMH
    cells = [
        fact(str(facts["vehicles"]), "vehicles"),
        fact(f"{facts['vehicles'] / seconds * 60:.0f}", "vehicles a minute"),
        fact(f"{facts['mean_speed_mps'] * KMH:.1f} km/h", "mean speed"),
        fact(f"{top:.1f} km/h", "top speed"),
        fact(f"{sum(track['path_m'] for track in tracks):.0f} m", "driven in the picture"),
    ]
    if facts["accuracy"]:
        cells.append(fact(f"{facts['accuracy']['mota']:.2f}", "MOTA, of 1"))
    return f'<div class="facts">{"".join(cells)}</div>'


def trajectories(facts: Facts, background: str) -> str:
    size = facts["video"]["width"], facts["video"]["height"]
    titles = {
        f"vehicle {t['id']}: {SIDE_NAMES[t['from']]} to {SIDE_NAMES[t['to']]}, {t['mean_speed_mps'] * KMH:.0f} km/h": [
            (float(x), float(y)) for x, y in t["path"]
        ]
        for t in facts["tracks"]
    }
    return charts.paths_over(background, size, titles)


def flow_matrix(flows: dict[str, int]) -> str:
    """Rows: where from; columns: where to."""
    used = [side for side in SIDES if side != "?" or any("?" in flow for flow in flows)]
    most = max(flows.values(), default=1)
    rows = []
    for entry in used:
        counts = [flows.get(f"{entry}>{leaving}", 0) for leaving in used]
        cells = [
            f'<span class="cell" style="background:rgba(var(--tint),{0.5 * n / most:.2f})">{n or "·"}</span>'
            for n in counts
        ]
        rows.append([f"from {SIDE_NAMES[entry]}", *cells, f"<b>{sum(counts)}</b>"])
    return table(["", *(f"to {SIDE_NAMES[side]}" for side in used), "sum"], rows, kind="matrix")


def accuracy_card(accuracy: Facts) -> str:
    names = {"mota": "MOTA", "idf1": "IDF1", "recall": "recall", "precision": "precision"}
    rows = [[name, f"{accuracy[key]:.3f}", charts.bar(accuracy[key])] for key, name in names.items()]
    rows.append(["identity switches", str(accuracy["id_switches"]), ""])
    rows.append(["true / found vehicles", f"{accuracy['true_vehicles']} / {accuracy['found_vehicles']}", ""])
    return card("Accuracy against ground truth", table(["measure", "value", ""], rows))


def vehicle_table(tracks: Sequence[Facts]) -> str:
    rows = [
        [
            str(t["id"]),
            f"{SIDE_NAMES[t['from']]} → {SIDE_NAMES[t['to']]}",
            f"{t['first_s']:.1f} … {t['last_s']:.1f}",
            f"{t['path_m']:.0f}",
            f"{t['mean_speed_mps'] * KMH:.1f}",
            f"{t['top_speed_mps'] * KMH:.1f}",
        ]
        for t in tracks[:LONGEST_TABLE]
    ]
    head = ("vehicle", "way", "seen, s", "path, m", "mean, km/h", "top, km/h")
    more = f'<p class="soft">and {len(tracks) - LONGEST_TABLE} more in summary.json</p>'
    return table(head, rows) + (more if len(tracks) > LONGEST_TABLE else "")


def sample_frames(folder: Path) -> str:
    pictures = [
        f'<img alt="frame {int(path.stem)} with detections" src="{data_uri(path, width=SAMPLE_WIDTH)}">'
        for path in sorted(folder.glob("*.jpg"))
    ]
    return f'<div class="four" style="margin:0">{"".join(pictures)}</div>' if pictures else "<p>none</p>"


def how_made(video: Facts) -> str:
    return (
        f"{escape(str(video['name']))}: {video['width']} × {video['height']}, {video['frames']} frames, "
        f"{float(video['fps']):g} a second. Detector {escape(str(video['detector']))}, "
        f"threshold {video['threshold']:g}, smallest vehicle {video['min_area']:g} px²."
    )


def page(facts: Facts, video: Facts, workspace: Path) -> str:
    speeds = [track["mean_speed_mps"] * KMH for track in facts["tracks"]]
    counts = [(float(span["s"]), float(span["vehicles"])) for span in facts["counts"]]
    background = data_uri(workspace / "background.jpg", width=PICTURE_WIDTH)
    heat = data_uri(workspace / "heatmap.png", width=PICTURE_WIDTH)
    cards = [
        card("Speeds", charts.histogram(speeds, bins=SPEED_BINS, x_label="mean speed, km/h", y_label="vehicles")),
        card("Vehicles in the picture", charts.line(counts, x_label="time, s", y_label="vehicles")),
        card("Flows", flow_matrix(facts["flows"])),
    ]
    if facts["accuracy"]:
        cards.append(accuracy_card(facts["accuracy"]))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Traffic report: {escape(str(video["name"]))}</title><style>{STYLE}</style></head><body><main>
<h1>Traffic report</h1><p class="soft">{how_made(video)}</p>
{headline(facts)}
<div class="two">{card("Paths", trajectories(facts, background))}
{card("Hot spots", f'<img alt="where vehicles spend their time" src="{heat}">')}</div>
<div class="two">{"".join(cards)}</div>
<div style="margin-top:16px">{card("Sample frames", sample_frames(workspace / "frames"))}</div>
<div style="margin-top:16px">{card("Vehicles", vehicle_table(facts["tracks"]))}</div>
</main></body></html>
"""


def report(stage: Stage) -> None:
    facts = read_json(stage.path("summary.json"), made_by="analyse")
    video = read_json(stage.path("video.json"), made_by="detect")
    stage.progress(10, "drawing")
    html = page(facts, video, stage.workspace)
    write_bytes(stage.path("report.html"), html.encode())
    stage.metric("report_bytes", len(html))
    stage.metric("vehicles", int(str(facts["vehicles"])))
    stage.finish(f"report.html, {len(html) // 1024} KiB", vehicles=facts["vehicles"])


if __name__ == "__main__":
    sys.exit(run("report", INPUTS, report))
