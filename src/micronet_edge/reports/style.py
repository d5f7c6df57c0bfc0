"""The common style of all pages: light, dark, narrow and print."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1b2430; --soft: #5a6675; --faint: #e2e7ed; --band: #f5f7fa; --line: #1b243018;
  --blue: #2f6db3; --orange: #d1691f; --purple: #7854b4; --grey: #8d98a7; --green: #1f7a63; --red: #b3413a;
  --sky: #74abdf; --teal: #2a9088; --rose: #c8557f; --olive: #8f8a2e; --sand: #e2a45c; --brown: #8a6242;
  --g1: #74808f; --g2: #93a0ae; --g3: #b2bcc8; --g4: #cfd6de; --on: #fff;
  --amber: #fdf5e6; --amber-line: #d99a2b; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #12161c; --ink: #e4e9f0; --soft: #9ba7b6; --faint: #2b333e; --band: #1a2029; --line: #e4e9f01c;
  --blue: #6aa6ea; --orange: #ee965a; --purple: #b096ea; --grey: #8390a0; --green: #55c3a4; --red: #ee827a;
  --sky: #a2cdf5; --teal: #5cc4bb; --rose: #ec8fb1; --olive: #c9c35e; --sand: #f3c68c; --brown: #c59a77;
  --g1: #a3afbd; --g2: #808d9c; --g3: #626e7d; --g4: #4a5562; --on: #10141a;
  --amber: #2b2416; --amber-line: #c08a2c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.4rem 1.5rem 4rem; max-width: 66rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word; -webkit-text-size-adjust: 100%;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -.012em;
  overflow-wrap: anywhere; }
h2 { margin: 2.9rem 0 .35rem; font-size: 1.2rem; font-weight: 650; letter-spacing: -.005em; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1rem; font-weight: 650; overflow-wrap: anywhere; }
h4 { margin: 1.1rem 0 .15rem; font-size: .86rem; font-weight: 650; color: var(--soft);
  overflow-wrap: anywhere; }
p { margin: .3rem 0 .9rem; color: var(--soft); max-width: 47rem; }
p strong, li strong { color: var(--ink); font-weight: 600; overflow-wrap: anywhere; }
small { color: var(--soft); font-size: .86em; font-weight: 400; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; }
.from { margin: .4rem 0 1rem; }
.lead { color: var(--ink); font-size: 1.06rem; max-width: 50rem; margin-bottom: 1.1rem; }
.fine { font-size: .9rem; }
.warnings { border-left: 4px solid var(--amber-line); background: var(--amber); border-radius: 0 8px 8px 0;
  padding: .75rem 1.1rem .8rem; }
.warnings h2 { margin: 0 0 .2rem; font-size: 1rem; }
ul, ol { margin: .2rem 0; padding-left: 1.2rem; }
li { margin: .15rem 0; overflow-wrap: anywhere; }
section > ul { color: var(--soft); max-width: 47rem; }
figure { margin: .8rem 0 0; }
figcaption { margin-top: .5rem; color: var(--soft); font-size: .88rem; }

table { width: 100%; border-collapse: collapse; font-size: .9rem; margin-top: .8rem; }
th, td { padding: .42rem .6rem; text-align: right; vertical-align: baseline; font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 1.5px solid var(--ink); color: var(--soft); font-size: .82rem; line-height: 1.3;
  vertical-align: bottom; }
tbody tr > * { border-bottom: 1px solid var(--faint); }
tbody th { text-align: left; overflow-wrap: anywhere; min-width: 11.5rem; }
td b, td sup { white-space: nowrap; font-weight: 600; }
td small { white-space: nowrap; }
.words { text-align: left; }
td.words { overflow-wrap: anywhere; }
td.words small { white-space: normal; }
tr.group th { padding-top: 1.2rem; color: var(--soft); font-weight: 650; font-size: .86rem;
  border-bottom-color: var(--soft); }
tbody tr:not(.group):hover > * { background: var(--band); }
sup { font-size: .75em; line-height: 0; color: var(--soft); }
.faster { color: var(--green); } .slower { color: var(--red); } .even { color: var(--soft); }
.notes { color: var(--soft); font-size: .86rem; margin-top: .6rem; }

svg text { fill: var(--soft); font-size: 11px; dominant-baseline: central; font-family: inherit; }
svg .tick, svg .middle, svg .unit { text-anchor: middle; }
svg .end { text-anchor: end; }
svg .start { text-anchor: start; }
svg .grid { stroke: var(--line); }
svg .zero { stroke: var(--soft); stroke-opacity: .55; fill: none; }
.on-narrow { display: none; }

@media (max-width: 44rem) {
  .on-wide { display: none; } .on-narrow { display: block; }
  body { padding: 1.4rem 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  .lead { font-size: 1rem; }
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: .65rem 0 .6rem; border-bottom: 1px solid var(--faint); display: grid;
    grid-template-columns: 1fr 1fr; column-gap: 1.6rem; }
  tbody th, td.words, td.wide { grid-column: 1 / -1; }
  tbody tr > * { border: 0; padding: .08rem 0; }
  tbody tr:not(.group) > th { font-weight: 600; padding-bottom: .2rem; }
  tbody tr.group { padding: 1.1rem 0 .3rem; border-bottom-color: var(--soft); }
  tr.group th { padding: 0; }
  td, td.words { text-align: right; }
  td::before { content: attr(data-label); color: var(--soft); font-size: .92em; float: left;
    margin-right: 1rem; }
  td::after { content: ""; display: block; clear: both; }
  td:empty { display: none; }
}
@media print {
  @page { size: A4; margin: 13mm; }
  html { font-size: 9.5px; }
  body { padding: 0; max-width: none; font-size: 1rem; }
  p, .lead { max-width: none; }
  h2 { margin-top: 1.8rem; }
  h2, h3, h4, summary { break-after: avoid; }
  tr, figure svg, .row, .warnings { break-inside: avoid; }
  table { font-size: .88rem; }
}
"""
