/** @file The HTML report of an image classifier: one self-contained page. Everything that comes from data is escaped. */

import { formatPercent } from "../util/format.js";

/** What the page shows. */
export interface ImageReport {
  readonly title: string;
  /** Facts in a line, as in `["model", "efficientnet-lite0"]`. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly labels: readonly string[];
  /** Rows are true labels, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[];
  readonly perClass: readonly ClassFigures[];
  readonly accuracy: number;
  readonly pictures: readonly ReportPicture[];
}

export interface ClassFigures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
}

export interface ReportPicture {
  readonly path: string;
  readonly label: string;
  readonly predicted: string;
  /** Probability of the predicted label. */
  readonly probability: number;
  /** A small WebP picture. */
  readonly thumbnail: Uint8Array;
}

/** The page as text. Mistakes come first, the surest ones on top. */
export function renderReport(report: ImageReport): string {
  const wrong = report.pictures.filter(isWrong).sort((a, b) => b.probability - a.probability);
  const right = report.pictures.filter((picture) => !isWrong(picture)).sort((a, b) => a.probability - b.probability);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(report.title)}</title>
<style>${css}</style>
</head>
<body>
<header>
<h1>${escapeHtml(report.title)}</h1>
<p class="accuracy"><b>${formatPercent(report.accuracy)}</b> of ${report.pictures.length} test pictures got the right label</p>
<dl>${report.facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>
</header>
<section>
<h2>Confusion matrix</h2>
<div class="scroll">${confusionTable(report)}</div>
</section>
<section>
<h2>Per class</h2>
<div class="scroll">${classTable(report)}</div>
</section>
<section>
<h2>Mistakes <small>${wrong.length}, the surest first</small></h2>
${wrong.length === 0 ? "<p>None.</p>" : `<ul class="pictures">${wrong.map(figure).join("\n")}</ul>`}
</section>
<section>
<h2>Right <small>${right.length}, the least sure first</small></h2>
<ul class="pictures">${right.map(figure).join("\n")}</ul>
</section>
</body>
</html>
`;
}

/** Text made safe for HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

function isWrong({ label, predicted }: ReportPicture): boolean {
  return label !== predicted;
}

function confusionTable({ labels, confusion }: ImageReport): string {
  const head = labels.map((label) => `<th scope="col">${escapeHtml(label)}</th>`).join("");
  const rows = confusion.map((counts, i) => {
    const total = counts.reduce((a, b) => a + b, 0);
    const cells = counts.map((count, j) => {
      const share = total === 0 ? 0 : count / total;
      return `<td class="${i === j ? "right" : "wrong"}" style="--share:${share.toFixed(3)}">${count}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(labels[i]!)}</th>${cells.join("")}</tr>`;
  });
  const corner = `<td class="corner">true ↓ predicted →</td>`;
  return `<table class="confusion"><thead><tr>${corner}${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function classTable({ labels, perClass }: ImageReport): string {
  const rows = perClass.map(({ precision, recall, f1, support }, i) => {
    const cells = [precision, recall, f1].map((x) => `<td>${formatPercent(x)}</td>`).join("");
    return `<tr><th scope="row">${escapeHtml(labels[i]!)}</th>${cells}<td>${support}</td></tr>`;
  });
  const head = ["precision", "recall", "F1", "pictures"].map((name) => `<th scope="col">${name}</th>`).join("");
  return `<table><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function figure(picture: ReportPicture): string {
  const source = `data:image/webp;base64,${Buffer.from(picture.thumbnail).toString("base64")}`;
  const path = escapeHtml(picture.path);
  const said = `<span class="said">${escapeHtml(picture.predicted)} <b>${formatPercent(picture.probability)}</b></span>`;
  const truth = isWrong(picture) ? `<span class="truth">is ${escapeHtml(picture.label)}</span>` : "";
  const image = `<img src="${source}" alt="${path}" title="${path}" loading="lazy">`;
  return `<li class="${isWrong(picture) ? "wrong" : "right"}">${image}${said}${truth}</li>`;
}

const css = `
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfbf9; --line: #d9dbd5; --good: 34 139 94; --bad: 205 66 52; --soft: #68707d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9e6; --paper: #15181d; --line: #353a42; --good: 80 190 140; --bad: 240 110 95; --soft: #9aa2ae; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; }
small { color: var(--soft); font-weight: normal; }
.accuracy { font-size: 1.15rem; margin: .5rem 0 1rem; }
.accuracy b { font-size: 2.2rem; color: rgb(var(--good)); margin-right: .25rem; }
dl { display: flex; flex-wrap: wrap; gap: .25rem 2rem; margin: 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .8rem; text-align: right; border-bottom: 1px solid var(--line); font-weight: normal; }
th { color: var(--soft); max-width: 14rem; overflow-wrap: anywhere; }
tbody th { text-align: left; color: var(--ink); }
.corner { color: var(--soft); font-size: .8rem; text-align: left; }
.confusion td:not(.corner) { min-width: 4rem; text-align: center; }
.confusion td.right { background: rgb(var(--good) / calc(var(--share) * .55)); }
.confusion td.wrong { background: rgb(var(--bad) / calc(var(--share) * 1.2)); }
.pictures { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(126px, 1fr)); gap: .75rem; }
.pictures li { display: flex; flex-direction: column; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; font-size: .82rem; line-height: 1.35; padding-bottom: .4rem; }
.pictures li.wrong { border-color: rgb(var(--bad) / .6); }
.pictures img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff; margin-bottom: .4rem; font-size: 0; }
.pictures span { padding: 0 .5rem; overflow-wrap: anywhere; }
.pictures b { font-weight: 600; }
.said { color: rgb(var(--good)); }
.wrong .said { color: rgb(var(--bad)); }
.truth { color: var(--soft); }
`;
