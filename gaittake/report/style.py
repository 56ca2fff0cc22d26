"""The style sheet of the page: light and dark, for screen, phone and print."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfcf9; --ink: #1c1d20; --faint: #63656b; --rule: #dcd8cf; --wash: #f3f0e9;
  --heat: #14507c; --good: #2c6e31; --bad: #a8371b; --left: #c9510c; --right: #1769aa;
  --c0: #14507c; --c1: #b9481a; --c2: #35752f; --c3: #7b458f; --c4: #86690d; --c5: #a02c55;
}
@media (prefers-color-scheme: dark) {
  :root:not(.light) {
    --paper: #16171a; --ink: #e8e6e1; --faint: #a2a3a8; --rule: #37393f; --wash: #202227;
    --heat: #7fbdec; --good: #86c987; --bad: #f19078; --left: #ffa054; --right: #6cbcf5;
    --c0: #7fbdec; --c1: #f3a074; --c2: #93cf8b; --c3: #cfa4df; --c4: #dcc06a; --c5: #f08cae;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3.5rem 1.25rem 5rem; max-width: 68rem;
  background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Charter, "Bitstream Charter", "Iowan Old Style", Georgia, serif;
  overflow-wrap: break-word;
}
p, ul { max-width: 42rem; }
h1, h2, h3, table, figcaption, small, nav, svg text, .legend, .kind, .note, summary {
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650; margin: 0.3rem 0 1rem;
  letter-spacing: -0.015em; }
h2 { font-size: 1.3rem; line-height: 1.3; font-weight: 650; margin: 0 0 0.8rem; }
h3 { font-size: 1rem; font-weight: 600; margin: 1.8rem 0 0.4rem; }
section { border-top: 1px solid var(--rule); margin-top: 3rem; padding-top: 1.6rem; }
.kind { font-size: 0.8rem; letter-spacing: 0.08em; text-transform: uppercase; color: var(--faint);
  margin: 0; }
.lead { font-size: 1.3rem; line-height: 1.5; max-width: 46rem; margin: 0 0 1.2rem; }
.people { margin: 0 0 1.2rem; }
.banner { border-left: 4px solid var(--bad); background: var(--wash); padding: 0.7rem 1rem;
  max-width: 46rem; margin: 1.2rem 0; }
.note { color: var(--faint); font-size: 0.92rem; }
nav { font-size: 0.88rem; line-height: 2; }
nav a { margin-right: 1.1rem; white-space: nowrap; }
a { color: var(--heat); text-underline-offset: 0.18em; text-decoration-thickness: 1px; }
.scroll { overflow-x: auto; max-width: 100%; margin: 1rem 0 1.4rem; }
.scroll:focus-visible { outline: 2px solid var(--heat); outline-offset: 3px; }
table { border-collapse: collapse; font-size: 0.86rem; line-height: 1.45;
  font-variant-numeric: tabular-nums; }
figure.table figcaption { margin: 0; }
figure.table .scroll { margin: 0.6rem 0 0; }
th { font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: 0.26rem 0.65rem; white-space: nowrap; }
thead th, thead button { white-space: normal; text-wrap: balance; text-align: inherit; }
th:first-child, td:first-child { padding-left: 0; }
tbody + tbody tr:first-child > * { border-top: 1px solid var(--rule); }
tbody tr + tr > .group { color: transparent; }
tbody th { font-weight: inherit; border-bottom: 0; text-align: left; vertical-align: baseline; }
td { vertical-align: baseline; }
tbody:last-child tr:last-child > * { border-bottom: 1.5px solid var(--ink); }
.word { text-align: left; }
.number { text-align: right; }
.mean { text-align: left; }
.spread { color: var(--faint); }
td.long, td .long { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
.best { font-weight: 700; }
.second { text-decoration: underline; text-underline-offset: 0.2em; }
figure { margin: 1.2rem 0 1.8rem; }
figcaption { color: var(--faint); font-size: 0.86rem; line-height: 1.5; margin-top: 0.6rem;
  max-width: 46rem; }
figcaption a { margin-left: 0.5em; white-space: nowrap; }
.rows { display: flex; flex-wrap: wrap; gap: 1.2rem 2rem; }
.rows > * { min-width: 0; max-width: 100%; }
.grid { display: grid; gap: 1.2rem 1.6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17.5rem), 1fr)); }
.pairs { display: grid; gap: 0 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.pairs p { margin-bottom: 0; }
.pairs .scroll { margin-top: 0.5rem; }
.panels { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.7rem;
  max-width: 46rem; }
.panels small { display: block; color: var(--faint); font-size: 0.78rem; line-height: 1.35;
  margin-top: 0.3rem; }
svg { display: block; width: 100%; height: auto; }
.scroll svg { min-width: 30rem; }
.rows .scroll svg { min-width: 0; }
svg text { fill: var(--ink); font-size: 11px; }
svg .soft { fill: var(--faint); }
svg .title { font-weight: 600; font-size: 12px; }
svg .axis { stroke: var(--faint); stroke-width: 1; fill: none; }
svg .gridline { stroke: var(--rule); stroke-width: 0.7; fill: none; }
svg .bone { stroke-linecap: round; fill: none; }
svg image { image-rendering: pixelated; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; font-size: 0.86rem; margin: 0; }
.legend svg { display: inline-block; width: 1.9rem; min-width: 0; height: 0.7rem;
  margin-right: 0.4rem; vertical-align: baseline; }
figure > .legend { margin-bottom: 0.9rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; font-size: 0.92rem; }
summary:focus-visible, button:focus-visible, a:focus-visible, svg:focus-visible {
  outline: 2px solid var(--heat); outline-offset: 3px; }
button { font: 0.78rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--paper); border: 1px solid var(--rule); border-radius: 3px;
  padding: 0.1rem 0.55rem; cursor: pointer; }
button:hover { border-color: var(--faint); }
button.sort { position: relative; font: inherit; color: inherit; background: none; border: 0;
  padding: 0; }
button.sort:hover { text-decoration: underline; text-underline-offset: 0.2em; }
button.sort::after { content: "\2195"; color: var(--faint); opacity: 0;
  position: absolute; right: -0.8em; }
button.sort:hover::after, [aria-sort] button.sort::after { opacity: 1; }
[aria-sort="ascending"] button.sort::after { content: "\2191"; }
[aria-sort="descending"] button.sort::after { content: "\2193"; }
.picture { position: relative; min-width: 0; }
.picture > .scroll { margin-bottom: 0.4rem; }
.tools { position: absolute; right: 0; bottom: 0; display: flex; gap: 0.35rem; opacity: 0;
  transition: opacity 0.12s; }
.picture:hover .tools, .tools:focus-within { opacity: 1; }
@media (hover: none) { .tools { position: static; opacity: 1; margin-top: 0.35rem; } }
#tip { position: fixed; z-index: 2; pointer-events: none; white-space: pre; padding: 0.3rem 0.6rem;
  background: var(--ink); color: var(--paper); border-radius: 3px;
  font: 0.78rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
svg .guide { stroke: var(--faint); stroke-width: 1; pointer-events: none; }
dialog { width: 94vw; max-width: none; background: var(--paper); color: var(--ink);
  border: 1px solid var(--rule); border-radius: 4px; padding: 0.8rem; }
dialog::backdrop { background: #0008; }
dialog > svg { width: 100% !important; max-width: none !important; height: 82vh;
  margin-top: 0.6rem; }
@media (max-width: 34rem) {
  body { padding-top: 1.8rem; font-size: 1rem; }
  h1 { font-size: 1.55rem; }
  .lead { font-size: 1.13rem; }
  .spread { display: block; font-size: 0.92em; }
  tbody th { position: sticky; left: 0; background: var(--paper); }
  td.word { white-space: normal; }
}
@media print {
  body { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  nav, .tools, #tip, figcaption a { display: none; }
  button.sort::after { content: none; }
  figure, tr { break-inside: avoid; }
}
"""
